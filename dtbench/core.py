"""Problem, Instance, State, Slot, Decision, Outcome, Certificate: the words that every other part speaks.

The batch rule: arrays carry the problem's axes last, and any leading axes are a batch (parallel environments, a
population, the slots of a horizon). ``evaluate``, ``advance`` and ``observe`` are one expression for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from dtbench import notebook
from dtbench.about import About
from dtbench.arrays import ARRAY_COLUMNS, Array, Batched, BoolArray, at, specs
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.errors import DtbenchError, InvalidDecision
from dtbench.params import Params, unit_in_words
from dtbench.picture import Picture
from dtbench.prediction import PredictorTraining

Sense = Literal["min", "max"]
CertificateStatus = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class Paper:
    """Where a problem comes from."""

    authors: str
    title: str
    venue: str
    year: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance(Batched):
    """Frozen data of a problem: parameters and the exogenous trace. Fields with a ``time`` axis change per slot.

    A *batch* of instances, as :meth:`Problem.resample` makes it, is the same class with leading axes.
    """

    problem: str
    size: str
    seed: int
    params: Any
    name: str = ""

    @property
    def horizon(self) -> int:
        """T, the number of slots."""
        return self.dims["time"]

    def __repr__(self) -> str:
        batch = self.batch_shape
        lengths = ", ".join(f"{name} {length}" for name, length in self.dims.items() if name != "xy")
        copies = f", a batch of {batch}" if batch else ""
        return f"<Instance {self.name or f'{self.problem}/{self.size}, seed {self.seed}'}: {lengths}{copies}>"

    def _repr_html_(self) -> str:
        params = [(n, "" if s.unit == "1" else s.unit, v, s.doc) for n, s, v in self.params.items()]
        head = ("parameter", "unit", "value", "meaning")
        more = notebook.table(f"{len(params)} parameters", head, params)
        return notebook.table(repr(self).strip("<>"), ARRAY_COLUMNS, self._array_rows()) + (
            f"<details><summary>parameters</summary>{more}</details>"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class State(Batched):
    """What one slot hands to the next."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Slot(Batched):
    """All that a decision of one slot may look at: this slot's data, the state, the parameters."""

    params: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision(Batched):
    """What is decided in one slot."""


@dataclass(frozen=True)
class Outcome:
    """The referee's verdict on decisions; every array has the batch's shape (...,), metrics may have more axes.

    ``violations`` names each constraint family and measures how far it is broken, in its own unit; 0 is kept.
    """

    objective: Array
    feasible: BoolArray
    violations: Mapping[str, Array]
    metrics: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Limits:
    """What an exact method may spend and must prove.

    ``seconds`` of wall time are for one call: one slot of ``exact``, the whole horizon of ``exact_horizon``. Heuristics
    inside share them; what may come on top is a single step, such as writing a model down or a last linear program.
    ``gap`` is relative, ``gap_abs`` in the objective's unit; either one reached is enough for ``optimal``.
    ``gap = None`` leaves the problem's own target.
    """

    seconds: float = 3600.0
    gap: float | None = None
    gap_abs: float = 1e-9
    threads: int = 1


@dataclass(frozen=True)
class Certificate:
    """An exact method's result: the incumbent as the referee scores it, and a bound that a solver status proves.

    ``objective`` is NaN without an incumbent, ``bound`` is NaN where nothing is proved.

    ``prices`` are dual prices where the method has some, by name: by how much the objective would change per unit of a
    scarce thing. A certificate of a horizon has them with a leading time axis.
    """

    objective: float
    bound: float
    status: CertificateStatus
    seconds: float
    method: str
    backend: str
    decision: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, Array] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """``|objective - bound| / |objective|``; 0 where both agree, NaN where one is missing."""
        return relative_gap(self.objective, self.bound)


def relative_gap(objective: float, bound: float) -> float:
    """Distance between an objective and a bound relative to the objective; NaN where one is missing."""
    if objective == bound:
        return 0.0
    return abs(objective - bound) / max(abs(objective), 1e-12)


InstanceT = TypeVar("InstanceT", bound=Instance)
StateT = TypeVar("StateT", bound=State)
SlotT = TypeVar("SlotT", bound=Slot)
DecisionT = TypeVar("DecisionT", bound=Decision)


@dataclass(frozen=True, kw_only=True)
class Exactness:
    """How optima of a problem are proved.

    Attributes
    ----------
    methods
        What :meth:`Problem.exact` takes; the default first.
    horizon_methods
        What :meth:`Problem.exact_horizon` takes, where slots are coupled; the default first.
    bracket_methods
        It takes these too, but their bound need not reach the optimum.
    start_methods
        Those that :meth:`Problem.exact_from` takes, as they begin with a decision that is handed to them.
    target_gap
        Relative gap that counts as proof; ``target_gaps`` by size, where a size has another one.
    """

    methods: tuple[str, ...]
    horizon_methods: tuple[str, ...] = ()
    bracket_methods: tuple[str, ...] = ()
    start_methods: tuple[str, ...] = ()
    target_gap: float = 1e-4
    target_gaps: Mapping[str, float] = field(default_factory=dict)

    def target_gap_of(self, size: str) -> float:
        """Relative gap that counts as proof for instances of a size."""
        return self.target_gaps.get(size, self.target_gap)


@dataclass(frozen=True, kw_only=True)
class LibraryFacts:
    """What is special about a problem's instance files and its part of the library.

    Attributes
    ----------
    generator_version
        Raised whenever the generator draws something else: files of another version are refused.
    counts
        Shipped instances by size, where not the usual number.
    bracket_sizes
        Sizes whose best known values are brackets, not proven optima.
    """

    generator_version: int = 1
    counts: Mapping[str, int] = field(default_factory=dict)
    bracket_sizes: tuple[str, ...] = ()


class Problem(ABC, Generic[InstanceT, StateT, SlotT, DecisionT]):
    """One object per problem id, without state. Subclasses name their types and fill in the paper's equations.

    ``dtbench new-problem`` writes an example, ``dtbench check-problem`` tries what is promised here.

    *What must be there*

    - Facts: ``id`` (lower-case words with hyphens), ``title``, ``sense`` ("min" or "max"), ``unit`` of the objective,
      ``paper``, ``sizes`` (parameters of tiny, small, paper and large, at least), ``exactness``.
    - Types: ``Instance``, ``Slot``, ``Decision``; a :class:`State` that :meth:`start` and :meth:`advance` return.
    - Instances: :meth:`generate`, :meth:`resample`.
    - The referee: :meth:`start`, :meth:`evaluate`, :meth:`repair`, :meth:`advance`.
    - Agents and search: :meth:`encodings`, :meth:`observe`, :meth:`reward`.
    - Proofs: :meth:`exact`, :meth:`reference_model`.

    *What may be there*

    - ``heuristics``: the rules, by the names of their solvers. ``search_settings``: options of `genetic` that differ.
    - :meth:`coupled`, with :meth:`exact_horizon`, whose methods :meth:`horizon_method` names: whether a decision
      changes what later slots cost or allow.
    - :meth:`dimensions`: lengths of dimensions that follow from the parameters; files are checked against them.
    - ``about``: the problem in words, for `dtbench show`, best in a file ``card.py``.
    - ``library``: facts about files and best known values. ``seed_params``: parameters that only name a network or a
      trace. ``trace_axes``: axes of the instance that grow with the horizon; policies see their first entry.
    - :meth:`exact_from`: exact methods that begin with a given decision.
    - :meth:`linear_model`: a strong formulation that can be exported. :meth:`form`, and :meth:`horizon_form` where
      slots are coupled: models for other solvers that say how their columns make up a decision.
    - :meth:`agent_rewards`, :meth:`effective`, :meth:`next_mask`, :meth:`observation_bounds`, for agents;
      :meth:`random_decision`.
    - :meth:`predictor_training`, where a learned predictor is part of the state; :meth:`summary`, for `dtbench show`.
    - :meth:`picture`, for `dtbench plot` and rendered environments, best in a file ``picture.py``.

    *Who is paid what* is said in :meth:`rewards`, and only there.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    sense: ClassVar[Sense]
    unit: ClassVar[str]  # of the objective
    paper: ClassVar[Paper]
    sizes: ClassVar[Mapping[str, Params]]
    exactness: ClassVar[Exactness]
    Instance: type[InstanceT]
    Slot: type[SlotT]
    Decision: type[DecisionT]

    heuristics: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}  # solver name -> rule, a function of a slot
    about: ClassVar[About | None] = None  # in words
    library: ClassVar[LibraryFacts] = LibraryFacts()
    search_settings: ClassVar[Mapping[str, bool | int | float | str]] = {}  # options of `genetic` where they differ
    seed_params: ClassVar[Mapping[str, Literal["network", "trace"]]] = {}  # what a parameter names
    trace_axes: ClassVar[tuple[str, ...]] = ("time",)  # along which an instance unfolds: policies do not see ahead

    def __repr__(self) -> str:
        facts = self.title, f"{self.sense}, {unit_in_words(self.unit)}", f"{self.paper.authors} ({self.paper.year})"
        return f"<Problem {self.id}: {'; '.join(facts)}; {', '.join(self.sizes)}>"

    def _repr_html_(self) -> str:
        rows = [
            ("decides", self.Decision.__doc__ or ""),
            ("objective", f"{self.sense}, {unit_in_words(self.unit)}"),
            ("paper", f"{self.paper.authors} ({self.paper.year}). {self.paper.title}"),
            ("sizes", ", ".join(self.sizes)),
            ("exact methods", ", ".join(self.exactness.methods)),
            ("rules", ", ".join(self.heuristics)),
        ]
        return notebook.table(f"{self.id}: {self.title}", ("", ""), rows)

    # Instances

    def params(self, size: str, overrides: Mapping[str, Any] | None = None) -> Any:
        """Parameters of a size, with overrides.

        Raises
        ------
        DtbenchError
            On an unknown size or parameter, or a value that does not fit.
        """
        if size not in self.sizes:
            raise DtbenchError(f"unknown size '{size}' of '{self.id}'. Known: {', '.join(self.sizes)}.")
        return self.sizes[size].replace(overrides or {})

    @abstractmethod
    def generate(self, size: str, seed: int, **overrides: Any) -> InstanceT:
        """Draw an instance from the laws of the problem; the same seed gives the same instance.

        Raises
        ------
        DtbenchError
            On an unknown size or parameter, or a value out of range.
        """

    def coupled(self, params: Any) -> bool:
        """Whether a decision changes what later slots cost or allow, in instances with these parameters."""
        return False

    def dimensions(self, params: Any) -> Mapping[str, int]:
        """Lengths of an instance's dimensions that follow from the parameters; files are checked against them."""
        return {}

    @abstractmethod
    def resample(self, instance: InstanceT, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> InstanceT:
        """Fresh data for training, with leading axes ``batch``: what changes and what stays is the problem's law."""

    @abstractmethod
    def start(self, instance: InstanceT) -> StateT:
        """The state before the first slot, with the instance's leading axes."""

    def slot(self, instance: InstanceT, t: npt.ArrayLike, state: StateT) -> SlotT:
        """Slot ``t``: fields that name instance fields are read there, those that name state fields from the state.

        ``t`` is one number for all members, or an array; see :func:`dtbench.arrays.at`.
        """
        given: dict[str, Any] = {name: value for name, _, value in state.arrays()}
        wanted, batch = specs(self.Slot), instance.batch_shape
        for name, spec in specs(type(instance)).items():
            if name in wanted:
                given[name] = at(getattr(instance, name), spec, t, batch)
        return self.Slot(params=instance.params, **{name: given[name] for name in wanted})

    # The referee

    @abstractmethod
    def evaluate(self, slot: SlotT, decision: DecisionT) -> Outcome:
        """Score decisions: the only place where an objective is computed. Never repairs, never raises on a value."""

    @abstractmethod
    def repair(self, slot: SlotT, decision: DecisionT) -> DecisionT:
        """A feasible decision near the given one, wherever the slot allows it; idempotent, feasible ones unchanged."""

    @abstractmethod
    def advance(self, slot: SlotT, decision: DecisionT) -> StateT:
        """The state that the next slot starts from."""

    # Agents and search

    @abstractmethod
    def encodings(self, instance: InstanceT) -> Mapping[str, Encoding]:
        """``"agents"``: who acts, in the environment; ``"search"``: a compact vector for GA and random draws."""

    @abstractmethod
    def observe(self, slot: SlotT) -> Observation:
        """What each agent of ``"agents"`` sees, its action mask, and the global state; an encoding may have its own."""

    def observation_bounds(self, instance: InstanceT) -> Mapping[str, Bounds]:
        """Between which values :meth:`observe` stays, on this instance and on fresh traces of it, where that is known.

        ``{group: runs}`` of what each agent of a group sees, and ``"state"`` for the global state; what is missing is
        not bounded. A bound may be infinite.
        """
        return {}

    @abstractmethod
    def reward(self, slot: SlotT, outcome: Outcome) -> Array:
        """The team's reward (...,), larger = better, before any scaling of a learner; see :meth:`rewards`."""

    def agent_rewards(self, slot: SlotT, outcome: Outcome, n_agents: int) -> Array:
        """Reward of each agent (..., n_agents); the team's reward for everybody unless the problem says otherwise."""
        reward = self.reward(slot, outcome)
        return np.broadcast_to(reward[..., None], (*reward.shape, n_agents))

    def rewards(self, encoding: Encoding, slot: SlotT, x: npt.NDArray[Any], outcome: Outcome) -> tuple[Array, Array]:
        """What joint actions ``x`` (..., size) earn: the team (...,), and each agent (..., agents).

        Both the problem and the encoding may say it. The encoding is asked first, because it knows what was asked for;
        the problem only knows the repaired decision's outcome.

        - The team gets ``encoding.reward(slot, x)`` if there is one, otherwise :meth:`reward`.
        - Agents get ``encoding.agent_rewards(slot, x, outcome)`` if there is one. Otherwise everybody gets the team's
          reward if that came from the encoding, and what :meth:`agent_rewards` says if not.
        """
        n_agents = len(encoding.agents)
        team = self.reward(slot, outcome) if encoding.reward is None else encoding.reward(slot, x)
        if encoding.agent_rewards is not None:
            return team, encoding.agent_rewards(slot, x, outcome)
        if encoding.reward is None and type(self).agent_rewards is not Problem.agent_rewards:
            return team, self.agent_rewards(slot, outcome, n_agents)
        return team, np.broadcast_to(team[..., None], (*team.shape, n_agents))

    def effective(self, slot: SlotT) -> Mapping[str, BoolArray]:
        """Which entries of the agents' actions count in this slot: ``{group: (..., count, width)}``.

        A learner leaves the others out of its log-probabilities and entropies. Groups that are missing count whole.
        """
        return {}

    def next_mask(self, slot: SlotT, x: npt.NDArray[Any], agent: int) -> BoolArray | None:
        """Mask of ``agent`` given the entries of ``x`` (..., size) of the agents before it; None = simultaneous acting.

        Where a controller lets agents choose in order, what the first ones took is forbidden to the next.
        """
        return None

    def random_decision(self, instance: InstanceT, slot: SlotT, rng: np.random.Generator) -> DecisionT:
        """Random decisions of slots: a draw from the search encoding, unless the problem has a rule of its own."""
        encoding = self.encodings(instance)["search"]
        decision: DecisionT = encoding.decode(slot, encoding.sample(rng, slot.batch_shape))
        return decision

    # Exact methods

    @abstractmethod
    def exact(self, slot: SlotT, limits: Limits | None = None, method: str | None = None) -> Certificate:
        """Solve one slot (no leading axes) with one of ``exactness.methods``, the first by default.

        ``exactness.bracket_methods`` are taken too: models whose bound stays away from the optimum, for comparison.

        Raises
        ------
        ValueError
            On an unknown method.
        """

    def exact_from(
        self, start: DecisionT, slot: SlotT, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        """:meth:`exact` with one of ``exactness.start_methods``, whose first incumbent comes from a feasible decision.

        Raises
        ------
        ValueError
            On another method.
        """
        known = ", ".join(self.exactness.start_methods) or "none"
        raise ValueError(f"method '{method}' of '{self.id}' takes no start. Those that do: {known}")

    def exact_horizon(
        self, instance: InstanceT, limits: Limits | None = None, method: str | None = None
    ) -> Certificate | None:
        """The clairvoyant optimum or bound of the horizon mean where slots are coupled; None where they are not.

        ``method`` is one of ``exactness.horizon_methods``, the first by default.

        Raises
        ------
        ValueError
            On an unknown method.
        """
        return None

    def horizon_method(self, method: str | None) -> str:
        """A method of :meth:`exact_horizon`, the first if none is named.

        Raises
        ------
        ValueError
            On an unknown method.
        """
        known = self.exactness.horizon_methods
        chosen = method or known[0]
        if chosen not in known:
            raise ValueError(f"unknown method '{chosen}' of horizons of '{self.id}'. Known: {', '.join(known)}")
        return chosen

    @abstractmethod
    def reference_model(self, slot: SlotT) -> Any:
        """The paper's own formulation of one slot as a Pyomo ``ConcreteModel``."""

    def linear_model(self, slot: SlotT) -> Any:
        """The strong formulation of one slot as a :class:`dtbench.exact.linear.LinearModel`; None if there is none."""
        form = self.form(slot, "strong", Limits())
        return None if form is None else form.model

    def form(self, slot: SlotT, formulation: str, limits: Limits | None = None) -> Any:
        """A model of one slot for other solvers, as a :class:`dtbench.exact.form.Form`, which knows the way back.

        Parameters
        ----------
        formulation
            ``"reference"`` or ``"strong"``.
        limits
            What may be spent on tangents, where the model needs some; None if only the columns matter.

        Returns
        -------
        Form or None
            None: what :meth:`reference_model` and :meth:`linear_model` give is written, and cannot be read back.
        """
        return None

    def horizon_form(self, instance: InstanceT, limits: Limits | None = None) -> Any:
        """The same of all slots at once, where slots are coupled; None where there is no such model."""
        return None

    def predictor_training(self) -> PredictorTraining | None:
        """How the learned predictor that is part of the state is trained and measured; None where there is none."""
        return None

    def summary(self, instance: InstanceT) -> Mapping[str, Any]:
        """More facts for ``dtbench show``."""
        return {}

    def picture(self, slot: SlotT, decision: DecisionT | None) -> Picture | None:
        """What is where in a slot (no leading axes), who is served by whom, and the terms that make the objective.

        Drawn by ``dtbench plot`` and by environments; None, the default, is drawn as tables. Without a decision: the
        slot before one. Decisions are in range, but may be infeasible.
        """
        return None


AnyProblem = Problem[Any, Any, Any, Any]


def check_decision(problem: AnyProblem, instance: Instance, slot: Slot, decision: Any) -> Any:
    """The decision with its arrays in their declared types, if it is one for this slot.

    Values out of range pass: they are violations, which the referee measures.

    Raises
    ------
    InvalidDecision
        If the type, a shape or a kind is wrong, or a number is not finite; the message names the field.
    """
    return check_decisions(problem, instance, slot.batch_shape, decision)


def check_decisions(problem: AnyProblem, instance: Instance, batch: tuple[int, ...], decision: Any) -> Any:
    """Decisions with leading axes ``batch``, checked as :func:`check_decision` does."""
    if not isinstance(decision, problem.Decision):
        raise InvalidDecision(
            f"the solver returned {type(decision).__name__}, expected {problem.Decision.__name__} of '{problem.id}'"
        )
    sizes = instance.dims
    new: dict[str, Any] = {}
    for name, spec, value in decision.arrays():
        try:
            value = np.asarray(value)
        except ValueError:
            raise InvalidDecision(f"decision field '{name}' is ragged, expected an array") from None
        shape = batch + tuple(sizes[d] for d in spec.dims)
        if value.dtype.kind not in "iufb":
            raise InvalidDecision(f"decision field '{name}' holds {value.dtype}, expected {spec.kind}")
        if value.shape != shape:
            raise InvalidDecision(f"decision field '{name}' has shape {value.shape}, expected {shape} {spec.dims}")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            count = np.count_nonzero(~np.isfinite(value))
            raise InvalidDecision(f"decision field '{name}' holds {count} NaN or inf")
        if spec.kind == "int" and value.dtype.kind == "f" and (value != np.round(value)).any():
            raise InvalidDecision(f"decision field '{name}' holds fractions, expected integers")
        new[name] = value.astype({"float": np.float64, "int": np.int64, "bool": np.bool_}[spec.kind])
    return problem.Decision(**new)


def is_better(sense: Sense, value: float, than: float) -> bool:
    """Whether ``value`` beats ``than``; NaN never does."""
    return value < than if sense == "min" else value > than


def gap_to(sense: Sense, value: npt.ArrayLike, best: npt.ArrayLike) -> Array:
    """Distance from the best known value relative to its absolute value; positive = worse, whatever the sense."""
    difference = np.subtract(value, best) if sense == "min" else np.subtract(best, value)
    return np.asarray(difference / np.maximum(np.abs(best), 1e-12), dtype=np.float64)

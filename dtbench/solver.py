"""The base classes of solvers: a method on one instance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dtbench.core import AnyProblem, Certificate, Decision, Instance, Slot
from dtbench.encoding import Observation
from dtbench.errors import Declined, InvalidDecision
from dtbench.params import Options
from dtbench.progress import Step, untold
from dtbench.regime import REGIMES, Regime
from dtbench.view import Turns, View


class Solver:
    """One method on one instance. Subclass it, name it, implement :meth:`decide`.

    Attributes
    ----------
    name
        How the method is called in commands, suites and tables.
    problems
        Ids of the problems it takes, or None for all.
    deterministic
        The seed changes nothing: a suite runs it once per instance.
    instance
        What it may know before the first slot: all of the instance if it sees the future. Else the trace stands still:
        what changes from slot to slot has the first slot's value in all of them (if it is local, that of another
        trace), and seed and name are left out; see :mod:`dtbench.regime`.
    batched
        ``decide`` takes slots with leading axes and does not look at the carried state: on instances whose slots are
        not coupled (:meth:`dtbench.core.Problem.coupled`), the whole horizon is decided in one call. It then has
        later slots before it as well, which gains nothing: no decision acts on them, so each slot is worth the same
        whatever is known of the others.
    sees
        What it is given, see :mod:`dtbench.regime`: ``"local"``, observations, by which it is asked to :meth:`choose`;
        ``"global"``, the slot; ``"future"``, the whole instance, for which it is asked to :meth:`plan`. What the class
        said when it was loaded counts, not what it says later. ``clairvoyant = True`` is an older way to say
        ``sees = "future"``.
    coupled_only
        It takes only instances whose slots are coupled, such as those of ``edge-migration``.
    trains
        It has a :meth:`train` step, whose time is reported apart.
    training
        What the training cost, set by :meth:`train` where it knows better than the clock: a dict with ``seconds``, a
        finite number of at least 0, and more facts for the record if there are any: plain values, as JSON has them, of
        which ``frames`` is a whole number of at least 0. A policy that was trained before counts what its training
        took. Any other content ends the cell as ``invalid``.
    watcher
        Whom a long :meth:`train` or :meth:`plan` may tell how far it is, ``self.watcher(3, 100, "rounds")``.
    Options
        A subclass of :class:`dtbench.params.Options`: the fields are what ``--option name=value`` takes.

    Raises
    ------
    Declined
        From ``__init__`` or ``decide``, with the reason, where the method does not take the instance: the cell is
        recorded as ``skipped``.
    """

    name: ClassVar[str]
    problems: ClassVar[tuple[str, ...] | None] = None
    deterministic: ClassVar[bool] = False
    batched: ClassVar[bool] = False
    sees: ClassVar[Regime] = "global"
    clairvoyant: ClassVar[bool] = False
    coupled_only: ClassVar[bool] = False
    trains: ClassVar[bool] = False
    Options: ClassVar[type[Options]] = Options

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        self.problem = problem
        self.instance = instance
        self.seed = seed
        self.rng = np.random.default_rng(np.random.SeedSequence(seed))
        self.options: Any = type(self).Options().replace(options)
        self.certificate: Certificate | None = None  # set by exact methods: what they prove of the slot just decided
        self.training: dict[str, Any] | None = None
        self.watcher: Step = untold
        self._view: View | None = None
        if self.problems is not None and problem.id not in self.problems:
            raise Declined(f"'{self.name}' does not take problem '{problem.id}'")
        if self.coupled_only and not problem.coupled(instance.params):
            raise Declined(f"slots of this instance are not coupled: '{self.name}' is for coupled ones, 'exact' proves "
                           "the optimum of each slot, and so of the horizon")  # fmt: skip

    @classmethod
    def regime(cls) -> Regime:
        """What it is given of an instance, see :mod:`dtbench.regime`.

        Raises
        ------
        InvalidDecision
            If it has a :meth:`plan`, which decides with the whole trace in view, but does not see the future; if it is
            local and has a :meth:`decide`, which is given slots, or no :meth:`choose`.
        """
        regime: Regime = "future" if cls.clairvoyant else cls.sees
        if regime not in REGIMES:
            raise InvalidDecision(f"solver '{cls.name}' sees {regime!r}; expected one of {', '.join(REGIMES)}")
        if regime != "future" and cls.plan is not Solver.plan:
            raise InvalidDecision(
                f"solver '{cls.name}' plans the whole horizon but does not say that it sees the future; add "
                "'sees = \"future\"' to the class, or decide slot by slot"
            )
        if regime == "local" and cls.decide is not Solver.decide:
            raise InvalidDecision(
                f"solver '{cls.name}' decides on slots but is local, which is given observations only; add "
                "'sees = \"global\"' to the class, or implement choose instead of decide"
            )
        if regime == "local" and cls.choose is Solver.choose:
            raise InvalidDecision(f"solver '{cls.name}' is local but does not implement choose")
        return regime

    def train(self) -> None:
        """Learn before the first decision; timed apart."""

    def decide(self, slot: Slot) -> Decision:
        """The decision of one slot (or, if ``batched``, of all slots along the leading axes).

        Who implements :meth:`choose` has this one; whoever plays a local method asks :meth:`choose` itself.
        """
        if type(self).choose is Solver.choose:
            raise TypeError(f"solver '{self.name}' implements neither decide nor plan")
        if self._view is None:
            self._view = self.view(self.instance)
        return self._view.decide(slot, self)

    def choose(self, seen: Observation, next_mask: Turns | None) -> npt.NDArray[Any]:
        """The joint action (size,) of what agents observe in one slot, in the encoding of :meth:`acts_in`.

        Parameters
        ----------
        seen
            ``{group: (agents, length)}`` and masks, without leading axes; the arrays are copies. The global state is
            empty if the method is local, unless one agent decides for all.
        next_mask
            Where agents choose in order: the mask (W,) of agent k, ``next_mask(x, k)``, once those before it have
            chosen the entries of ``x``. None where they choose at the same time.
        """
        raise TypeError(f"solver '{self.name}' does not implement choose")

    def acts_in(self) -> tuple[str, str]:
        """The encoding that :meth:`choose` acts in, and parameters changed for observing, ``NAME=VALUE,...``."""
        return "agents", ""

    def view(self, known: Instance) -> View:
        """What looks at slots for :meth:`choose`; ``known`` is the instance as it may know it."""
        return View(self.problem, known, *self.acts_in(), whole=type(self).regime() != "local")

    def plan(self, instance: Instance) -> Decision | None:
        """All decisions at once, with a leading time axis, by methods that see the future; None = use ``decide``.

        Only those have it: a class that has it and does not say so is refused, its cells are ``invalid``.
        """
        return None


class Heuristic(Solver):
    """A rule of the problem, by the solver's name in :attr:`dtbench.core.Problem.heuristics`, for whole batches.

    Raises
    ------
    Declined
        Where the problem has no rule of this name.
    """

    deterministic = True
    batched = True

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **options)
        if self.name not in problem.heuristics:
            raise Declined(f"'{problem.id}' has no rule '{self.name}'; it has {', '.join(problem.heuristics)}")

    def decide(self, slot: Slot) -> Decision:
        """Apply the rule."""
        decision: Decision = self.problem.heuristics[self.name](slot)
        return decision


def rule_solver(name: str) -> type[Heuristic]:
    """The solver that applies the problems' rule of a name."""
    return type(name, (Heuristic,), {"name": name})

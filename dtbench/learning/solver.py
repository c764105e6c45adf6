"""The base class of learned agents: finds a trained policy or trains one, then acts on what agents observe."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from dtbench import params
from dtbench.core import AnyProblem, Instance
from dtbench.encoding import Observation
from dtbench.envs import TEMPLATE_SEED, BatchEnv
from dtbench.envs.batch import Draw
from dtbench.errors import Declined, DtbenchError
from dtbench.learning import cache, checkpoint
from dtbench.learning.checkpoint import Checkpoint, Header, Identity
from dtbench.learning.log import NAME as LOG
from dtbench.learning.log import CsvLog
from dtbench.learning.network_key import network_key, network_params, size_key, size_params
from dtbench.learning.options import LearningOptions, Presets, resolve
from dtbench.learning.policy import Joint, Memory, Policy
from dtbench.learning.report import Lines, Listener, TensorBoard, words
from dtbench.learning.training import TRAINING_SEED, Learner, Memo, Progress, Trained, Validation, fit
from dtbench.regime import Regime
from dtbench.solver import Solver
from dtbench.view import Turns, template
from dtbench.weights import Arrays

Source = Literal["file", "shipped", "cache", "trained"]
Save = Callable[[Memo, Learner], None]
FRESH_SEEDS = (TEMPLATE_SEED, 2**31)  # of other networks of a size: no seed of the library


class LearnedSolver(Solver):
    """Agents that are trained on fresh traces, and act on observations only. Subclass it, give it a learner.

    They are local. Who needs the global state to act says ``sees = "global"``, and then finds it in what it observes.

    A policy comes from, in this order: the file that the option ``checkpoint`` names; one that is shipped beside the
    solver's file; the user's cache; training. Parameters that the option ``env`` changes hold for training and for what
    agents see, never for the score.

    Attributes
    ----------
    policy_class
        What acts.
    version
        Raise it when training gives other weights: shipped policies of another version are not played.
    presets
        Values of options, ``{"paper": {"*": {...}, "stin-deployment": {...}}, "tuned": {...}}``: those of ``*``, then
        those of the problem; options that are given win.
    needs
        Packages that training imports.
    sampled
        How far ``evaluation=sampled`` explores, in the measure of :meth:`dtbench.learning.policy.Policy.act`.
    template
        The instance with the changed parameters.

    Raises
    ------
    DtbenchError
        On an unknown option, preset or parameter; from :meth:`train` also on a file that cannot be played here.
    Declined
        From :meth:`train`, where a policy must be trained and a package for that is missing.
    """

    sees: ClassVar[Regime] = "local"
    trains = True
    Options: ClassVar[type[params.Options]] = LearningOptions
    policy_class: ClassVar[type[Policy]]
    version: ClassVar[int] = 1
    presets: ClassVar[Presets] = {"paper": {}, "tuned": {}}
    needs: ClassVar[tuple[str, ...]] = ("torch",)
    sampled: ClassVar[float] = 1.0

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed)
        self.given = options
        self.options = self._resolved(options)
        self.template = template(problem, instance, self.options.env)
        self.policy: Policy | None = None
        self.tell: Callable[[str], None] = _tell

    @property
    def encoding(self) -> str:
        """Name of the problem's encoding that the policy acts in."""
        return str(getattr(self.options, "encoding", "agents"))

    def learner(self, instance: Instance) -> Learner:
        """The algorithm, not trained yet; ``instance`` is :attr:`template`. Make its environment with :meth:`play_in`.

        Torch is imported in here.
        """
        raise TypeError(f"solver '{self.name}' implements no learner")

    def play_in(self, n_envs: int, seed: int | None = None) -> BatchEnv:
        """Environments to train in: every episode is fresh, on this network or, as ``scope`` says, others of the size.

        ``seed`` is ``TRAINING_SEED`` plus the solver's, if not given.
        """
        seed = TRAINING_SEED + self.seed if seed is None else seed
        return BatchEnv(
            self.problem, self.template, n_envs, fresh=True, draw=self._draw, seed=seed, encoding=self.encoding
        )

    # Before the first decision

    def train(self) -> None:
        """Find or train the policy, and tell what it cost in :attr:`training`."""
        chosen, source = self.obtain()
        self._take_changes_of(chosen.header)
        self.policy = chosen.policy(self.policy_class, self.problem.encodings(self.template)[self.encoding])
        self._memory: Memory = self.policy.start(1)
        self.training = facts(chosen, source)

    def obtain(self, report: Listener | None = None, *, shipped: bool = True) -> tuple[Checkpoint, Source]:
        """The policy's file and where it was found; trained if there is none.

        Parameters
        ----------
        report
            Told after each round; by default lines are printed.
        shipped
            Whether a shipped policy will do.
        """
        if self.options.checkpoint:
            return self._named(Path(self.options.checkpoint)), "file"
        shipped_policy = self._shipped() if shipped else None
        if shipped_policy is not None:
            return shipped_policy, "shipped"
        place = cache.Place(self.identity, self._sources, self.tell)
        if not self.options.cache:
            return Checkpoint(*self._fit(report), sha256="", file=Path("(not kept)")), "trained"
        kept = place.kept()
        if kept is not None:
            if self.options.log_dir:
                self.tell(f"trained already, so nothing is written to '{self.options.log_dir}': '{kept.file}'")
            return kept, "cache"
        with place.locked():
            kept = place.kept()  # by another process, meanwhile
            if kept is not None:
                return kept, "cache"
            written = checkpoint.write(place.file, *self._fit(report, place))
            place.finished()
        return written, "trained"

    @cached_property
    def identity(self) -> Identity:
        """What the training is of."""
        whole_size = self.options.scope == "size"
        key, params = (size_key, size_params) if whole_size else (network_key, network_params)
        return Identity(
            solver=self.name,
            version=self.version,
            problem=self.problem.id,
            size=self.instance.size,
            params=params(self.problem, self.template),
            scope=self.options.scope,
            network=key(self.problem, self.template),
            preset=self.options.preset,
            options=self.options.training(),
            seed=self.seed,
        )

    @property
    def shipped_name(self) -> str:
        """Name of the file that is shipped for this training: options are the preset's name, or a hash."""
        preset = self._resolved({"preset": self.options.preset})
        same = preset.training() == self.options.training()
        return checkpoint.shipped_name(self.identity, self.options.preset if same else self.identity.settings)

    # Acting

    def acts_in(self) -> tuple[str, str]:
        return self.encoding, self.options.env

    def choose(self, seen: Observation, next_mask: Turns | None) -> Joint:
        """What the policy asks for, given what agents observe; its memory is carried to the next slot."""
        if self.policy is None:
            raise TypeError(f"'{self.name}' has no policy yet: call train first")
        sampled = self.options.evaluation == "sampled"
        x, self._memory = self.policy.act(
            seen.in_a_row(),
            self._memory,
            rng=self.rng if sampled else None,
            explore=self.sampled if sampled else 0.0,
            next_mask=None if next_mask is None else lambda x, agent: next_mask(x[0], agent)[None],
        )
        return x[0]

    # Parts

    def _resolved(self, given: Mapping[str, Any]) -> Any:
        cls: type[Any] = type(self).Options
        return resolve(cls, self.presets, self.problem.id, given, self.name)

    @property
    def _draw(self) -> Draw | None:
        """Where fresh instances come from, if not from this network."""
        return self._other_networks if self.options.scope == "size" else None

    def _other_networks(self, rng: np.random.Generator, count: int) -> Instance:
        """Networks (count,) of the size, drawn as ``dtbench generate`` draws them."""
        plain = self.problem.params(self.instance.size).asdict()
        changed = {n: value for n, value in size_params(self.problem, self.template).items() if value != plain[n]}
        seeds = rng.integers(*FRESH_SEEDS, count).tolist()
        members = [self.problem.generate(self.instance.size, seed, **changed) for seed in seeds]
        return type(members[0]).stack(members)

    @cached_property
    def _file(self) -> Path:
        return Path(inspect.getfile(type(self))).resolve()

    @cached_property
    def _sources(self) -> dict[str, str]:
        return cache.sources(self._file, self.problem.id)

    def _named(self, file: Path) -> Checkpoint:
        """The policy of a file: of this solver and problem, whatever it was trained on and with."""
        named = checkpoint.read(file)
        for name, wanted in (("solver", self.name), ("problem", self.problem.id)):
            value = getattr(named.header.identity, name)
            if value != wanted:
                raise DtbenchError(f"'{file}': {name} is '{value}', expected '{wanted}'. {checkpoint.REMEDY}")
        return named

    def _shipped(self) -> Checkpoint | None:
        """The policy that is shipped for this very training."""
        shipped = checkpoint.read_shipped(self._file, self.problem.id, self.shipped_name)
        if shipped is None:
            return None
        defaults: Any = type(self).Options()
        differs = shipped.header.identity.differs(self.identity, defaults.training())
        if differs:
            self.tell(f"'{self.shipped_name}' is shipped but of another training, and is not played: {differs}")
            return None
        return shipped

    def _take_changes_of(self, header: Header) -> None:
        """Let agents see and choose what they did in training, also where the file was named by its path."""
        changes, defaults = {}, type(self.options)()
        for name in self.options.FIXED_BY_POLICY:
            wanted = header.identity.options.get(name, getattr(defaults, name))
            given = getattr(self.options, name)
            if wanted != given and name in self.given:
                raise DtbenchError(
                    f"'{self.options.checkpoint}': option {name} is '{wanted}', given is '{given}'; leave it out."
                )
            changes[name] = wanted
        self.options = self.options.replace(changes)
        self.template = template(self.problem, self.instance, self.options.env)

    def _fit(self, report: Listener | None, place: cache.Place | None = None) -> tuple[Header, Arrays]:
        """Train, on one thread: the same seed gives the same weights to the bit."""
        missing = [package for package in self.needs if importlib.util.find_spec(package) is None]
        if missing:
            raise Declined(
                f"no trained policy of '{self.name}' is at hand, and training one needs {', '.join(missing)}: "
                "`pip install 'dtbench[learn]'`"
            )
        with _one_thread("torch" in self.needs), self._reporting(report) as tell:
            learner = self.learner(self.template)
            validation = Validation(
                self.problem, self.template, self.options.traces, draw=self._draw, encoding=self.encoding
            )
            memo = place.restore(learner) if place else None
            save: Save | None = place.saver() if place else None
            trained: Trained = fit(
                learner, validation, every=self.options.validate_every, report=tell, memo=memo, save=save
            )
        return Header.of(self.identity, trained, self._sources, validation), dict(trained.arrays)

    @contextlib.contextmanager
    def _reporting(self, report: Listener | None) -> Iterator[Listener]:
        """Who is told of the rounds."""
        reports: list[Listener] = [self._watch, Lines(self.tell) if report is None else report]
        run = f"{self.problem.id}--{self.instance.size}--{self.name}--s{self.seed}"
        logs = self._logs(Path(self.options.log_dir) / run) if self.options.log_dir else []
        reports += logs

        def tell(progress: Progress) -> None:
            for each in reports:
                each(progress)

        try:
            yield tell
        finally:
            for log in logs:
                log.close()

    def _logs(self, folder: Path) -> list[CsvLog | TensorBoard]:
        """What writes to a folder: a CSV file, and TensorBoard's events where that is installed."""
        if importlib.util.find_spec("tensorboard") is not None and importlib.util.find_spec("torch") is not None:
            return [CsvLog(folder), TensorBoard(folder)]
        self.tell(f"TensorBoard is not installed, so only '{folder / LOG}' is written")
        return [CsvLog(folder)]

    def _watch(self, progress: Progress) -> None:
        self.watcher(progress.round, progress.rounds, words(progress))


def facts(policy: Checkpoint, source: Source) -> dict[str, Any]:
    """What a record says of a training: its cost, its hardware, its validation score."""
    header = policy.header
    validation = header.best.model_dump(include={"objective", "reward", "round"})
    return {
        "source": source,
        "checkpoint_sha256": policy.sha256,
        "preset": header.identity.preset,
        "seed": header.identity.seed,
        "episodes": header.episodes,
        "frames": header.frames,
        "seconds": header.seconds,
        "split": dict(header.split),
        "hardware": header.hardware.model_dump(),
        "validation": validation | {"traces": header.validation_traces},
        "date": header.date,
    }


def _tell(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def _one_thread(torch_learns: bool) -> Iterator[None]:
    """Numbers do not depend on how sums are split between threads."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), contextlib.ExitStack() as stack:
        if torch_learns:
            import torch

            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield

"""PPO from the policy of imitation: what is earned teaches what an exact method's answers cannot, if there is anything.

Network and decoder are those of :file:`imitation.py`. Learning goes on from its policy of the same problem, size and
seed (``start=imitation``; a short training makes one if there is none) or from that of a file (``start=FILE``). It may
also start anew (``start=nothing``), which says what reward alone teaches with this decoder. The algorithm is
:mod:`dtbench.learning.imitation.rewards`.

The preset ``tuned`` is ours, by hand (:file:`tuning/trials.md`); there is no paper.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.learning.checkpoint import Checkpoint, read
from dtbench.learning.imitation.options import RewardOptions
from dtbench.learning.imitation.policy import SetPolicy
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.solver import LearnedSolver
from dtbench.params import Options
from dtbench.plugins.discovery import discover, find, load_solver

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

TEACHER = "imitation"
NOTHING = "nothing"

PRESETS: Presets = {
    "tuned": {
        "stin-deployment": {"episodes": 288, "traces": 8, "validate_every": 2},
        "edge-migration": {
            "episodes": 192, "gamma": 0.9, "hidden": 32, "layers": 2, "traces": 6, "validate_every": 2,
        },
        "mec-synchronization": {
            "encoding": "served", "episodes": 48, "parallel": 12, "learning_rate": 5e-4, "hidden": 32, "traces": 2,
            "validate_every": 1,
        },
        "satellite-offloading": {"encoding": "association", "episodes": 48, "parallel": 12, "hidden": 32, "traces": 4},
        "dnt-spectrum": {
            "encoding": "uploads", "episodes": 192, "gamma": 0.9, "hidden": 32, "traces": 10, "validate_every": 2,
        },
        "edge-placement": {"encoding": "opened", "episodes": 72, "hidden": 32, "traces": 4, "validate_every": 1},
    },
}  # fmt: skip


class ImitationPpo(LearnedSolver):
    name = "imitation-ppo"
    problems = (
        "stin-deployment", "edge-migration", "mec-synchronization", "satellite-offloading", "dnt-spectrum",
        "edge-placement",
    )  # fmt: skip
    trains = True
    sees = "global"
    Options: ClassVar[type[Options]] = RewardOptions
    policy_class: ClassVar[type[Policy]] = SetPolicy
    presets: ClassVar[Presets] = PRESETS
    sampled: ClassVar[float] = 0.1

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.imitation.rewards import RewardLearner

        env = self.play_in(self.options.copies)
        first = self.first
        start = None if first is None else first.policy(SetPolicy, env.encoding)
        if start is not None and not isinstance(start, SetPolicy):
            raise TypeError(f"'{self.options.start}' holds no network of sets.")
        return RewardLearner(env, self.options, self.seed, start)

    @cached_property
    def first(self) -> Checkpoint | None:
        """The policy of imitation that learning goes on from; trained if there is none; None: from nothing."""
        start = self.options.start
        if start == NOTHING:
            return None
        if start == TEACHER:
            return self._imitated()
        named = read(Path(start))
        trained = named.header.identity
        if (trained.solver, trained.problem) != (TEACHER, self.problem.id):
            raise DtbenchError(
                f"option 'start': '{start}' is of solver '{trained.solver}' on '{trained.problem}', expected "
                f"'{TEACHER}' on '{self.problem.id}'; name another file, `{TEACHER}` or `{NOTHING}`."
            )
        return named

    def _imitated(self) -> Checkpoint:
        """The policy of imitation that is shipped or kept; else one trained on at most as many traces as episodes."""
        cls: Any = load_solver(find(TEACHER, discover()))
        given = {name: getattr(self.options, name) for name in ("encoding", "env", "scope", "cache")}
        teacher = cls(self.problem, self.instance, seed=self.seed, **given)
        found: Checkpoint | None = teacher.shipped() or (teacher.place.kept() if self.options.cache else None)
        if found is None:
            given["episodes"] = min(teacher.options.episodes, self.options.episodes)
            found = cls(self.problem, self.instance, seed=self.seed, **given).obtain()[0]
        return found

    @cached_property
    def _sources(self) -> dict[str, str]:
        """Of the code, and of the weights that learning goes on from: with others, it is another training."""
        return super()._sources | ({"start": self.first.sha256} if self.first is not None else {})

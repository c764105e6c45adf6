"""IQL, independent Q-learning (Tan, 1993): the baseline of Tao et al. (2025) and Yu et al. (2025).

Agents observe and act as in :file:`vdn.py`, but each minimises its own temporal-difference error (y_i - Q_i)^2 with
y_i = R_i + gamma max_a Q_i^-(o_i', a), Eq. (37) of Yu et al., as if the others were part of the world:
:meth:`dtbench.learning.qlearning.ValueLearner.loss` without a mixer. R_i is the agent's own reward where the problem
has one (a base station's rates and errors; ours, the paper names it only) and the team's elsewhere; ``rewards=team``
takes the team's everywhere, which tells the effect of the decomposition from that of the local reward. Deviations and
presets: those of VDN.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy, ValuePolicy
from dtbench.learning.solver import LearnedSolver
from dtbench.learning.value import ValueOptions
from dtbench.params import Options, param

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": {
        "stin-deployment": {
            "episodes": 1000, "validate_every": 20, "hidden": 64, "memory": 64, "share": True, "parallel": 1,
            "updates": 8, "batch": 64, "length": 8, "capacity": 500, "warmup": 16, "target_every": 10, "gamma": 0.9,
            "learning_rate": 1e-4, "exploring": 0.5, "reward_scale": 10.0,
        },
        "dnt-spectrum": {
            "episodes": 750, "validate_every": 3, "hidden": 128, "memory": 128, "share": False, "parallel": 10,
            "updates": 20, "batch": 32, "length": 0, "capacity": 500, "warmup": 0, "target_every": 50, "gamma": 0.2,
            "learning_rate": 5e-4, "exploring": 0.6,
        },
    },
    "tuned": {
        "stin-deployment": {
            "episodes": 4800, "validate_every": 10, "hidden": 64, "layers": 2, "memory": 0, "share": True,
            "parallel": 16, "updates": 60, "batch": 128, "length": 1, "capacity": 400, "warmup": 32, "gamma": 0.0,
            "learning_rate": 2e-3, "last_rate": 0.05, "exploring": 0.25, "last_epsilon": 0.01,
        },
        "dnt-spectrum": {
            "env": "obs=twin,reward=objective", "episodes": 8000, "validate_every": 4, "traces": 60,
            "hidden": 64, "layers": 1,
            "memory": 0, "share": False, "parallel": 64, "updates": 60, "batch": 640, "length": 1, "capacity": 6400,
            "warmup": 64, "target_every": 128, "gamma": 0.7, "learning_rate": 2e-3, "last_rate": 0.05,
            "exploring": 0.4, "last_epsilon": 0.1, "reward_scale": 0.1, "rewards": "team",
        },
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class IqlOptions(ValueOptions):
    rewards: str = param(
        "local", "1", "the agents' own rewards, or the team's for everybody", choices=("local", "team")
    )


class Iql(LearnedSolver):
    name = "iql"
    problems = ("stin-deployment", "dnt-spectrum")
    trains = True
    Options: ClassVar[type[Options]] = IqlOptions
    policy_class: ClassVar[type[Policy]] = ValuePolicy
    presets: ClassVar[Presets] = PRESETS

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.qlearning import ValueLearner

        env = self.play_in(self.options.parallel)
        return ValueLearner(env, self.options, self.seed, local=self.options.rewards == "local")

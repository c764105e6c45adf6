"""IQL, independent Q-learning (Tan, 1993): the baseline of Tao et al. (2025) and Yu et al. (2025).

Agents observe and act as in :file:`vdn.py`. But each minimises its own temporal-difference error (y_i - Q_i)^2 with
y_i = R_i + gamma max_a Q_i^-(o_i', a), Eq. (37) of Yu et al., as if the others were part of the world. This is
:meth:`dtbench.learning.qlearning.learner.ValueLearner.loss` without a mixer.

The option ``rewards`` says what R_i is:

- ``local``: the agent's own reward where the problem has one, such as a base station's rates and errors, and the team's
  elsewhere. The paper names such a reward only; how it is made up is ours.
- ``team``: the team's reward for everybody. It tells the effect of the decomposition from that of the local reward.

Deviations and presets are those of VDN. On ``dnt-spectrum`` the preset ``tuned`` has ``rewards=team``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.qlearning.options import ValueOptions
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.qlearning.presets import PAPER, TUNED_DNT, TUNED_STIN
from dtbench.learning.solver import LearnedSolver
from dtbench.params import Options, param

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": PAPER,
    "tuned": {"stin-deployment": TUNED_STIN, "dnt-spectrum": {**TUNED_DNT, "rewards": "team"}},
}


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
    sampled: ClassVar[float] = 0.05

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.qlearning.learner import ValueLearner

        env = self.play_in(self.options.parallel)
        return ValueLearner(env, self.options, self.seed, local=self.options.rewards == "local")

"""QMIX, a monotone mixture of the agents' action values (Rashid et al., 2018): a baseline of Tao et al. (2025).

Agents observe and act as in :file:`vdn.py`. While they learn, Q_tot = w2(s)^T ELU(W1(s) q + b1(s)) + b2(s) joins their
values by the global state s. W1 and w2 are not negative, so that Eq. (22) of Tao et al. holds: the best action of each
agent is part of the best joint one. The mixer is :class:`dtbench.learning.qlearning.mixers.QmixMixer`. Target and loss
are those of VDN.

Deviations and presets are those of VDN, but for two things:

- On ``dnt-spectrum`` the preset ``tuned`` has half the episodes, because an update costs twice as much.
- The sizes of the mixer are those of Rashid et al., because the papers do not give any.
"""

from dataclasses import dataclass
from functools import partial
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
    "tuned": {"stin-deployment": TUNED_STIN, "dnt-spectrum": {**TUNED_DNT, "episodes": 8000, "capacity": 6400}},
}


@dataclass(frozen=True, kw_only=True)
class QmixOptions(ValueOptions):
    embedding: int = param(32, "unit", "width of the mixing layer", low=1)
    hyper: int = param(64, "unit", "hidden units of the networks that make its weights; 0 = no hidden layer", low=0)


class Qmix(LearnedSolver):
    name = "qmix"
    problems = ("stin-deployment", "dnt-spectrum")
    trains = True
    Options: ClassVar[type[Options]] = QmixOptions
    policy_class: ClassVar[type[Policy]] = ValuePolicy
    presets: ClassVar[Presets] = PRESETS
    sampled: ClassVar[float] = 0.05

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.qlearning.learner import ValueLearner
        from dtbench.learning.qlearning.mixers import QmixMixer

        env = self.play_in(self.options.parallel)
        mixer = partial(QmixMixer, embedding=self.options.embedding, hidden=self.options.hyper)
        return ValueLearner(env, self.options, self.seed, mixer=mixer, mixes_state=True)

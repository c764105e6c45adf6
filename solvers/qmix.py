"""QMIX, a monotone mixture of the agents' action values (Rashid et al., 2018): a baseline of Tao et al. (2025).

Agents observe and act as in :file:`vdn.py`. While they learn, Q_tot = w2(s)^T ELU(W1(s) q + b1(s)) + b2(s) joins their
values by the global state s, with W1, w2 >= 0, so that Eq. (22) of Tao et al. holds: every agent's own best action is
part of the best joint one. The mixer is :class:`dtbench.learning.mixers.QmixMixer`; target and loss are those of VDN.
Deviations and presets: those of VDN; sizes of the mixer, which the papers do not give, are those of Rashid et al.
"""

from dataclasses import dataclass
from functools import partial
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
            "exploring": 0.4, "last_epsilon": 0.1, "reward_scale": 0.1,
        },
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class QmixOptions(ValueOptions):
    embedding: int = param(32, "unit", "width of the mixing layer", low=1)
    hyper: int = param(64, "unit", "hidden units of the networks that make its weights", low=1)


class Qmix(LearnedSolver):
    name = "qmix"
    problems = ("stin-deployment", "dnt-spectrum")
    trains = True
    Options: ClassVar[type[Options]] = QmixOptions
    policy_class: ClassVar[type[Policy]] = ValuePolicy
    presets: ClassVar[Presets] = PRESETS

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.mixers import QmixMixer
        from dtbench.learning.qlearning import ValueLearner

        env = self.play_in(self.options.parallel)
        mixer = partial(QmixMixer, embedding=self.options.embedding, hidden=self.options.hyper)
        return ValueLearner(env, self.options, self.seed, mixer=mixer, mixes_state=True)

"""VDN, the sum of the agents' action values: what Tao et al. (2025) and Yu et al. (2025) propose.

Each agent (a user; a base station) sees its own observation and picks its own action: Q_tot = sum_i Q_i(o_i, a_i), Eq.
(21) of Tao et al., Eq. (19) of Yu et al., so the best joint action is every agent's own best (Sunehag et al., 2018).
Target and loss, Eqs. (22)-(23) and (21)-(22), are :meth:`dtbench.learning.qlearning.learner.ValueLearner.loss`; the
loop of Algorithm 1 is :meth:`~dtbench.learning.qlearning.learner.ValueLearner.round`.

Deviations: one joint replay buffer, because the joint loss needs equal slots of all agents (Tao et al. write one per
agent); one network for all users, because instances redraw users and a number has no meaning; the target is over the
masks seen before anybody acts, because what others will take is unknown; entries of an action that are forced count 0,
because nothing is chosen there; gradient descent, where Eq. (24) of Yu et al. has the wrong sign. Users choose in
order, full devices masked, as Eq. (13d) of Tao et al. demands. Where the papers are silent (warm-up, updates a round,
replay, copies of the target, exploration, clip), the preset ``paper`` is ours; its learning rate on dnt-spectrum is
5e-4, since 75 epochs of 10 episodes are too short for the paper's 1e-4.

``tuned`` is ours, by hand and by the search in :file:`tuning/value.py`. Slots of stin-deployment are not coupled: the
discount is 0, nothing needs to be remembered, single slots are drawn. Base stations of dnt-spectrum see what their twin
errs and who is the stronger of two (``obs=twin``), which memories did not learn to tell from positions, and earn the
objective; networks are small and trainings long, as what a claim is worth drowns in the noise of the team's return
(:file:`tuning/trials.md`). Many episodes are played at once; the learning rate falls to almost nothing, so that
policies settle.
"""

from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.qlearning.options import ValueOptions
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.qlearning.presets import PAPER, TUNED_DNT, TUNED_STIN
from dtbench.learning.solver import LearnedSolver
from dtbench.params import Options

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {"paper": PAPER, "tuned": {"stin-deployment": TUNED_STIN, "dnt-spectrum": TUNED_DNT}}


class Vdn(LearnedSolver):
    name = "vdn"
    problems = ("stin-deployment", "dnt-spectrum")
    trains = True
    Options: ClassVar[type[Options]] = ValueOptions
    policy_class: ClassVar[type[Policy]] = ValuePolicy
    presets: ClassVar[Presets] = PRESETS
    sampled: ClassVar[float] = 0.05

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.qlearning.learner import ValueLearner
        from dtbench.learning.qlearning.mixers import SumMixer

        env = self.play_in(self.options.parallel)
        return ValueLearner(env, self.options, self.seed, mixer=lambda agents, state, generator: SumMixer())

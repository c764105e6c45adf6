"""VDN, the sum of the agents' action values: what Tao et al. (2025) and Yu et al. (2025) propose.

Each agent (a user; a base station) sees its own observation and picks its own action. The joint value is the sum
Q_tot = sum_i Q_i(o_i, a_i), Eq. (21) of Tao et al., Eq. (19) of Yu et al. So the best joint action is the best action
of each agent (Sunehag et al., 2018).

- Target and loss, Eqs. (22)-(23) of Tao et al. and (21)-(22) of Yu et al.:
  :meth:`dtbench.learning.qlearning.learner.ValueLearner.loss`.
- The loop of Algorithm 1: :meth:`dtbench.learning.qlearning.learner.ValueLearner.round`.

Deviations from the papers, each with its reason:

- Buffers of agents hold joint slots: the joint loss needs the same slots of all agents. Tao et al. write one buffer per
  agent; each draws from its own, and learns from what it drew (``buffers=agent``).
- The target is over the masks that agents see before anybody acts: what others will take is unknown.
- An entry of an action that is forced counts 0: nothing is chosen there.
- The last slot of an episode has the value of the state that is reached: a horizon cuts off and is no end.
- Gradient descent: Eq. (24) of Yu et al. has the wrong sign.
- Users choose in order, with full devices masked: Eq. (13d) of Tao et al. demands it.

The preset ``paper`` is ours where the papers are silent: warm-up, updates per round, replay, copies of the target,
exploration, clip.

- On ``stin-deployment`` every user has a network and a buffer, as in Algorithm 1. A batch has 64 transitions.
- On ``dnt-spectrum`` base stations observe as printed, the twin predicts by its GRU, and the learning rate is 1e-4.
  There are the paper's 75 epochs. A hundred updates per epoch are ours: with 20, this rate has not settled after 75
  epochs (:file:`docs/deviations.md`).

The preset ``tuned`` is ours, by hand and by the search in :file:`tuning/value.py`:

all problems
    - ``buffers=joint``: all agents learn from one draw, which costs a share of the time.
    - ``parallel``: many episodes are played at once.
    - ``last_rate``: the learning rate falls to almost nothing, so that policies settle.

``stin-deployment``
    - ``share``: one network for all users, because instances redraw users, and a user's number has no meaning.
    - ``gamma=0``, ``memory=0``, ``length=1``: slots are not coupled. There is nothing to look ahead to or to remember,
      so single slots are drawn.

``dnt-spectrum``
    - ``obs=twin``: base stations see the error of their twin, and which of two stations is the stronger. Networks with
      memory did not learn that from positions.
    - ``reward=objective``: base stations earn the objective.
    - ``hidden``, ``episodes``: networks are small and trainings long. What a claim is worth drowns in the noise of the
      team's return (:file:`tuning/trials.md`).
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

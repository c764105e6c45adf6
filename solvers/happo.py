"""HAPPO as Liu et al. (2025) have it: one agent after the other, in random order, each correcting for those before it.

Each agent has its own network. Reals have Beta distributions ("Beta-HAPPO"). The algorithm is
:mod:`dtbench.learning.ppo.learner`.

The preset ``paper`` takes what Liu et al. (2025) give for ``mec-synchronization`` to all problems. The discount is that
of each problem's paper, and agents observe what it prints, where it prints it. On ``mec-synchronization`` a round is an
episode of 5000 slots. In the closed loop, which is the paper's (sizes ``closed-*``), queues start from 0, and a control
centre places twins at the start of each frame. It learns in every slot from the reward (26), (27). Where queues and
hosts are given there is no centre.

The preset ``tuned`` is ours. Its deviations, each with its reason:

all problems
    - ``gamma=0``, unless an item below says otherwise: a decision does not change what the next slot is worth. What
      follows a slot is then noise.
    - ``actor_rate``, ``critic_rate``, ``anneal``: steps are larger, and fall to 0.

``dnt-spectrum``
    - ``obs=twin``: base stations are told what an upload would mend.
    - ``reward=objective``: base stations are paid the objective.
    - ``gamma=0.2``: as in the paper.

``mec-synchronization``
    - ``power_action=margin``: users choose a margin over the least power, because good powers are a hundredth of the
      greatest.
    - ``credit=own``, ``reward=difference``: each agent learns from what it adds to the team's reward, because one of
      thirty users hardly moves that reward.
    - ``observation=cell``: base stations tell users their place in the cell. Without it the users of a crowded cell all
      send at once and fail.

``edge-placement``
    - ``encoding=hybrid``: opening a station is a choice of two and is explored as such. Scores are added to the
      transport cost.
    - ``by_entry``: one network gives all scores, each from what is known of the pair of station and user.

``edge-migration``
    - ``gamma=0.7``: as in the paper, because a migration changes what later slots cost.
    - ``by_entry``: one network scores each user from what is known of that user.

``satellite-offloading``
    - ``obs=ordered``: UAVs are numbered by falling data, see :file:`cc-ddpg.py`.
    - ``encoding=strict``: agents are paid for what they ask. Paid for what is played, they would leave the work to
      repair.
    - ``mean=0.7``: training starts off the middle. Features count by their absolute value, so at the middle no mean
      has a slope.
"""

from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.ppo.options import OnPolicyOptions
from dtbench.learning.ppo.policy import BetaPolicy, GaussianPolicy, StochasticPolicy
from dtbench.learning.ppo.presets import PAPER, TUNED, TUNED_DNT, TUNED_MEC, TUNED_PLACEMENT
from dtbench.learning.solver import LearnedSolver
from dtbench.params import Options

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": PAPER,
    "tuned": {
        **TUNED,
        "dnt-spectrum": TUNED_DNT,
        "mec-synchronization": {**TUNED_MEC, "episodes": 800, "parallel": 10, "actor_rate": 5e-3},
        "edge-placement": TUNED_PLACEMENT,
    },
}


class Happo(LearnedSolver):
    name = "happo"
    trains = True
    Options: ClassVar[type[Options]] = OnPolicyOptions
    policy_class: ClassVar[type[Policy]] = BetaPolicy
    presets: ClassVar[Presets] = PRESETS

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.ppo.learner import PolicyLearner

        kind = self.policy_class
        if not issubclass(kind, StochasticPolicy):
            raise TypeError(f"{kind.__name__} draws no actions.")
        env = self.play_in(self.options.parallel)
        return PolicyLearner(env, kind, self.options, seed=self.seed, sequential=True)


class GaussianHappo(Happo):
    """HAPPO with normal distributions that are cut to the range, the comparison of Liu et al. (2025)."""

    name = "gaussian-happo"
    problems = ("satellite-offloading", "mec-synchronization", "edge-placement", "edge-migration")
    trains = True
    Options: ClassVar[type[Options]] = OnPolicyOptions
    policy_class: ClassVar[type[Policy]] = GaussianPolicy

"""HAPPO as Liu et al. (2025) have it: one agent after the other, in random order, each correcting for those before it.

Every agent has a network of its own; reals have Beta distributions ("Beta-HAPPO"). The algorithm is
:mod:`dtbench.learning.ppo.learner`.

``paper``: the settings of the card of ``mec-synchronization``, with the discounts of the other problems' cards; the
same 5000 slots per round are played as 25 episodes of the library's horizon. Deviations of ``tuned`` and their reasons:
discount 0 where a slot's decision does not change what the next one is worth, as the rest is noise; larger steps that
fall to 0; ``dnt-spectrum``: base stations are told what an upload would mend (``obs=twin``) and are paid the objective
(``reward=objective``), discount 0.2 as in the paper; ``mec-synchronization``: users choose a margin over the least
power (``power_action=margin``), as good powers are a hundredth of the greatest, each agent learns from what it adds to
the team's reward (``credit=own``, ``reward=difference``), which one of thirty users hardly moves, and base stations
tell users their place in the cell (``observation=cell``), without which those of a crowded cell all send at once and
fail; ``edge-placement``: the encoding ``hybrid``, where opening is a choice of two, explored as such, and scores are
added to the transport cost, each given by one network from what is known of the pair; ``edge-migration``: one network
scores each user from what is known of that user; ``satellite-offloading``: UAVs by falling data (``obs=ordered``), see
:file:`cc-ddpg.py`, the encoding ``strict``, paid for what is asked, as repair would do the work of agents that are paid
for what is played, and a start off the middle, where features count by their absolute value and no mean has a slope.
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

"""Options of agents that learn from their own rollouts: MAPPO and HAPPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dtbench.errors import DtbenchError
from dtbench.learning.options import LearningOptions
from dtbench.params import param


@dataclass(frozen=True, kw_only=True)
class OnPolicyOptions(LearningOptions):
    """Settings of a clipped policy gradient; defaults are those of Liu et al. (2025), or ours where it is silent."""

    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env", "encoding")

    encoding: str = param("agents", "1", "the problem's encoding that agents act in: who they are, what they choose")
    parallel: int = param(25, "1", "episodes that are played at once; then comes one update", low=1)
    gamma: float = param(0.9, "1", "discount", low=0.0, high=1.0)
    gae_lambda: float = param(0.95, "1", "weight of longer returns in the advantage; ours", low=0.0, high=1.0)
    clip: float = param(0.2, "1", "ratio of probabilities beyond which nothing is gained; ours", low=0.0)
    entropy: float = param(0.01, "1", "weight of the entropy; ours", low=0.0)
    epochs: int = param(25, "1", "R_p, passes over a rollout", low=1)
    minibatches: int = param(1, "1", "parts of the rollout, each with its own step", low=1)
    actor_rate: float = param(1e-4, "1", "step size of actors", low=0.0)
    critic_rate: float = param(1e-4, "1", "step size of critics", low=0.0)
    anneal: bool = param(False, "1", "whether step sizes fall to 0 over the training, linearly")
    max_norm: float = param(0.5, "1", "norm at which gradients are cut; ours", low=0.0)
    hidden: str = param("128,64", "1", "units of the hidden layers, of actors and critics")
    activation: str = param("tanh", "1", "of the hidden layers; ours", choices=("tanh", "relu"))
    identity: bool = param(False, "1", "whether agents that share a network are told their number")
    by_entry: bool = param(
        False, "1", "where an agent sees a block per real entry, whether one network reads each and sets that entry"
    )
    critic: str = param(
        "shared", "1", "one critic per reward, or one per agent as in the paper", choices=("shared", "agent")
    )
    credit: str = param(
        "team", "1", "what agents learn from: the team's reward, or their own, judged by what they observe themselves",
        choices=("team", "own"),
    )  # fmt: skip
    target: str = param("gae", "1", "critic's target: advantage + value, or r + gamma V(s')", choices=("gae", "td0"))
    apart: str = param("", "1", "groups of agents, by commas, that learn from their own reward, not the team's")
    chained: bool = param(
        False, "1", "HAPPO: whether their ratios multiply the others' advantages too, and the others' theirs"
    )
    mean: float = param(0.5, "1", "first mean of reals, over their range", low=0.05, high=0.95)
    deviation: float = param(
        0.0, "1", "first deviation of reals, over their range; 0: the paper's, Beta 0.24, Gaussian 0.3, mean 0.5",
        low=0.0, high=0.3,
    )  # fmt: skip
    scaled: bool = param(False, "1", "whether observations and states are scaled by running moments")

    def shapes(self) -> tuple[float, float]:
        """Shape parameters of the Beta distribution with this first mean and deviation.

        Raises
        ------
        DtbenchError
            If one of them is not above 1, which heads cannot give.
        """
        total = self.mean * (1.0 - self.mean) / self.deviation**2 - 1.0
        first, second = self.mean * total, (1.0 - self.mean) * total
        if min(first, second) <= 1.0:
            raise DtbenchError(
                f"options 'mean' = {self.mean:g} and 'deviation' = {self.deviation:g} ask for Beta({first:.2f}, "
                f"{second:.2f}); expected a smaller deviation, so that both are above 1."
            )
        return first, second

    def layers(self) -> tuple[int, ...]:
        """Units of the hidden layers.

        Raises
        ------
        DtbenchError
            If the option is not a list of positive integers.
        """
        texts = [text.strip() for text in self.hidden.split(",")]
        if not all(text.isdecimal() and int(text) > 0 for text in texts):
            raise DtbenchError(f"option 'hidden' is '{self.hidden}'; expected positive integers, such as 128,64.")
        return tuple(int(text) for text in texts)

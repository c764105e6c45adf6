"""Options of imitation, and of learning on from it by rewards. No torch: solvers are listed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dtbench.learning.options import LearningOptions
from dtbench.params import param


@dataclass(frozen=True, kw_only=True)
class ImitationOptions(LearningOptions):
    """Network, demonstrations and updates; a round has ``parallel`` traces answered, then updates."""

    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env", "encoding")

    encoding: str = param("matching", "1", "the problem's encoding that the network acts in: one with a layout of sets")
    scope: str = param("size", "1", "train on this network, or on all of the size", choices=("network", "size"))
    episodes: int = param(400, "trace", "that the exact method answers, over all rounds", low=1)
    parallel: int = param(20, "trace", "answered in a round", low=1)
    finishing: int = param(0, "round", "at the end that only update: nothing is played or asked", low=0)
    slots: int = param(0, "slot", "of each trace, at random, that are answered; 0 = all", low=0)
    expert: int = param(1, "round", "at the start in which answers are played; then the policy is (DAgger)", low=0)
    method: str = param("", "1", "exact method that answers; empty = the problem's first")
    seconds: float = param(60.0, "s", "that an answer may take: for a slot, or a trace if slots are coupled", low=0.0)
    demonstrations: str = param("", "1", "file of `dtbench demonstrations` to learn from before the first round")
    hidden: int = param(64, "unit", "of the state of each pair", low=1)
    layers: int = param(3, "1", "of the network", low=1)
    updates: int = param(20, "1", "gradient steps for each of a round's traces", low=1)
    batch: int = param(64, "slot", "in a gradient step", low=1)
    learning_rate: float = param(2e-3, "1", "of Adam", low=0.0)
    last_rate: float = param(
        0.02, "1", "learning rate at the end, relative to the first; half a cosine between", low=0.0
    )
    clip: float = param(1.0, "1", "greatest norm of a gradient", low=0.0)

    @property
    def copies(self) -> int:
        """Traces of a round."""
        return min(self.parallel, self.episodes)

    @property
    def rounds(self) -> int:
        """Rounds of the whole training."""
        return -(-self.episodes // self.copies) + self.finishing


@dataclass(frozen=True, kw_only=True)
class RewardOptions(LearningOptions):
    """Network, noise and updates; a round plays ``copies`` episodes, then updates."""

    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env", "encoding")

    encoding: str = param("matching", "1", "the problem's encoding that the network acts in: one with a layout of sets")
    start: str = param(
        "imitation", "1", "first weights: `imitation`, its policy of the same problem, size and seed; `nothing`, a new "
        "network; or a file of a policy of imitation",
    )  # fmt: skip
    scope: str = param("size", "1", "train on this network, or on all of the size", choices=("network", "size"))
    episodes: int = param(480, "1", "training length, over all copies", low=1)
    parallel: int = param(24, "1", "episodes that are played at once; then come updates", low=1)
    alike: int = param(
        6, "1", "copies that play the same trace and are compared; 1 = the critic is the baseline", low=1
    )
    noise: float = param(0.2, "1", "deviation of what is tried, in units of a head's scale", low=1e-6)
    gamma: float = param(0.0, "1", "discount", low=0.0, high=1.0)
    gae_lambda: float = param(0.95, "1", "weight of longer returns in the advantage", low=0.0, high=1.0)
    clip: float = param(0.2, "1", "ratio of probabilities beyond which nothing is gained", low=0.0)
    epochs: int = param(3, "1", "passes over a rollout", low=1)
    minibatches: int = param(8, "1", "parts of the rollout, each with its own step", low=1)
    learning_rate: float = param(2e-4, "1", "of Adam", low=0.0)
    last_rate: float = param(
        0.1, "1", "learning rate at the end, relative to the first; half a cosine between", low=0.0
    )
    max_norm: float = param(0.5, "1", "norm at which gradients are cut", low=0.0)
    hidden: int = param(48, "unit", "of the state of each pair; of a new actor, and of the critic", low=1)
    layers: int = param(3, "1", "of a new actor, and of the critic", low=1)

    @property
    def copies(self) -> int:
        """Episodes of a round: a multiple of ``alike``."""
        return max(self.parallel // self.alike, 1) * self.alike

    @property
    def rounds(self) -> int:
        """Rounds of the whole training."""
        return -(-self.episodes // self.copies)

"""Options and presets of the value-based agents IQL, VDN and QMIX. No torch: solvers are listed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dtbench.errors import DtbenchError
from dtbench.learning.options import LearningOptions
from dtbench.params import param


@dataclass(frozen=True, kw_only=True)
class ValueOptions(LearningOptions):
    """Networks, exploration, replay and updates; a round plays ``parallel`` episodes, then updates."""

    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env", "encoding")

    encoding: str = param("agents", "1", "the problem's encoding that agents act in: what they choose")
    share: bool = param(True, "1", "one network for all agents of a group; otherwise one each")
    identity: bool = param(False, "1", "whether agents are told their number")
    hidden: int = param(64, "unit", "width of hidden layers", low=1)
    layers: int = param(1, "1", "hidden layers", low=0)
    memory: int = param(64, "unit", "units of the GRU after them; 0 = none", low=0)
    parallel: int = param(1, "episode", "played at once, in a round", low=1)
    updates: int = param(8, "1", "gradient steps after a round", low=1)
    batch: int = param(64, "1", "sub-sequences in an update", low=1)
    length: int = param(8, "slot", "of a sub-sequence; 0 = whole episodes", low=0)
    capacity: int = param(500, "episode", "kept in the replay buffer", low=1)
    buffers: str = param(
        "joint", "1", "one replay buffer, from which all agents draw the same slots; or one each, drawn from apart",
        choices=("joint", "agent"),
    )  # fmt: skip
    warmup: int = param(16, "episode", "played before the first update", low=0)
    target_every: int = param(10, "episode", "between copies to the target network", low=1)
    target_rate: float = param(
        0.0, "1", "part of the way that the target network follows per update; 0 = copies", low=0.0, high=1.0
    )
    gamma: float = param(0.9, "1", "discount; 0 needs no target network", low=0.0, high=1.0)
    double: bool = param(False, "1", "whether the target's action is the best one of the learning network")
    learning_rate: float = param(1e-4, "1", "of Adam", low=0.0)
    last_rate: float = param(1.0, "1", "learning rate at the end, relative to the first; linear between", low=0.0)
    clip: float = param(10.0, "1", "greatest norm of a gradient", low=0.0)
    epsilon: float = param(1.0, "1", "chance of a random entry of an action at the start", low=0.0, high=1.0)
    last_epsilon: float = param(0.05, "1", "the same once it has fallen", low=0.0, high=1.0)
    exploring: float = param(0.5, "1", "share of the training over which it falls", low=0.0, high=1.0)
    reward_scale: float = param(1.0, "1", "rewards are divided by it", low=1e-12)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.buffers == "agent" and self.share:
            raise DtbenchError(
                "options 'buffers' = agent and 'share' = true: agents that draw apart learn apart; give share=false."
            )
        if self.capacity < self.parallel:
            raise DtbenchError(
                f"option 'capacity' is {self.capacity}, less than 'parallel' = {self.parallel}: the replay buffer must "
                "hold the episodes of a round."
            )

"""Options and presets of the value-based agents IQL, VDN and QMIX. No torch: solvers are listed without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.errors import DtbenchError
from dtbench.learning.options import LearningOptions, Scalar
from dtbench.params import param


@dataclass(frozen=True, kw_only=True)
class ValueOptions(LearningOptions):
    """Networks, exploration, replay and updates; a round plays ``parallel`` episodes, then updates."""

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
    warmup: int = param(16, "episode", "played before the first update", low=0)
    target_every: int = param(10, "episode", "between copies to the target network", low=1)
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
        if self.capacity < self.parallel:
            raise DtbenchError(
                f"option 'capacity' is {self.capacity}, less than 'parallel' = {self.parallel}: the replay buffer must "
                "hold the episodes of a round."
            )


PAPER: Mapping[str, Mapping[str, Scalar]] = {
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
}  # fmt: skip

TUNED_STIN: Mapping[str, Scalar] = {
    "episodes": 4800, "validate_every": 10, "hidden": 64, "layers": 2, "memory": 0, "share": True,
    "parallel": 16, "updates": 60, "batch": 128, "length": 1, "capacity": 400, "warmup": 32, "gamma": 0.0,
    "learning_rate": 2e-3, "last_rate": 0.05, "exploring": 0.25, "last_epsilon": 0.01,
}  # fmt: skip

TUNED_DNT: Mapping[str, Scalar] = {
    "env": "obs=twin,reward=objective", "episodes": 16000, "validate_every": 8, "traces": 60, "hidden": 16, "layers": 1,
    "memory": 0, "share": False, "parallel": 64, "updates": 60, "batch": 640, "length": 1, "capacity": 12800,
    "warmup": 64, "target_every": 128, "gamma": 0.7, "learning_rate": 2e-3, "last_rate": 0.05, "exploring": 0.4,
    "last_epsilon": 0.1, "reward_scale": 0.1,
}  # fmt: skip

"""Options of the deterministic actor-critics DDPG, CC-DDPG, MADDPG and transfer; no torch."""

from __future__ import annotations

from dataclasses import dataclass

from dtbench.errors import DtbenchError
from dtbench.learning.options import LearningOptions
from dtbench.params import param


@dataclass(frozen=True, kw_only=True)
class ActorCriticOptions(LearningOptions):
    """Networks, exploration, replay and updates; a round plays ``parallel`` episodes and updates between slots."""

    parallel: int = param(1, "episode", "played at once, in a round", low=1)
    actor: str = param("256,256", "unit", "hidden layers of an actor, separated by commas")
    critic: str = param("256,256", "unit", "hidden layers of a critic, separated by commas")
    apart: bool = param(True, "1", "a critic per agent; otherwise agents with the same reward share one")
    alike: bool = param(
        False, "1", "a critic that judges like items (UAVs, stations, agents) alike; otherwise layers over all"
    )
    standardise: bool = param(
        False, "1", "critics' inputs are shifted and scaled by their mean and deviation in the warm-up"
    )
    gamma: float = param(0.9, "1", "discount; 0 needs no target networks", low=0.0, high=1.0)
    bootstrap: bool = param(True, "1", "whether the target of an episode's last slot looks beyond it")
    reward_scale: float = param(1.0, "1", "rewards are divided by it", low=1e-12)
    actor_rate: float = param(1e-4, "1", "learning rate of Adam, actor", low=0.0)
    critic_rate: float = param(1e-3, "1", "learning rate of Adam, critic", low=0.0)
    last_rate: float = param(1.0, "1", "rates at the end relative to the first; linear between", low=0.0)
    target_rate: float = param(
        0.005, "1", "tau, part of the way that target networks follow per update", low=0.0, high=1.0
    )
    clip: float = param(10.0, "1", "greatest norm of a gradient, of each agent", low=0.0)
    restraint: float = param(
        0.0, "1", "learned reward lost per mean square of what actors propose, off the middle of its range", low=0.0
    )
    batch: int = param(128, "1", "transitions in an update", low=1)
    capacity: int = param(100_000, "1", "transitions kept in the replay buffer", low=1)
    warmup: int = param(1000, "slot", "with uniform actions before the first update, over all episodes", low=0)
    every: int = param(1, "slot", "of an episode between updates; 0 = once, after the episode", low=0)
    updates: int = param(1, "1", "updates each time", low=1)
    delay: int = param(1, "update", "of critics per update of actors and target networks", low=1)
    noise: float = param(0.3, "1", "deviation of Gaussian noise on actions in [-1, 1] or [0, 1] at the start", low=0.0)
    last_noise: float = param(0.05, "1", "the same once it has fallen", low=0.0)
    exploring: float = param(0.6, "1", "share of the training over which it falls, linearly", low=0.0, high=1.0)
    noise_fall: float = param(1.0, "1", "below 1: its factor per 100 slots instead", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("actor", "critic"):
            self.layers(name)
        if self.alike and len(self.layers("critic")) != 3:
            raise DtbenchError(
                f"option 'critic' is '{self.critic}'; with alike=true it has three layers, such as 64,64,64."
            )

    def layers(self, name: str) -> tuple[int, ...]:
        """Units of the hidden layers of ``actor`` or ``critic``.

        Raises
        ------
        DtbenchError
            If they are not positive integers separated by commas.
        """
        texts = getattr(self, name).split(",")
        if not all(text.strip().isdigit() and int(text) > 0 for text in texts):
            raise DtbenchError(
                f"option '{name}' is '{getattr(self, name)}'; expected positive integers separated by commas."
            )
        return tuple(int(text) for text in texts)


@dataclass(frozen=True, kw_only=True)
class TransferOptions(ActorCriticOptions):
    """Those of an actor-critic and of the transfer between servers; Lu et al. (2021) give no values."""

    transfer: str = param(
        "online", "1", "a transfer step after every slot, a start from another network's policy, or nothing",
        choices=("online", "init", "none"),
    )  # fmt: skip
    source: str = param("", "1", "file of a policy of another network, for transfer=init")
    models: str = param(
        "server", "1", "an actor per server, shared by its users, or per user and server", choices=("server", "user")
    )
    step_updates: int = param(4, "1", "G, updates of a server's model in a transfer step", low=0)
    recent: int = param(8, "slot", "newest transitions that are taken over from a source server", low=0)
    most: int = param(64, "1", "transitions taken over by a server in a slot", low=0)
    merge: float = param(0.1, "1", "rho, weight of the source model", low=0.0)
    normalise: bool = param(True, "1", "whether a merged model is divided by 1 + rho, which keeps weights bounded")
    prior: float = param(0.3, "1", "chance that greedy decides instead at the start of training", low=0.0, high=1.0)
    prior_share: float = param(0.4, "1", "share of the training over which it falls to 0", low=0.0, high=1.0)

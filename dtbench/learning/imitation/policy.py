"""The policy of a network of sets, in numpy: what it says of users, stations and pairs is the joint action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dtbench.encoding import Encoding, Group, Observation
from dtbench.errors import DtbenchError
from dtbench.layout import Layout
from dtbench.learning.imitation.network import SetNetwork
from dtbench.learning.networks import Floats
from dtbench.learning.policy import Joint, Memory, NextMask, Policy

NETWORK = "sets"  # what its arrays' names begin with
PLAYED = "played"  # in the memory


class SetPolicy(Policy):
    """One network that sees the global state; ``explore`` is the deviation of noise, relative to a head's scale."""

    kind = "sets"

    def __init__(self, encoding: Encoding, network: SetNetwork, weights: Mapping[str, Floats]) -> None:
        self.encoding = encoding
        self.layout = layout_of(encoding)
        self.network = network
        self.weights = {NETWORK: dict(weights)}
        self.networks = {}
        self.identity = False

    def start(self, rows: int) -> Memory:
        """What is carried along: the slots that were played, (1, rows, 1), where the layout has a clock."""
        return {} if self.layout.clock is None else {PLAYED: np.zeros((1, rows, 1), dtype=np.float32)}

    def look(self, seen: Observation, memory: Memory) -> Floats:
        """The states (rows, S) that the network sees: what is observed, and the clock."""
        clock = self.layout.clock
        if clock is None:
            return seen.state
        state, left = seen.state.copy(), clock.horizon - 1.0 - memory[PLAYED][0, :, 0]
        state[:, self.layout.start_of(clock.part)] = np.clip(left / clock.near, 0.0, 1.0)
        return state

    def act(
        self, seen: Observation, memory: Memory, *, rng: np.random.Generator | None = None, explore: float = 0.0,
        next_mask: NextMask | None = None,
    ) -> tuple[Joint, Memory]:  # fmt: skip
        weights = self.weights[NETWORK]
        outputs = self.network(weights, self.layout.split_state(self.look(seen, memory)))
        if explore > 0.0:
            if rng is None:
                raise ValueError("exploring needs a generator.")
            for name, y in outputs.items():
                noise = rng.standard_normal(y.shape, dtype=np.float32)
                outputs[name] = y + np.float32(explore) * weights[f"head.{name}.scale"] * noise
        return self.layout.join_action(outputs, seen.state.shape[:1]), self.counted(memory)

    def counted(self, memory: Memory) -> Memory:
        """The memory after one slot more."""
        return {name: played + np.float32(1.0) for name, played in memory.items()}

    def facts(self) -> dict[str, Any]:
        return {"kind": self.kind, "network": self.network.facts}

    @classmethod
    def restore(
        cls, encoding: Encoding, facts: Mapping[str, Any], weights: Mapping[str, Floats], where: str
    ) -> SetPolicy:
        if facts.get("kind") != cls.kind:
            raise DtbenchError(f"{where}: holds a policy of kind '{facts.get('kind')}', expected '{cls.kind}'.")
        network = SetNetwork(**facts["network"])
        wanted = SetNetwork.of(layout_of(encoding), network.hidden, network.layers)
        for name in ("axes", "parts", "heads"):
            if getattr(network, name) != getattr(wanted, name):
                raise DtbenchError(
                    f"{where}: {name} of the network are {getattr(network, name)}, here they are "
                    f"{getattr(wanted, name)}: what the encoding shows or asks for has changed."
                )
        own = {key.removeprefix(NETWORK + "/"): value for key, value in weights.items()}
        network.check(own, f"{where}: network")
        return cls(encoding, network, own)

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        raise TypeError("a network of sets has heads, not groups of agents.")


def layout_of(encoding: Encoding) -> Layout:
    """The layout of an encoding.

    Raises
    ------
    DtbenchError
        If it has none.
    """
    if encoding.layout is None:
        raise DtbenchError("this encoding has no layout of sets; name one that has with the option encoding.")
    return encoding.layout

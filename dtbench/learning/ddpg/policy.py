"""Policies of deterministic actors, in numpy: networks give features, noise is added to them, features make actions.

A feature lies in [-1, 1] (tanh) where the range of its action begins below 0, else in [0, 1] (sigmoid); ``explore`` is
the standard deviation of Gaussian noise on features, which are clipped to their range afterwards, and infinity means
uniform features, as before training begins. The actors that learn, :mod:`dtbench.learning.ddpg.actors`, hold the same
weights; a test holds both to the same numbers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dtbench.encoding import Box, Encoding, Group, Observation
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Floats, Network, sigmoid
from dtbench.learning.policy import Joint, Memory, NextMask, Policy

UNIFORM = np.inf  # the exploration that ignores the networks
LEAST = np.float32(1e-8)  # guards the sums of Eqs. (22) and (28) of Li and Han


class ActorPolicy(Policy):
    """A deterministic policy: from features of all groups to a joint action."""

    def act(
        self, seen: Observation, memory: Memory, *, rng: np.random.Generator | None = None, explore: float = 0.0,
        next_mask: NextMask | None = None,
    ) -> tuple[Joint, Memory]:  # fmt: skip
        features = self.squashed(seen)
        if explore > 0.0:
            if rng is None:
                raise ValueError("exploring needs a generator.")
            features = {g.name: noisy(features[g.name], self.least(g), explore, rng) for g in self.encoding.groups}
        return self.joint(features), memory

    def least(self, group: Group) -> float:
        """The least value of a group's features."""
        return least(group)

    @abstractmethod
    def squashed(self, seen: Observation) -> dict[str, Floats]:
        """Features of every group (rows, agents, width), each in its range."""

    def joint(self, features: Mapping[str, Floats]) -> Joint:
        """Joint actions (rows, size) of features: stretched over the range of each group."""
        return self.encoding.join({g.name: stretch(g, features[g.name]) for g in self.encoding.groups})


def box(group: Group) -> Box:
    """The reals that a group's agents choose.

    Raises
    ------
    DtbenchError
        If their actions are categorical.
    """
    if not isinstance(group.space, Box):
        raise DtbenchError(f"agents '{group.name}' have categorical actions; a deterministic actor needs reals.")
    return group.space


def least(group: Group) -> float:
    """The least value of a group's features: -1 with tanh, 0 with sigmoid."""
    return -1.0 if box(group).low < 0.0 else 0.0


def squash(group: Group, outputs: Floats) -> Floats:
    """Features of the outputs of a group's network."""
    return np.tanh(outputs) if least(group) < 0.0 else sigmoid(outputs)


def stretch(group: Group, features: Floats) -> Floats:
    """Actions of features: from [-1, 1] or [0, 1] to the group's box."""
    space = box(group)
    start = least(group)
    return space.low + (features - start) * ((space.high - space.low) / (1.0 - start))


def noisy(features: Floats, low: float, deviation: float, rng: np.random.Generator) -> Floats:
    """Features with Gaussian noise, clipped to [low, 1]; uniform ones if the deviation is infinite."""
    if deviation == UNIFORM:
        return rng.uniform(low, 1.0, features.shape).astype(np.float32)
    noise = rng.standard_normal(features.shape, dtype=np.float32)
    return np.clip(features + np.float32(deviation) * noise, low, 1.0)


class DeterministicPolicy(ActorPolicy):
    """Every agent's network gives an output per entry of its action."""

    kind = "deterministic"

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        return box(group).width

    def squashed(self, seen: Observation) -> dict[str, Floats]:
        outputs, _ = self.outputs(seen, self.start(seen.state.shape[0]))
        return {g.name: squash(g, outputs[g.name]) for g in self.encoding.groups}


class PairPolicy(ActorPolicy):
    """Agents that give a score to each of several users: one small network per agent, the same for all its users.

    What an agent observes are the features of its pairs one after the other, (users x features). As in Lu et al.
    (2021), there may be a network per agent and user instead: copy ``agent * users + user``.
    """

    kind = "pair"

    @classmethod
    def n_inputs(cls, group: Group, identity: bool) -> int:
        return group.observation // box(group).width

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        return 1

    @classmethod
    def n_copies(cls, group: Group) -> tuple[int, ...]:
        return *super().n_copies(group), group.count * box(group).width

    def squashed(self, seen: Observation) -> dict[str, Floats]:
        features = {}
        for group in self.encoding.groups:
            network, observations = self.networks[group.name], seen.agents[group.name]
            rows, users = observations.shape[0], group.space.width
            pairs = observations.reshape(rows, group.count, users, -1)
            own = network.copies > group.count  # a network per pair of agent and user
            order = (1, 2, 0) if own else (1, 0, 2)
            x = pairs.transpose(*order, 3).reshape(network.copies, -1, pairs.shape[-1])
            scores, _ = network(self.weights[group.name], np.ascontiguousarray(x), network.start(x.shape[1]))
            each = scores.reshape([pairs.shape[axis] for axis in order])
            features[group.name] = squash(group, each.transpose(np.argsort(order)))
        return features


class CoordinatedPolicy(ActorPolicy):
    """The constraint-coordinated actor of Li and Han (2025), Eqs. (21)-(29), in the encoding ``structured``.

    Two networks see the global state. ``channels`` (N outputs): x = |tanh|, xi = alpha_0 x / sum x with
    alpha_0 = N + (xi_total - N) sigmoid(theta_0). ``shares`` (M N outputs): of R = |tanh| each column keeps its largest
    entry (the lowest row on ties), each row is divided by its sum and multiplied by alpha_j = sigmoid(theta_j). So C2
    to C5 hold whatever the networks say. The scalars theta are the arrays ``channels/theta`` (1,) and ``shares/theta``
    (M,), free of the state. Where the network ``channels`` has one output, it gives each UAV its x from what the state
    says of it, :func:`of_each`; not in the paper.
    """

    kind = "coordinated"
    common: ClassVar[int] = 0  # entries at the end of a state that are no UAV's, unless it has one entry for each only

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        return box(group).width

    def least(self, group: Group) -> float:
        return -1.0

    def squashed(self, seen: Observation) -> dict[str, Floats]:
        features = {}
        for group in self.encoding.groups:
            network, width = self.networks[group.name], group.space.width
            state = seen.state if network.outputs == width else of_each(seen.state, width, self.common)
            outputs, _ = network(self.weights[group.name], state[None], network.start(len(state)))
            features[group.name] = np.tanh(outputs).reshape(len(seen.state), 1, width)
        return features

    def joint(self, features: Mapping[str, Floats]) -> Joint:
        total = box(self.encoding.groups[0]).high
        channels = coordinate_channels(features["channels"], self.weights["channels"]["theta"], total)
        shares = coordinate_shares(features["shares"], self.weights["shares"]["theta"])
        return self.encoding.join({"channels": channels, "shares": shares})

    @classmethod
    def restore(cls, encoding: Encoding, facts: Mapping[str, Any], weights: Mapping[str, Floats], where: str) -> Policy:
        if facts.get("kind") != cls.kind:
            raise DtbenchError(f"{where}: holds a policy of kind '{facts.get('kind')}', expected '{cls.kind}'.")
        networks = {name: Network(**fields) for name, fields in facts["networks"].items()}
        policy = cls(encoding, networks, weights)
        n_uav = {g.name: g.space.width for g in encoding.groups}["channels"]
        for group in encoding.groups:
            network, arrays = networks.get(group.name), policy.weights.get(group.name, {})
            scalars = 1 if group.name == "channels" else group.space.width // n_uav
            widths = {group.space.width} | ({1} if group.name == "channels" else set())
            if network is None or network.outputs not in widths or network.copies != 1:
                raise DtbenchError(
                    f"{where}: there is no network '{group.name}' of {group.space.width} outputs; the policy is of "
                    "another size."
                )
            network.check(arrays, f"{where}: group '{group.name}'")
            if "theta" not in arrays or arrays["theta"].shape != (scalars,):
                raise DtbenchError(f"{where}: array '{group.name}/theta' is missing or not of shape {(scalars,)}.")
        return policy


def of_each(state: Floats, n_uav: int, common: int) -> Floats:
    """What states (rows, k N + rest) say of each UAV (rows N, k + rest): its own entries, then those of all.

    ``rest`` is ``common``, but 0 where a state has N entries only.
    """
    rest = common if state.shape[-1] > n_uav else 0
    by_uav = state[:, : state.shape[-1] - rest].reshape(len(state), -1, n_uav).swapaxes(1, 2)
    limits = np.broadcast_to(state[:, None, state.shape[-1] - rest :], (len(state), n_uav, rest))
    return np.concatenate([by_uav, limits], axis=-1).reshape(len(state) * n_uav, -1)


def coordinate_channels(features: Floats, theta: Floats, total: float) -> Floats:
    """Channels (..., N) of features in [-1, 1], Eqs. (22), (23): at most ``total`` together, at least N if N fit."""
    size, n_uav = np.abs(features), features.shape[-1]
    alpha = n_uav + (total - n_uav) * sigmoid(theta)
    return alpha * size / (size.sum(axis=-1, keepdims=True) + LEAST)


def coordinate_shares(features: Floats, theta: Floats) -> Floats:
    """Matrix of shares, row by row (..., M N), of features in [-1, 1], Eqs. (25)-(29)."""
    n_sat = len(theta)
    matrix = np.abs(features).reshape(*features.shape[:-1], n_sat, -1)
    rows = np.arange(n_sat)[:, None]
    kept = np.where(rows == matrix.argmax(axis=-2)[..., None, :], matrix, np.float32(0.0))
    share = kept / (kept.sum(axis=-1, keepdims=True) + LEAST) * sigmoid(theta)[:, None]
    return share.reshape(features.shape)

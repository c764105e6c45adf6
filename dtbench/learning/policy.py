"""Policies: from what agents observe to a joint action, in numpy. What is saved, and what is scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray, IntArray
from dtbench.encoding import Categorical, Encoding, Group, Observation
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Floats, Network, fold, unfold

Joint = npt.NDArray[Any]  # (rows, size), see dtbench.encoding
Memory = dict[str, Floats]  # by network, (copies, rows of the network, units)
NextMask = Callable[[Joint, int], BoolArray | None]  # x (rows, size), agent -> (rows, mask width)


class Policy(ABC):
    """Networks of groups of agents with their weights.

    Parameters
    ----------
    encoding
        What joint actions are in.
    networks
        By group of agents. A network of one copy is shared by the group's agents, else there is one copy per agent.
        With ``identity`` its inputs are the observation and a one-hot number of the agent.
    weights
        ``{"group/array": values}``, as :attr:`Network.shapes` names and shapes them.
    identity
        Whether agents that share a network are told their number.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        encoding: Encoding,
        networks: Mapping[str, Network],
        weights: Mapping[str, Floats],
        *,
        identity: bool = False,
    ) -> None:
        self.encoding = encoding
        self.networks = dict(networks)
        self.weights = {name: select(weights, name) for name in networks}
        self.identity = identity

    def start(self, rows: int) -> Memory:
        """Memory at the beginning of an episode in ``rows`` environments: zeros."""
        return {g.name: self.networks[g.name].start(self._rows(g, rows)) for g in self.encoding.groups}

    @abstractmethod
    def act(
        self, seen: Observation, memory: Memory, *, rng: np.random.Generator | None = None, explore: float = 0.0,
        next_mask: NextMask | None = None,
    ) -> tuple[Joint, Memory]:  # fmt: skip
        """Joint actions (rows, size) and the next memory.

        Parameters
        ----------
        seen
            ``agents`` and ``masks`` with one leading axis, rows.
        memory
            Of :meth:`start`, or what the last call gave.
        rng, explore
            How far to explore, in the algorithm's measure: the probability of a random action, the deviation of noise,
            1 for a sample of a stochastic policy. 0: the policy that is scored, which draws nothing.
        next_mask
            Where agents choose in order: the mask of an agent given the choices of those before it.
        """

    def features(self, group: Group, seen: Observation) -> Floats:
        """What a group's network is given (rows, agents, inputs)."""
        observations = seen.agents[group.name]
        if not self.identity:
            return observations
        number = np.broadcast_to(np.eye(group.count, dtype=np.float32), (*observations.shape[:-1], group.count))
        return np.concatenate([observations, number], axis=-1)

    def outputs(self, seen: Observation, memory: Memory) -> tuple[dict[str, Floats], Memory]:
        """What every group's network gives (rows, agents, outputs): one batched product per layer and group."""
        outputs, after = {}, {}
        for group in self.encoding.groups:
            network, x = self.networks[group.name], self.features(group, seen)
            y, after[group.name] = network(self.weights[group.name], fold(x, network.copies), memory[group.name])
            outputs[group.name] = unfold(y, x.shape[:-2], group.count)
        return outputs, after

    def arrays(self) -> dict[str, Floats]:
        """The weights as they are saved: ``{"group/array": values}``."""
        return {f"{name}/{key}": value for name, weights in self.weights.items() for key, value in weights.items()}

    def facts(self) -> dict[str, Any]:
        """What must be known besides the weights to make the policy again, as JSON takes it."""
        networks = {name: network.facts for name, network in self.networks.items()}
        return {"kind": self.kind, "identity": self.identity, "networks": networks}

    @classmethod
    def restore(cls, encoding: Encoding, facts: Mapping[str, Any], weights: Mapping[str, Floats], where: str) -> Policy:
        """The policy that was saved.

        Raises
        ------
        DtbenchError
            If it is of another kind, or does not fit the encoding; ``where`` begins the message.
        """
        if facts.get("kind") != cls.kind:
            raise DtbenchError(f"{where}: holds a policy of kind '{facts.get('kind')}', expected '{cls.kind}'.")
        networks = {name: Network(**fields) for name, fields in facts["networks"].items()}
        identity = bool(facts["identity"])
        for group in encoding.groups:
            inputs, outputs = cls.n_inputs(group, identity), cls.n_outputs(group)
            _check_fit(group, networks, inputs, outputs, cls.n_copies(group), where)
            networks[group.name].check(select(weights, group.name), f"{where}: group '{group.name}'")
        return cls(encoding, networks, weights, identity=identity)

    @classmethod
    def n_inputs(cls, group: Group, identity: bool) -> int:
        """Inputs of a network of a group's agents."""
        return group.observation + group.count * identity

    @classmethod
    @abstractmethod
    def n_outputs(cls, group: Group) -> int:
        """Outputs of a network of a group's agents."""

    @classmethod
    def n_copies(cls, group: Group) -> tuple[int, ...]:
        """How many copies a network of a group's agents may have: one for all of them, or one each."""
        return 1, group.count

    def _rows(self, group: Group, rows: int) -> int:
        return rows * group.count if self.networks[group.name].copies == 1 else rows


class EntryLayout:
    """The values of a categorical action's entries: flat (..., sum n) to (..., width, max n)."""

    def __init__(self, n: tuple[int, ...]) -> None:
        starts, most = np.cumsum([0, *n[:-1]]), max(n)
        grid = starts[:, None] + np.arange(most)
        self.exists = np.arange(most) < np.array(n)[:, None]  # (width, max n)
        self.index = np.where(self.exists, grid, 0)
        self.alike = bool(self.exists.all())  # entries of as many values each: nothing is moved

    def spread(self, values: Floats, mask: BoolArray) -> Floats:
        """Values with -inf where the mask forbids, or an entry has no such value."""
        allowed = np.where(mask, values, -np.inf)
        if self.alike:
            return allowed.reshape(*allowed.shape[:-1], *self.exists.shape)
        return np.where(self.exists, allowed[..., self.index], -np.inf)


_ENTRIES: dict[tuple[int, ...], EntryLayout] = {}


def entries(group: Group) -> EntryLayout:
    """The layout of a group's categorical action."""
    if not isinstance(group.space, Categorical):
        raise TypeError(f"agents '{group.name}' act in reals.")
    layout = _ENTRIES.get(group.space.n)
    if layout is None:
        layout = _ENTRIES[group.space.n] = EntryLayout(group.space.n)
    return layout


def best(values: Floats) -> IntArray:
    """The first of the greatest along the last axis; 0 where nothing is allowed."""
    return np.argmax(values, axis=-1)


def select(weights: Mapping[str, Floats], group: str) -> dict[str, Floats]:
    """The arrays of one group, without its name."""
    return {key.removeprefix(group + "/"): value for key, value in weights.items() if key.startswith(group + "/")}


def _check_fit(
    group: Group, networks: Mapping[str, Network], inputs: int, outputs: int, copies: tuple[int, ...], where: str
) -> None:  # fmt: skip
    if group.name not in networks:
        raise DtbenchError(f"{where}: there is no network of agents '{group.name}', but of {', '.join(networks)}.")
    network = networks[group.name]
    fits = network.inputs == inputs and network.outputs == outputs and network.copies in copies
    if not fits:
        raise DtbenchError(
            f"{where}: the network of agents '{group.name}' has {network.inputs} inputs, {network.outputs} outputs and "
            f"{network.copies} copies; this instance has {inputs} inputs, {outputs} outputs and {group.count} agents."
        )

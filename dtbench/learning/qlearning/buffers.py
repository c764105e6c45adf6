"""A replay buffer for each agent, as Algorithm 1 of Tao et al. (2025) has it: each agent draws a batch of its own.

All buffers hold the same joint slots, because every slot is stored in each of them. So they are stored once, and only
the draws differ: a batch has a block of rows for each agent, one after the other.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dtbench.arrays import IntArray
from dtbench.encoding import Encoding
from dtbench.learning.qlearning.replay import SequenceBatch

Entry = TypeVar("Entry", bound=np.generic)


def own_rows(batch: SequenceBatch, encoding: Encoding) -> SequenceBatch:
    """What each agent sees, does and earns in its own block: b rows, in which agents' slots are not the same ones.

    Parameters
    ----------
    batch
        n b rows, a block of b for each of the n agents.
    encoding
        Which agents there are.
    """
    n, slots = len(encoding.agents), batch.actions.shape[1]
    observations, masks, actions, first = {}, {}, [], 0
    for group, part in encoding.parts():
        agents = np.arange(first, first + group.count)
        observations[group.name] = _diagonal(batch.observations[group.name], n, agents)
        masks[group.name] = _diagonal(batch.masks[group.name], n, agents)
        chosen = batch.actions[..., part].reshape(*batch.actions.shape[:2], group.count, -1)
        actions.append(_diagonal(chosen, n, agents).reshape(-1, slots, part.stop - part.start))
        first += group.count
    earned = batch.reward[..., None].repeat(n, axis=-1) if batch.agent_rewards is None else batch.agent_rewards
    return SequenceBatch(
        observations=observations,
        masks=masks,
        actions=np.concatenate(actions, axis=-1),
        reward=batch.reward[: len(batch.reward) // n],
        agent_rewards=_diagonal(earned[..., None], n, np.arange(n))[..., 0],
        state=None,
    )


def _diagonal(value: npt.NDArray[Entry], n: int, agents: IntArray) -> npt.NDArray[Entry]:
    """Entries (b, slots, agents, ...) of agents in their own blocks, of (n b, slots, agents of the group, ...)."""
    blocks = value.reshape(n, -1, *value.shape[1:])
    return np.moveaxis(blocks[agents, :, :, np.arange(len(agents))], 0, 2)

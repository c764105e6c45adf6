"""The encoding of ``stin-deployment`` for search, which agents act in too: the node of every user."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.encoding import Categorical, Encoding, Group
from dtbench.problems.stin_deployment.instance import StinParams
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot
from dtbench.problems.stin_deployment.repair import repair


def node_encoding(params: StinParams, observation: int) -> Encoding:
    """A categorical node in [0, J + 2) per user; ``observation`` is the length of what an agent sees."""
    return Encoding((Group("user", params.n_users, Categorical((params.n_end + 2,)), observation),), decode, encode)


def decode(slot: StinSlot, x: npt.NDArray[Any]) -> StinDecision:
    """A repaired placement of genes (..., I)."""
    return repair(slot, StinDecision(node=np.asarray(x, dtype=np.int64)))


def encode(slot: StinSlot, decision: StinDecision) -> npt.NDArray[Any]:
    """Genes (..., I) of a placement."""
    return decision.node

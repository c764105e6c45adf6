"""The encoding of ``edge-migration`` for search: the server of each user."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.encoding import Categorical, Encoding, Group
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.repair import repair


def search_encoding(n_users: int, n_servers: int) -> Encoding:
    """A categorical server in [0, K) per user."""
    return Encoding((Group("user", n_users, Categorical((n_servers,))),), decode, encode)


def decode(slot: MigrationSlot, x: npt.NDArray[Any]) -> MigrationDecision:
    """A repaired association of genes (..., N)."""
    return repair(slot, MigrationDecision(assoc=np.asarray(x, dtype=np.int64)))


def encode(slot: MigrationSlot, decision: MigrationDecision) -> npt.NDArray[Any]:
    """Genes (..., N) of an association."""
    return decision.assoc

"""The hand example of the problem's definition: 3 users, 2 servers 600 m apart; and random tiny slots."""

import itertools

import numpy as np

from dtbench.problems import problem
from dtbench.problems.edge_association.migration.instance import MigrationParams
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot, MigrationState

MIGRATION = problem("edge-migration")


def hand_slot(*, prev=(1, 0, 0), cap=(2, 2), deadline=(0.6, 1.6, 0.4), **params) -> MigrationSlot:
    """access (0, 0, 1), r = (100, 50, 200) Mbit/s, D = (10, 20, 5) Mbit, F = (10, 16) GHz."""
    user_xy = np.array([[30.0, 40.0], [0.0, 0.0], [600.0, 100.0]])
    return MigrationSlot(
        params=MigrationParams(n_users=3, n_bs=2, **params),
        bs_xy=np.array([[0.0, 0.0], [600.0, 0.0]]),
        servers=np.array([0, 1]),
        cap=np.array(cap),
        u_ref=np.array(0.5),
        user_xy=user_xy,
        access=np.array([0, 0, 1]),
        rate=np.array([100e6, 50e6, 200e6]),
        cpu=np.array([10e9, 16e9]),
        data_bits=np.array([10e6, 20e6, 5e6]),
        update_bits=np.array([1e6, 2e6, 0.4e6]),
        deadline=np.array(deadline),
        prev=np.array(prev),
        prev_xy=user_xy - np.array([0.0, 20.0]),
    )


def all_associations(n_users, n_servers):
    """Every association (K ** N, N)."""
    return np.array(list(itertools.product(range(n_servers), repeat=n_users)))


def random_slots(seed, size="tiny", **overrides):
    """Slots of one instance along a leading axis, with a random feasible previous association, and random wishes."""
    instance = MIGRATION.generate(size, seed, **overrides)
    rng = np.random.default_rng(seed)
    horizon, servers = instance.horizon, instance.dims["server"]
    shape = (horizon, instance.dims["user"])
    xy = np.broadcast_to(instance.user_xy[0], (*shape, 2))
    state = MigrationState(prev=rng.integers(0, servers, shape), prev_xy=xy)
    slots = MIGRATION.slot(instance, np.arange(horizon), state)
    prev = MIGRATION.repair(slots, MigrationDecision(assoc=slots.prev)).assoc
    slots = MIGRATION.slot(instance, np.arange(horizon), MigrationState(prev=prev, prev_xy=xy))
    return slots, MigrationDecision(assoc=rng.integers(0, servers, shape))

"""The hand example of the problem's definition: 3 users, 2 servers."""

import itertools

import numpy as np

from dtbench.problems.edge_association.placement.instance import PlacementParams
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot


def hand_slot(deadline=(1.0, 2.0, 0.5), **overrides):
    """Three users, two servers 600 m apart; users 0 and 1 upload to server 0, user 2 to server 1."""
    params = PlacementParams(n_users=3, n_bs=2, horizon=1).replace(overrides)
    return PlacementSlot(
        params=params,
        bs_xy=np.array([[0.0, 0.0], [600.0, 0.0]]),
        cap=np.array([2, 3]),
        user_xy=np.zeros((3, 2)),
        gain=np.full((3, 2), 1e-9),
        access=np.array([0, 0, 1]),
        rate=np.array([100e6, 50e6, 200e6]),
        cpu=np.array([10e9, 16e9]),
        data_bits=np.array([10e6, 20e6, 5e6]),
        update_bits=np.array([1e6, 2e6, 0.4e6]),
        deadline=np.array(deadline),
        safe=np.array([0, 0, 1]),
        prev_open=np.zeros(2, dtype=bool),
        prev_assoc=np.full(3, -1),
    )


def decision(opened, assoc):
    return PlacementDecision(open=np.array(opened, dtype=bool), assoc=np.array(assoc))


def every_association(slot):
    return np.array(list(itertools.product(range(slot.n_bs), repeat=slot.n_users)))

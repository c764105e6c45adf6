"""Local search: by hand, at a local optimum of its own neighbourhood, never below its start."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench.problems.dnt_spectrum.heuristics import greedy
from dtbench.problems.dnt_spectrum.local_search import local_search, neighbours
from dtbench.problems.dnt_spectrum.model import DntDecision

from .hand import DNT, hand_slot, make_slot, random_slot


def rows(decision):
    return {tuple(np.r_[b, r, u]) for b, r, u in zip(decision.bs[0], decision.rb[0], decision.up[0], strict=True)}


def test_neighbours_by_hand():
    """One RB: user 0 on it and mast 1 uploading. Users may be put there or dropped, uploads too; links give way."""
    slot = hand_slot()[None]
    near = neighbours(slot, np.array([[0, -1]]), np.array([[0, -1]]), np.array([[-1, 0]]))
    assert rows(near) == {
        (0, -1, 0, -1, -1, 0),  # nothing changes
        (0, 1, 0, 0, -1, -1),  # user 1 takes the RB of the upload
        (-1, -1, -1, -1, -1, 0),  # user 0 dropped
        (-1, -1, -1, -1, 0, 0),  # mast 0 uploads, user 0 gives way
        (0, -1, 0, -1, -1, -1),  # the upload dropped
    }


def test_links_of_one_base_station_exchange_blocks():
    """Mast 0 has user 0 on RB 0, user 1 on RB 1, its upload on RB 2: each move to another's RB swaps the two."""
    slot = make_slot([[-50, 20], [-50, 10]], np.zeros((2, 2)), n_bs=2, n_rb=3)[None]
    near = rows(neighbours(slot, np.array([[0, 0]]), np.array([[0, 1]]), np.array([[2, -1]])))
    assert (0, 0, 1, 0, 2, -1) in near  # users exchange
    assert (0, 0, 2, 1, 0, -1) in near  # user 0 and the upload
    assert (0, 0, 0, 2, 1, -1) in near  # user 1 and the upload
    assert (-1, 0, -1, 1, 0, -1) not in near  # nobody is dropped where an exchange is possible


@pytest.mark.parametrize("interference", ["physical", "printed"])
@pytest.mark.parametrize("seed", range(5))
def test_ends_at_a_local_optimum_above_its_start(seed, interference):
    slot = random_slot(seed, "small", interference=interference, delay_limit=3.0)
    found = local_search(slot)
    value = DNT.evaluate(slot, found).objective
    assert value >= DNT.evaluate(slot, greedy(slot)).objective - 1e-9
    near = neighbours(slot[None], found.bs[None], found.rb[None], found.up[None])
    outcome = DNT.evaluate(slot, near[0])
    assert outcome.objective[outcome.feasible].max() <= value + 1e-9


def test_batch_equals_loop():
    slots = [random_slot(seed, "small", world=0) for seed in range(6)]
    whole = local_search(type(slots[0]).stack(slots))
    for member, slot in enumerate(slots):
        assert_array_equal(whole[member].rb, local_search(slot).rb)
    assert isinstance(whole, DntDecision)

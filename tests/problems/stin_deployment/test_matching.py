"""The encoding ``matching`` of ``stin-deployment``: numbers of twins on nodes, and the best matching at them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems import problem
from dtbench.problems.stin_deployment.matching import match, observe, placed, settle
from dtbench.problems.stin_deployment.model import StinDecision, counts

STIN = problem("stin-deployment")


def met(size, seed=90_001, **params):
    """Slots (T,) of an instance, and the encoding."""
    instance = STIN.generate(size, seed, **params)
    return referee.slots(STIN, instance), STIN.encodings(instance)["matching"]


@pytest.mark.parametrize("seed", range(90_001, 90_006))
def test_the_optimum_comes_back_from_its_numbers(seed):
    slots, encoding = met("small", seed)
    best = STIN.exact(slots[0], Limits(), "enumeration")
    again = encoding.decode(slots[0], encoding.encode(slots[0], best.decision))
    assert STIN.evaluate(slots[0], again).objective == pytest.approx(best.objective, rel=1e-9)


def test_numbers_by_hand():
    """Of 5 users, 2 of 3 places of the first device, no place of the second, 1 in the cloud: (2/3, 0, 1/5)."""
    slots, encoding = met("tiny", cap_min=3, cap_max=3)
    x = encoding.encode(slots[0], StinDecision(node=np.array([1, 0, 1, 3, 0])))
    np.testing.assert_allclose(x, [2 / 3, 0.0, 0.2])


def test_nobody_is_asked_to_leave():
    slots, encoding = met("small")
    assert_array_equal(encoding.decode(slots, np.zeros(encoding.size)).node, 0)


def test_a_matching_is_the_best_placement_at_its_prices():
    """Against all placements of a tiny slot with at most that many twins, each at the price of that number."""
    slots, _ = met("tiny")
    slot, number = slots[0], np.array([1, 1, 2])
    number[:-1] = np.minimum(number[:-1], slot.cap_end)
    grid = np.stack(np.meshgrid(*[np.arange(slot.n_nodes)] * slot.n_users, indexing="ij"), axis=-1)
    every = grid.reshape(-1, slot.n_users)
    every = every[(counts(every, slot.n_nodes)[:, 1:] <= number).all(axis=-1)]
    from dtbench.problems.stin_deployment.model import cloud_latency

    price = np.concatenate(
        [slot.own[:, None], slot.link + number[:-1] * slot.load, cloud_latency(slot, number[-1])[:, None]], axis=1
    )
    total = price[np.arange(slot.n_users), every].sum(axis=-1)
    mine = price[np.arange(slot.n_users), match(slot, number)[0]].sum()
    assert mine == pytest.approx(total.min(), rel=1e-12)
    assert match(slot, number)[1] == pytest.approx(slot.own.sum() - mine, rel=1e-12)


@pytest.mark.parametrize("params", [{}, {"sat_share": "all"}, {"split": "optimal"}])
def test_settled_numbers_are_taken_and_no_worse(params):
    slots, _ = met("small", **params)
    for t in range(3):
        slot = slots[t]
        number = np.append(slot.cap_end, slot.n_users // 2)
        (first, _), (last, saved) = match(slot, number), settle(slot, number)
        assert_array_equal(match(slot, counts(last, slot.n_nodes)[1:])[0], last)
        if slot.params.split == "even":
            worth = STIN.evaluate(slot, StinDecision(node=last)).objective
            assert saved == pytest.approx(slot.own.sum() - worth, rel=1e-9)
        worth = STIN.evaluate(slot, StinDecision(node=np.stack([first, last]))).objective
        assert worth[1] <= worth[0] + 1e-12


def test_doubtful_numbers_are_tried_both_ways():
    """The cloud between two numbers and a device at a half: no worse than rounded, or with the cloud the other way."""
    slots, _ = met("small")
    for t in range(5):
        slot = slots[t]
        real = np.append(slot.cap_end * 1.0, slot.n_users * 0.3)
        real[0], real[-1] = 0.5, np.floor(real[-1]) + 0.4
        worth = STIN.evaluate(slot, StinDecision(node=placed(slot, real))).objective
        first = settle(slot, np.rint(real).astype(np.int64))[0]
        cloud = settle(slot, np.append(np.rint(real[:-1]), np.ceil(real[-1])).astype(np.int64))[0]
        others = STIN.evaluate(slot, StinDecision(node=np.stack([first, cloud]))).objective
        assert worth <= others.min() + 1e-12


def test_a_network_sees_users_in_any_order():
    """Users that change places change places in what is seen, and nothing else does."""
    slots, encoding = met("tiny")
    slot, order = slots[0], np.array([3, 1, 0, 4, 2])
    moved = {
        name: getattr(slot, name)[order]
        for name in ("cycles_per_bit", "f_local", "user_xy", "data_bits", "r_end", "g_us", "prev_node")
    }
    import dataclasses

    a, b = (encoding.layout.split_state(observe(s).state) for s in (slot, dataclasses.replace(slot, **moved)))
    assert_array_equal(b["pair"], a["pair"][order])
    assert_array_equal(b["user"], a["user"][order])
    assert_array_equal(b["device"], a["device"])

"""Equations by hand, then laws."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.physics.radio import SPEED_OF_LIGHT
from dtbench.problems import problem
from dtbench.problems.stin_deployment.model import StinDecision, cloud_latency, cloud_table, counts

from .hand import hand_slot

STIN = problem("stin-deployment")
PLACEMENTS = np.array([[0, 0, 0], [1, 1, 0], [1, 2, 0], [2, 1, 0], [2, 2, 0], [1, 1, 1]])
seeds = st.integers(0, 2**32 - 1)


def random_slots(seed, size="tiny", **overrides):
    """Slots of one instance along a leading axis, and one random placement of each (devices may be overfull)."""
    instance = STIN.generate(size, seed, **overrides)
    slots = referee.slots(STIN, instance)
    rng = np.random.default_rng(seed)
    return slots, StinDecision(node=rng.integers(0, slots.n_nodes, (instance.horizon, slots.n_users)))


def total(slot, node):
    return STIN.evaluate(slot, StinDecision(node=np.asarray(node))).objective


def test_tables_by_hand():
    """u_0 = 100 * 8e6 / 1e9 = 0.8 s; e_0 = 8e6 / 100e6 = 0.08 s; w_0 = 8e8 / 16e9 = 0.05 s."""
    slot = hand_slot()
    assert_allclose(slot.own, [0.8, 0.48, 0.15])
    assert_allclose(slot.link[:, 0], [0.08, 0.15, 0.2])
    assert_allclose(slot.load[:, 0], [0.05, 0.06, 0.075])
    assert_allclose(cloud_latency(slot, 1), [0.163588, 0.217692, 0.230799], atol=5e-7)
    assert_allclose(cloud_latency(slot, 2), [0.230036, 0.313108, 0.318769], atol=5e-7)
    assert_allclose(cloud_latency(slot, 3), [0.290065, 0.399502, 0.398035], atol=5e-7)
    assert_allclose(cloud_table(slot)[1:], [cloud_latency(slot, n) for n in (1, 2, 3)])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1.430000, 0.600000, 0.497692, 0.523588, 0.693144, 0.985000]),
        ({"sat_share": "all"}, [1.430000, 0.600000, 0.679502, 0.650065, 0.839567, 0.985000]),
        ({"split": "optimal"}, [1.430000, 0.599545, 0.497692, 0.523588, 0.693144, 0.981183]),
    ],
)
def test_total_latency_by_hand(options, expected):
    """The table of the definition: six placements under three readings."""
    outcome = STIN.evaluate(hand_slot(**options), StinDecision(node=PLACEMENTS))
    assert_allclose(outcome.objective, expected, atol=5e-7)
    assert_array_equal(outcome.feasible, [True] * 5 + [False])
    assert_array_equal(outcome.violations["capacity"], [0, 0, 0, 0, 0, 1])


def test_parts_and_reward_by_hand():
    """Placement (1, 2, 0): 0.249692 s on links, 0.248 s of computing; reward -0.7 * 0.497692 - 0.3 * 0.1 * 3."""
    slot = hand_slot()
    outcome = STIN.evaluate(slot, StinDecision(node=np.array([1, 2, 0])))
    assert_allclose(outcome.metrics["comm"], 0.249692, atol=5e-7)
    assert_allclose(outcome.metrics["comp"], 0.248, atol=5e-7)
    assert_allclose(outcome.metrics["mean_latency"], 0.497692 / 3, atol=5e-7)
    assert_array_equal(outcome.metrics["occupancy"], [1, 1, 1])
    assert_allclose(STIN.reward(slot, outcome), -0.438384, atol=5e-7)


def test_reward_counts_hosted_twins_on_request():
    """Two of three twins are off the own device: -0.7 * 0.497692 - 0.3 * 0.1 * 2."""
    slot = hand_slot(cost_count="hosted")
    outcome = STIN.evaluate(slot, StinDecision(node=np.array([1, 2, 0])))
    assert_allclose(STIN.reward(slot, outcome), -0.7 * 0.497692 - 0.06, atol=5e-7)


def test_repair_by_hand():
    """The third user on a device of two places goes home; entries that are no node too."""
    slot = hand_slot()
    assert_array_equal(STIN.repair(slot, StinDecision(node=np.array([1, 1, 1]))).node, [1, 1, 0])
    assert_array_equal(STIN.repair(slot, StinDecision(node=np.array([-1, 2, 9]))).node, [0, 2, 0])


def test_out_of_range_is_a_violation_not_an_error():
    outcome = STIN.evaluate(hand_slot(), StinDecision(node=np.array([-1, 3, 1])))
    assert outcome.violations["node_range"] == 2
    assert not outcome.feasible
    assert np.isfinite(outcome.objective)


def test_dead_links_cost_nothing_unless_chosen():
    """A link of rate 0 has infinite cost; a placement that does not use it has a finite total."""
    slot = dataclasses.replace(hand_slot(), r_end=np.zeros((3, 1)))
    assert_allclose(total(slot, [0, 2, 0]), 0.8 + 0.217692 + 0.15, atol=5e-7)
    assert total(slot, [1, 0, 0]) == np.inf


@given(seeds, st.sampled_from(["even", "optimal"]), st.sampled_from(["active", "all"]))
@settings(max_examples=25, deadline=None)
def test_batch_equals_loop(seed, split, sat_share):
    slots, decisions = random_slots(seed, split=split, sat_share=sat_share)
    whole = STIN.evaluate(slots, decisions)
    for t in range(slots.batch_shape[0]):
        one = STIN.evaluate(slots[t], decisions[t])
        assert_allclose(whole.objective[t], one.objective, rtol=1e-12)
        assert whole.feasible[t] == one.feasible
        assert_allclose(whole.metrics["latency"][t], one.metrics["latency"], rtol=1e-12)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_repair_laws(seed):
    """Feasible, idempotent, the identity on feasible input; users on 0 and on the cloud stay."""
    slots, decisions = random_slots(seed)
    repaired = STIN.repair(slots, decisions)
    before, after = STIN.evaluate(slots, decisions), STIN.evaluate(slots, repaired)
    assert after.feasible.all()
    assert_array_equal(STIN.repair(slots, repaired).node, repaired.node)
    assert_array_equal(repaired.node[before.feasible], decisions.node[before.feasible])
    fixed = (decisions.node == 0) | (decisions.node == slots.n_nodes - 1)
    assert_array_equal(repaired.node[fixed], decisions.node[fixed])


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_optimal_split_is_never_worse(seed):
    """Equal where every device hosts at most one twin."""
    even, decisions = random_slots(seed)
    optimal, _ = random_slots(seed, split="optimal")
    a, b = STIN.evaluate(even, decisions), STIN.evaluate(optimal, decisions)
    assert (b.objective <= a.objective + 1e-12).all()
    alone = (a.metrics["occupancy"][..., 1:-1] <= 1).all(axis=-1)
    assert_allclose(b.objective[alone], a.objective[alone], rtol=1e-12)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_sharing_with_active_users_only_is_never_worse(seed):
    """Equal where all users, or none, are in the cloud."""
    active, decisions = random_slots(seed)
    whole, _ = random_slots(seed, sat_share="all")
    assert (total(active, decisions.node) <= total(whole, decisions.node) + 1e-12).all()
    for node in (np.zeros_like(decisions.node), np.full_like(decisions.node, active.n_nodes - 1)):
        assert_allclose(total(active, node), total(whole, node), rtol=1e-12)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_one_more_user_never_helps_the_others(seed):
    slots, decisions = random_slots(seed)
    node = decisions.node.copy()
    node[:, 0] = 0
    before = STIN.evaluate(slots, StinDecision(node=node)).metrics["latency"][:, 1:]
    for k in range(1, slots.n_nodes):
        node[:, 0] = k
        after = STIN.evaluate(slots, StinDecision(node=node)).metrics["latency"][:, 1:]
        assert (after >= before - 1e-12).all()


@given(seeds, st.floats(0.25, 4.0))
@settings(max_examples=25, deadline=None)
def test_data_scale(seed, s):
    """L(sD) = s (L(D) - n_C tau) + n_C tau with tau the propagation time."""
    slots, decisions = random_slots(seed)
    tau = (slots.d_us + slots.d_sc) / SPEED_OF_LIGHT * counts(decisions.node, slots.n_nodes)[:, -1]
    scaled = dataclasses.replace(slots, data_bits=s * slots.data_bits)
    expected = s * (total(slots, decisions.node) - tau) + tau
    assert_allclose(total(scaled, decisions.node), expected, rtol=1e-9)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_relabelling_users_and_devices_changes_nothing(seed):
    slots, decisions = random_slots(seed)
    rng = np.random.default_rng(seed)
    users, ends = rng.permutation(slots.n_users), rng.permutation(slots.n_end)
    moved = dataclasses.replace(
        slots,
        **{name: getattr(slots, name)[..., users] for name in ("cycles_per_bit", "f_local", "data_bits", "g_us")},
        **{name: getattr(slots, name)[..., ends] for name in ("f_end", "cap_end")},
        r_end=slots.r_end[..., users, :][..., ends],
    )
    new_label = np.concatenate([[0], 1 + np.argsort(ends), [slots.n_nodes - 1]])
    assert_allclose(total(moved, new_label[decisions.node[..., users]]), total(slots, decisions.node), rtol=1e-12)


def test_advance_carries_the_placement():
    slots, decisions = random_slots(3)
    state = STIN.advance(slots, decisions)
    assert_array_equal(state.prev_node, decisions.node)
    assert_array_equal(state.prev_count.sum(axis=-1), slots.n_users)

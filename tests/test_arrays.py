"""Batched dataclasses by hand, then laws on random shapes."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dtbench.arrays import Array, Batched, IntArray, array, at, pick, portions, rows, specs, spread, take


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace(Batched):
    label: str
    fixed: Array = array("user", unit="m", doc="does not change")
    moving: Array = array("time", "user", unit="m", doc="changes with time")
    level: IntArray = array("time", unit="1", doc="one number per slot", kind="int", low=0, high=9)


def trace(batch=(), horizon=3, users=2, seed=0):
    rng = np.random.default_rng(seed)
    return Trace(
        label="a",
        fixed=rng.random((*batch, users)),
        moving=rng.random((*batch, horizon, users)),
        level=rng.integers(0, 10, (*batch, horizon)),
    )


def test_specs_keep_the_order_and_what_was_declared():
    assert list(specs(Trace)) == ["fixed", "moving", "level"]
    level = specs(Trace)["level"]
    assert (level.dims, level.unit, level.kind, level.low, level.high) == (("time",), "1", "int", 0, 9)


def test_batch_shape_and_dims_by_hand():
    assert trace().batch_shape == ()
    assert trace((4,)).batch_shape == (4,)
    assert trace((4,)).dims == {"user": 2, "time": 3}
    broadcast = Trace(label="", fixed=np.zeros((5, 1, 2)), moving=np.zeros((4, 3, 2)), level=np.zeros(3, int))
    assert broadcast.batch_shape == (5, 4)


def test_fields_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="shape mismatch"):
        _ = Trace(label="", fixed=np.zeros((5, 2)), moving=np.zeros((4, 3, 2)), level=np.zeros(3, int)).batch_shape


def test_index_spreads_fields_that_lean_on_broadcasting():
    lean = Trace(label="x", fixed=np.array([1.0, 2.0]), moving=np.zeros((4, 3, 2)), level=np.zeros((3,), int))
    one = lean[2]
    assert (one.fixed.shape, one.moving.shape, one.level.shape) == ((2,), (3, 2), (3,))
    assert one.label == "x"
    wide = lean[...]
    assert (wide.fixed.shape, wide.level.shape) == ((4, 2), (4, 3))
    assert lean[..., None].batch_shape == (4, 1)
    assert lean[:, None].batch_shape == (4, 1)
    assert lean[None].batch_shape == (1, 4)
    assert_array_equal(lean[np.array([3, 3])].fixed, [[1.0, 2.0]] * 2)


def test_stack_by_hand():
    members = [trace(seed=0), trace(seed=1)]
    both = Trace.stack(members)
    assert both.batch_shape == (2,)
    assert_array_equal(both[1].moving, members[1].moving)


@settings(deadline=None)
@given(st.sampled_from([(), (3,), (2, 3)]), st.integers(0, 100))
def test_indexing_undoes_stacking(batch, seed):
    members = [trace(batch, seed=seed + i) for i in range(3)]
    stacked = Trace.stack(members)
    for i, member in enumerate(members):
        for name, _, value in member.arrays():
            assert_array_equal(getattr(stacked[i], name), value)


def test_at_by_hand():
    """moving is t + 10 user: slot 2 is (2, 12)."""
    moving = np.array([[0.0, 10.0], [1.0, 11.0], [2.0, 12.0]])
    spec = specs(Trace)["moving"]
    assert_array_equal(at(moving, spec, 2, ()), [2.0, 12.0])
    assert_array_equal(at(moving, spec, [2, 0], ()), [[2.0, 12.0], [0.0, 10.0]])
    assert_array_equal(at(moving, spec, (2, 0), ()), [[2.0, 12.0], [0.0, 10.0]])
    assert_array_equal(at(moving, spec, np.int64(2), ()), [2.0, 12.0])
    both = np.stack([moving, moving + 100])
    assert_array_equal(at(both, spec, 1, (2,)), [[1.0, 11.0], [101.0, 111.0]])
    assert_array_equal(at(both, spec, [0, 2], (2,)), [[0.0, 10.0], [102.0, 112.0]])


batches = st.sampled_from([(), (1,), (4,), (2, 3)])


@settings(deadline=None)
@given(batches, st.sampled_from([(), (1,), (5,), (2, 2)]), st.integers(0, 2**32 - 1))
def test_at_equals_a_loop_over_members_and_slots(batch, further, seed):
    rng = np.random.default_rng(seed)
    instance = trace(batch, horizon=4, users=2, seed=seed)
    t = rng.integers(0, 4, batch + further)
    for name, spec, value in instance.arrays():
        found = at(value, spec, t, batch)
        own = value.shape[value.ndim - len(spec.dims) :]
        found = np.broadcast_to(found, t.shape + (own[1:] if "time" in spec.dims else own))
        for index in np.ndindex(*t.shape):
            member = value[index[: len(batch)]]
            assert_array_equal(found[index], member[t[index]] if "time" in spec.dims else member, err_msg=name)


@settings(deadline=None)
@given(batches, st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_at_one_slot_for_all_equals_the_same_slot_for_each(batch, t, seed):
    instance = trace(batch, horizon=4, seed=seed)
    for _, spec, value in instance.arrays():
        assert_array_equal(at(value, spec, t, batch), at(value, spec, np.full(batch, t), batch))


def test_pick_by_hand():
    table = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert_array_equal(pick(table, np.array([2, 0])), [3.0, 4.0])
    assert_array_equal(pick(table, np.array([[2, 0], [1, 1]])), [[3.0, 4.0], [2.0, 5.0]])


def test_pick_selects_and_never_multiplies():
    assert_array_equal(pick(np.array([[np.inf, 1.0]]), np.array([1])), [1.0])


@settings(deadline=None)
@given(st.sampled_from([((), ()), ((3,), (3,)), ((3,), (2, 3)), ((2, 1), (2, 4)), ((2, 3), ())]), st.integers(0, 99))
def test_pick_equals_a_loop(shapes, seed):
    rng = np.random.default_rng(seed)
    table, index = rng.random((*shapes[0], 5)), rng.integers(0, 5, shapes[1])
    shape = np.broadcast_shapes(*shapes)
    full, wanted = np.broadcast_to(table, (*shape, 5)), np.broadcast_to(index, shape)
    found = pick(table, index)
    assert found.shape == shape
    for i in np.ndindex(*shape):
        assert found[i] == full[i][wanted[i]]


def test_what_is_spread_already_is_returned_as_it_is():
    """Its tables stay with it; a field without the leading axes makes a new object."""
    whole = trace((3,))[...]
    assert whole[...] is whole


@pytest.mark.parametrize("shape", [(3, 2), (1, 3, 2), (1, 1, 3, 2), (4, 3, 2), (1, 4, 3, 2)])
def test_spread_is_broadcasting_without_a_copy(shape):
    value = np.arange(6.0).reshape(2, 3).T
    assert_array_equal(spread(value, shape), np.broadcast_to(value, shape))
    assert np.shares_memory(spread(value, shape), value)


def test_take_and_rows_broadcast_like_take_along_axis():
    rng = np.random.default_rng(0)
    table, index = rng.random((1, 4, 5)), rng.integers(0, 4, (3, 1, 2))
    wide, where = np.broadcast_to(table, (3, 4, 5)), np.broadcast_to(index, (3, 4, 2))
    assert_array_equal(take(table, index), np.take_along_axis(wide, where, axis=-1))
    assert_array_equal(rows(table, index[:, 0]), np.take_along_axis(wide, index[:, 0, :, None], axis=-2))


@pytest.mark.parametrize(
    ("count", "each", "most", "lengths"), [(5, 3, 6, [2, 2, 1]), (3, 9, 4, [1, 1, 1]), (0, 1, 1, [])]
)
def test_portions_hold_everybody_once(count, each, most, lengths):
    members = np.arange(count)
    found = [members[part] for part in portions(count, each, most)]
    assert [len(part) for part in found] == lengths
    assert np.concatenate([members[:0], *found]).tolist() == members.tolist()

"""Sets in flat arrays."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench.layout import Clock, Head, Layout, Part

AXES = {"user": 3, "station": 2}
LAYOUT = Layout(
    axes=AXES,
    parts=(Part("pair", ("user", "station"), 2), Part("room", ("station",), 1), Part("whole", (), 1)),
    heads=(Head("pick", ("user", "station"), "matching", room="room"), Head("level", (), "value", 2)),
)


def test_sizes_by_hand():
    """3 * 2 * 2 + 2 + 1 features; 3 * 2 scores and 2 levels."""
    assert (LAYOUT.state_size, LAYOUT.action_size) == (15, 8)


def test_a_pair_stands_where_its_axes_say():
    """Entry ((user 1 * 2) + station 1) * 2 + feature 0 = 6 of a state; the head's own entries come in its order."""
    parts = LAYOUT.split_state(np.arange(15.0))
    assert parts["pair"][1, 1, 0] == 6.0
    assert_array_equal(parts["room"], [[12.0], [13.0]])
    heads = LAYOUT.split_action(np.arange(8.0))
    assert heads["pick"].shape == (3, 2, 1)
    assert_array_equal(heads["level"], [6.0, 7.0])


@pytest.mark.parametrize("lead", [(), (4,), (2, 5)])
def test_join_is_the_inverse_of_split(lead):
    rng = np.random.default_rng(0)
    state = rng.standard_normal((*lead, 15)).astype(np.float32)
    x = rng.standard_normal((*lead, 8))
    assert_array_equal(LAYOUT.join_state(LAYOUT.split_state(state), lead), state)
    assert_array_equal(LAYOUT.join_action(LAYOUT.split_action(x), lead), x)


def test_joining_spreads_values_over_leading_axes():
    state = LAYOUT.join_state({"pair": np.ones((3, 2, 2)), "room": np.array([5.0, 6.0]), "whole": 7.0}, (4,))
    assert state.dtype == np.float32
    assert_array_equal(state[:, 12:], [[5.0, 6.0, 7.0]] * 4)


@pytest.mark.parametrize(
    ("parts", "heads", "words"),
    [
        ((Part("p", ("station", "user"), 1),), (), "in order"),
        ((Part("p", ("cloud",), 1),), (), "in order"),
        ((Part("p", (), 1), Part("p", (), 2)), (), "twice"),
        ((), (Head("h", ("user",), "choice"),), "two axes"),
        ((), (Head("h", ("user", "station"), "matching"),), "room"),
        ((), (Head("h", ("user", "station"), "choice", allowed="ok"),), "no part 'ok'"),
        ((Part("ok", ("user",), 1),), (Head("h", ("user", "station"), "choice", allowed="ok"),), "no part 'ok'"),
    ],
)
def test_what_does_not_fit_is_refused(parts, heads, words):
    with pytest.raises(ValueError, match=words):
        Layout(AXES, parts, heads)


def test_a_layout_has_one_or_two_axes():
    with pytest.raises(ValueError, match="one or two axes"):
        Layout({}, (), ())


def test_a_clock_is_a_part_of_the_whole():
    assert LAYOUT.start_of("room") == 12
    Layout(AXES, LAYOUT.parts, LAYOUT.heads, Clock("whole", 5, 3))
    with pytest.raises(ValueError, match="no part 'room' without axes"):
        Layout(AXES, LAYOUT.parts, LAYOUT.heads, Clock("room", 5, 3))

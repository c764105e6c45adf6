"""Encodings by hand, then laws on random ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dtbench.encoding import Box, Categorical, Encoding, Group


def identity(slot, x):
    return x


@pytest.fixture
def mixed():
    """Two levers with a switch (2) and a gear (3), one pair of knobs in [-1, 0.5]: 2 * 2 + 1 * 2 entries."""
    levers = Group("lever", 2, Categorical((2, 3)), observation=4)
    return Encoding((levers, Group("knob", 1, Box(2, -1.0, 0.5))), identity)


def test_layout_by_hand(mixed):
    assert mixed.agents == ("lever_0", "lever_1", "knob_0")
    assert mixed.size == 6
    assert_array_equal(mixed.low, [0, 0, 0, 0, -1, -1])
    assert_array_equal(mixed.high, [1, 2, 1, 2, 0.5, 0.5])
    assert_array_equal(mixed.discrete, [True] * 4 + [False] * 2)
    assert mixed.discrete.dtype == bool
    assert not mixed.categorical
    assert mixed.dtype is np.float64
    assert [(g.name, s) for g, s in mixed.parts()] == [("lever", slice(0, 4)), ("knob", slice(4, 6))]


def test_space_widths():
    assert (Categorical((2, 3)).width, Categorical((2, 3)).mask_width) == (2, 5)
    assert Group("g", 4, Box(3)).size == 12


def test_categorical_encoding_holds_integers():
    encoding = Encoding((Group("user", 3, Categorical((4,))),), identity)
    assert encoding.categorical
    assert encoding.dtype is np.int64
    assert encoding.sample(np.random.default_rng(0), (2,)).dtype == np.int64


def test_split_and_join_by_hand(mixed):
    x = np.array([1, 2, 0, 1, 0.5, -0.25])
    parts = mixed.split(x)
    assert_array_equal(parts["lever"], [[1, 2], [0, 1]])
    assert_array_equal(parts["knob"], [[0.5, -0.25]])
    assert_array_equal(mixed.join(parts), x)


spaces = st.one_of(
    st.lists(st.integers(1, 5), min_size=1, max_size=3).map(lambda n: Categorical(tuple(n))),
    st.builds(Box, st.integers(1, 3), st.floats(-2, -0.5), st.floats(0, 2)),
)
groups = st.lists(st.tuples(st.integers(1, 4), spaces), min_size=1, max_size=4).map(
    lambda parts: tuple(Group(f"g{i}", count, space) for i, (count, space) in enumerate(parts))
)


@settings(deadline=None)
@given(groups, st.integers(0, 2**32 - 1), st.sampled_from([(), (3,), (2, 0), (2, 3)]))
def test_samples_fit_and_split_is_inverted_by_join(groups, seed, batch):
    encoding = Encoding(groups, identity)
    x = encoding.sample(np.random.default_rng(seed), batch)
    assert x.shape == (*batch, encoding.size)
    assert x.dtype == encoding.dtype
    assert ((x >= encoding.low) & (x <= encoding.high)).all()
    whole = x[..., encoding.discrete]
    assert_array_equal(whole, np.round(whole))
    parts = encoding.split(x)
    assert {g.name: (*batch, g.count, g.space.width) for g in groups} == {n: p.shape for n, p in parts.items()}
    assert_array_equal(encoding.join(parts), x)
    assert len(encoding.agents) == len(set(encoding.agents)) == sum(g.count for g in groups)


@settings(deadline=None)
@given(groups, st.integers(0, 2**32 - 1))
def test_same_seed_same_sample(groups, seed):
    encoding = Encoding(groups, identity)
    first, again = (encoding.sample(np.random.default_rng(seed), (4,)) for _ in range(2))
    assert_array_equal(first, again)


def test_samples_reach_every_value():
    encoding = Encoding((Group("u", 1, Categorical((3, 2))),), identity)
    x = encoding.sample(np.random.default_rng(0), (200,))
    assert {tuple(row) for row in x} == {(a, b) for a in range(3) for b in range(2)}


def test_points_of_the_unit_cube_by_hand(mixed):
    """Two and three values have halves and thirds; knobs go from -1 to 0.5. What is outside counts as the nearest."""
    u = [0.49, 0.34, 0.5, 1.0, 0.0, 2.0]
    assert_array_equal(mixed.from_unit(u), [0, 1, 1, 2, -1, 0.5])
    assert_array_equal(mixed.to_unit([0, 1, 1, 2, -1, 0.5]), [0.25, 0.5, 0.75, 2.5 / 3, 0, 1])


@given(seed=st.integers(0, 2**32 - 1))
def test_the_way_to_the_cube_and_back(seed):
    levers = Group("lever", 2, Categorical((2, 3)))
    encoding = Encoding((levers, Group("knob", 2, Box(2, -1.0, 0.5))), identity)
    x = encoding.sample(np.random.default_rng(seed), (3, 2))
    again = encoding.from_unit(encoding.to_unit(x))
    assert again.dtype == encoding.dtype
    np.testing.assert_allclose(again, x, rtol=0, atol=1e-12)

"""Rounding, bottleneck channels, LPT and the minimum-delay decision: by hand, then laws."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.satellite_offloading.allocation import (
    bottleneck_channels,
    longest_first,
    min_delay,
    round_channels,
    sqrt_shares,
)
from dtbench.problems.satellite_offloading.model import evaluate

from .hand import hand_slot, slots_of


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.6, 2.6, 2.8], [3, 2, 3]),
        ([0.2, 0.3, 7.5], [1, 1, 6]),
        ([5, 5, 5], [3, 3, 2]),
        ([3, 2, 2], [3, 2, 2]),
        ([0, 0, 0], [1, 1, 1]),
        ([-4.0, np.nan, 3.0], [1, 1, 1]),
        ([np.inf, 1.0, 1.0], [6, 1, 1]),
    ],
)
def test_rounding_by_hand(x, expected):
    assert round_channels(x, 8).tolist() == expected


@given(hnp.arrays(float, (4, 5), elements=st.floats(-1.0, 30.0)))
def test_rounding_is_feasible_idempotent_and_batched(x):
    found = round_channels(x, 12)
    assert (found >= 1).all()
    assert (found.sum(axis=-1) <= 12).all()
    total = np.maximum(x, 0.0).sum(axis=-1)
    wanted = np.where(total > 0, np.clip(np.floor(total + 1e-9), 5, 12), 5)
    assert_array_equal(found.sum(axis=-1), wanted)
    assert_array_equal(round_channels(found, 12), found)
    assert_array_equal(found, [round_channels(row, 12) for row in x])


def test_rounding_leaves_every_feasible_vector():
    every = [v for v in itertools.product(range(1, 6), repeat=4) if sum(v) <= 8]
    assert_array_equal(round_channels(every, 8), every)


def test_bottleneck_by_hand():
    """Uploads 200, 400, 600 s: the fourth channel goes to UAV 2."""
    assert bottleneck_channels(hand_slot()).tolist() == [1, 1, 2]
    assert bottleneck_channels(hand_slot(n_channel=6)).tolist() == [1, 2, 3]


def test_bottleneck_minimises_the_longest_upload():
    slots = slots_of("tiny", 3)
    every = np.array([v for v in itertools.product(range(1, 6), repeat=4) if sum(v) <= 8])
    upload = slots.data_bits[:, None] / (slots.rate * every)
    best = upload.max(axis=-1).min(axis=-1)
    assert_allclose((slots.data_bits / (slots.rate * bottleneck_channels(slots))).max(axis=-1), best)


def test_bottleneck_of_one_row_is_that_of_many():
    slots = slots_of("paper", 3)
    alone = [bottleneck_channels(slots[t]) for t in range(len(slots.data_bits))]
    assert_array_equal(alone, bottleneck_channels(slots))


def test_lpt_by_hand():
    """Weights 3, 2, 2 on equal satellites: 3 | 2, 2. At half the speed satellite 1 gets one of them."""
    weight = np.array([2.0, 3.0, 2.0])
    assert longest_first(weight, np.array([1.0, 1.0])).tolist() == [1, 0, 1]
    assert longest_first(weight, np.array([1.0, 0.5])).tolist() == [1, 0, 0]
    assert longest_first(np.ones(3), np.ones(3)).tolist() == [0, 1, 2]


def test_min_delay_by_hand():
    found = min_delay(hand_slot())
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [1, 1, 0]
    assert_allclose(found.share, [0.414214, 0.585786, 1.0], atol=5e-7)
    assert_allclose(evaluate(hand_slot(), found).objective, 0.363458, atol=5e-7)


def test_sqrt_shares_minimise_the_training_delay():
    """T_train = P_j^2, and no other shares of full capacity are quicker."""
    slot, rng = hand_slot(), np.random.default_rng(0)
    assoc = np.array([0, 0, 1])
    best = evaluate(slot, min_delay(slot)).metrics["t_train"]
    assert_allclose(best, (np.sqrt(6.25) + np.sqrt(12.5)) ** 2, rtol=1e-7)
    for first in rng.uniform(0.01, 0.99, 50):
        delay = 6.25 / first + 12.5 / (1.0 - first)
        assert delay >= best
    assert_allclose(sqrt_shares(slot, assoc)[:2].sum(), 1.0)


def test_one_row_of_lpt_is_a_row_of_many():
    """One row is done in plain numbers, several in arrays: the same, ties too."""
    rng = np.random.default_rng(0)
    weight, speed = rng.integers(1, 5, size=(40, 9)).astype(float), rng.choice([0.5, 1.0], size=(40, 3))
    rows = [longest_first(*each) for each in zip(weight, speed, strict=True)]
    assert_array_equal(longest_first(weight, speed), rows)


def test_feasible_channels_stay_whatever_their_type():
    channels = np.random.default_rng(0).multinomial(12, [0.2] * 5, size=50) + 1
    for total in (17, 20):
        assert_array_equal(round_channels(channels, total), channels)
        assert_array_equal(round_channels(channels.astype(float), total), channels)
    assert round_channels(channels, 17) is not channels

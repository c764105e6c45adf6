"""The shared network and its traces: laws of the generator's steps 1 to 4."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.problems.edge_association import system
from dtbench.problems.edge_association.system import (
    EdgeParams,
    access_distance,
    counts,
    distances,
    draw_network,
    draw_positions,
    draw_shadowing,
    one_hot,
    uplink_rate,
)

PARAMS = EdgeParams(n_users=30, n_bs=6, horizon=8)


@pytest.fixture
def network():
    return draw_network(PARAMS, np.random.default_rng(0), (2,))


def test_shapes_and_ranges(network):
    assert network.bs_xy.shape == (2, 6, 2)
    assert network.user_xy.shape == (2, 8, 30, 2)
    assert network.gain.shape == (2, 8, 30, 6)
    assert network.cpu.shape == (2, 8, 6)
    assert network.cpu.min() >= 8e9
    assert network.cpu.max() <= 24e9
    assert ((network.user_xy >= 0) & (network.user_xy <= 1500)).all()
    mean = network.cpu_mean[:, None]
    assert ((network.cpu >= 0.8 * mean - 1) | (network.cpu == 8e9)).all()
    assert (network.data_bits >= 4e6).all()
    assert (network.data_bits <= 30e6).all()
    part = network.update_bits / network.data_bits
    assert part.min() >= 0.05
    assert part.max() <= 0.2


def test_access_is_the_nearest_base_station(network):
    gap = distances(network.user_xy, network.bs_xy[:, None])
    assert_array_equal(network.access, gap.argmin(axis=-1))
    wire = access_distance(network.bs_xy[:, None], network.access)
    b, t, i = 1, 3, 7
    j = network.access[b, t, i]
    assert_allclose(wire[b, t, i], np.hypot(*(network.bs_xy[b] - network.bs_xy[b, j]).T))


def test_rate_by_hand():
    """SNR = 0.2 * 1e-7 / (20e6 * 1e-15) = 1, so r = W log2(2) = W; with two users on the BS half of W at SNR 2."""
    params = EdgeParams(noise_psd=1e-15)
    gain, access = np.array([[1e-7, 5.0], [1e-7, 5.0]]), np.array([0, 0])
    assert_allclose(uplink_rate(params, gain, access), [20e6, 20e6])
    shared = params.replace({"bandwidth_mode": "shared"})
    assert_allclose(uplink_rate(shared, gain, access), 10e6 * np.log2(3.0))


def test_base_stations_keep_their_distance():
    xy = draw_positions(np.random.default_rng(0), (200,), 4, 1000.0)
    gap = distances(xy, xy) + np.where(np.eye(4, dtype=bool), np.inf, 0.0)
    assert gap.min() >= 250.0
    many = draw_positions(np.random.default_rng(0), (), 300, 1000.0)
    assert distances(many, many)[~np.eye(300, dtype=bool)].min() >= 500.0 / np.sqrt(300)


def test_the_least_distance_shrinks_after_many_refusals(monkeypatch):
    monkeypatch.setattr(system, "TRIES", 1)
    many = draw_positions(np.random.default_rng(0), (), 300, 1000.0)
    assert distances(many, many)[~np.eye(300, dtype=bool)].min() < 250.0 / np.sqrt(300)


def test_shadowing_is_stationary_correlated_and_cut():
    x = draw_shadowing(EdgeParams(), np.random.default_rng(0), (40, 50, 20))
    assert np.abs(x).max() == 8.0
    assert_allclose(
        x.std(axis=(1, 2)).mean(), 4.0 * np.sqrt(0.7385 + 4 * 0.0455), rtol=0.02
    )  # a normal cut at two sigma
    assert_allclose(np.corrcoef(x[:-1].ravel(), x[1:].ravel())[0, 1], 0.8, atol=0.03)


def test_positions_of_a_batch_do_not_depend_on_each_other():
    xy = draw_positions(np.random.default_rng(0), (3, 2), 5, 100.0)
    assert xy.shape == (3, 2, 5, 2)
    assert len(np.unique(xy.reshape(6, -1), axis=0)) == 6


def test_empty_ranges_are_refused():
    with pytest.raises(DtbenchError, match="'cpu_min'.*above 'cpu_max'"):
        EdgeParams(cpu_min=9e9, cpu_max=8e9)


def test_one_hot_of_nothing_is_empty():
    assert_array_equal(one_hot(np.array([1, -1]), 3), [[False, True, False], [False, False, False]])


def test_counts_of_a_batch_are_those_of_each_member():
    index = np.random.default_rng(0).integers(0, 4, (2, 3, 9))
    expected = [[np.bincount(row, minlength=4) for row in part] for part in index]
    assert np.array_equal(counts(index, 4), expected)
    assert np.array_equal(counts(index[0, 0], 4), expected[0][0])

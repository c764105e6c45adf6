"""The generator: reference values, limits that the reference round meets, and what training traces keep."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.problems.satellite_offloading.allocation import min_delay

from .hand import OFFLOADING, slots_of


def test_reference_values_of_paper_seed_0():
    instance = OFFLOADING.generate("paper", 0)
    assert_allclose(instance.gain[:3], [2.739801e-13, 2.292813e-13, 3.909550e-13], rtol=5e-7)
    assert_allclose(instance.data_bits[0, :3], [7.206119e9, 4.811394e9, 6.566538e9], rtol=5e-7)
    assert_allclose(instance.deadline, 946.9055, rtol=5e-8)
    assert_allclose(instance.params.noise, 7.962e-15, rtol=5e-5)


def test_rates_of_a_channel_follow_the_cut_shadowing():
    """15 dB SNR is 10 Mbit/s over 2 MHz; 6 dB less or more gives 6.3 and 14.0 Mbit/s."""
    rate = np.concatenate([slots_of("large", seed).rate for seed in range(10)])
    assert 6.3e6 < rate.min() < 8e6
    assert 12.5e6 < rate.max() < 14.1e6
    assert_allclose(np.median(rate), 10.1e6, rtol=0.03)


@pytest.mark.parametrize("size", ["tiny", "small", "paper", "large"])
def test_the_reference_round_is_feasible_in_every_slot(size):
    for seed in range(5):
        slots = slots_of(size, seed)
        outcome = OFFLOADING.evaluate(slots, min_delay(slots))
        assert outcome.feasible.all()
        assert (outcome.metrics["t_total"] <= slots.deadline / 1.02 * (1 + 1e-9)).all()


def test_limits_follow_kappa_where_no_slot_asks_for_more():
    one, other = (OFFLOADING.generate("paper", 3, kappa_th=kappa) for kappa in (1.5, 3.0))
    assert_allclose(other.deadline, 2.0 * one.deadline)
    assert_allclose(other.energy_limit, 2.0 * one.energy_limit)
    least = OFFLOADING.generate("paper", 3, kappa_th=0.0)
    slots = slots_of("paper", 3)
    worst = OFFLOADING.evaluate(slots, min_delay(slots)).metrics["t_total"].max()
    assert_allclose(least.deadline, 1.02 * worst)


def test_limits_may_be_given():
    instance = OFFLOADING.generate("tiny", 0, t_max_allowed=500.0, e_max_allowed=2e5)
    assert (float(instance.deadline), float(instance.energy_limit)) == (500.0, 2e5)


def test_a_geometry_seed_fixes_the_gains_only():
    one, other = OFFLOADING.generate("tiny", 7), OFFLOADING.generate("tiny", 8, geometry_seed=7)
    assert_array_equal(one.gain, other.gain)
    assert (one.data_bits != other.data_bits).all()


def test_training_traces_keep_the_network_unless_it_is_to_vary():
    instance = OFFLOADING.generate("tiny", 0)
    batch = OFFLOADING.resample(instance, np.random.default_rng(0), (3,))
    assert_array_equal(np.broadcast_to(batch.gain, (3, 4))[2], instance.gain)
    assert len(np.unique(batch.data_bits[:, 0, 0])) == 3
    assert batch.deadline.shape == (3,)
    slot = OFFLOADING.slot(batch, 4, OFFLOADING.start(batch))
    assert OFFLOADING.evaluate(slot, min_delay(slot)).feasible.all()
    free = OFFLOADING.generate("tiny", 0, fresh_geometry=True)
    assert len(np.unique(OFFLOADING.resample(free, np.random.default_rng(0), (3,)).gain[:, 0])) == 3


def test_factors_of_processors():
    assert_allclose(OFFLOADING.generate("tiny", 0, f_rel="1, 0.5").f_sat, [4e9, 2e9])
    for bad in ("1", "1,0", "1,x", "1,inf"):
        with pytest.raises(DtbenchError, match="f_rel"):
            OFFLOADING.generate("tiny", 0, f_rel=bad)


def test_bad_parameters_are_refused():
    with pytest.raises(DtbenchError, match="n_channel"):
        OFFLOADING.generate("tiny", 0, n_channel=3)
    with pytest.raises(DtbenchError, match="data_max"):
        OFFLOADING.generate("tiny", 0, data_max=1e8)

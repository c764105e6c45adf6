"""Laws of the optimum, with fixed limits."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.enumeration import partitions
from dtbench.problems.satellite_offloading.model import evaluate
from dtbench.problems.satellite_offloading.terms import Terms

from .hand import slots_of, with_params

PARTITIONS = {n: partitions(n, m, identical=True) for n, m in ((4, 2), (7, 3))}


def optimum(slot):
    """Objective and metrics of the best of all partitions."""
    done = complete(Terms.of(slot), PARTITIONS[slot.n_uav])
    outcome = evaluate(slot, done.decision(int(done.objective.argmin())))
    return float(outcome.objective), {name: float(value) for name, value in outcome.metrics.items()}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_weight_of_energy(size, seed):
    """The value is concave in mu; as mu falls, T_total does not rise and E_total does not fall."""
    slot = slots_of(size, seed)[seed]
    mus = np.linspace(0.0, 1.0, 11)
    found = [optimum(with_params(slot, mu=mu)) for mu in mus]
    value = np.array([v for v, _ in found])
    assert (value[1:-1] >= 0.5 * (value[:-2] + value[2:]) * (1 - 1e-8)).all()
    # At mu = 0 energy is free, and any shares of the satellites that do not wait are optimal.
    assert (np.diff([m["t_total"] for _, m in found]) >= -1e-6).all()
    assert (np.diff([m["e_total"] for _, m in found]) <= 1e-2).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_more_room_is_never_worse(size, seed):
    slot = slots_of(size, seed, mu=0.9)[seed]
    base = optimum(slot)[0]
    for more in (1, 3):
        assert optimum(with_params(slot, n_channel=slot.params.n_channel + more))[0] <= base * (1 + 1e-9)
    for factor in (1.01, 1.5):
        assert optimum(dataclasses.replace(slot, deadline=slot.deadline * factor))[0] <= base * (1 + 1e-9)
        assert optimum(dataclasses.replace(slot, energy_limit=slot.energy_limit * factor))[0] <= base * (1 + 1e-9)


def test_order_of_uavs_and_satellites_does_not_matter():
    slot, rng = slots_of("small", 5)[2], np.random.default_rng(0)
    users = rng.permutation(7)
    moved = dataclasses.replace(slot, gain=slot.gain[users], data_bits=slot.data_bits[users])
    assert_allclose(optimum(moved)[0], optimum(slot)[0], rtol=1e-9)


def test_nearly_every_optimum_is_balanced():
    """max_j N_j = ceil(N / M) at nearly every optimum."""
    counts = [
        optimum(slot)[1]["n_sat_max"] for seed in range(3) for slot in (slots_of("small", seed)[t] for t in range(10))
    ]
    assert np.mean(np.array(counts) == 3) > 0.8

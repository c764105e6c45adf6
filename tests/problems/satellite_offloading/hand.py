"""The hand example of the problem's definition: 3 UAVs, 2 satellites, 4 channels of 10 Mbit/s."""

import dataclasses
import itertools

import numpy as np

from dtbench import referee
from dtbench.problems import problem
from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.instance import OffloadingParams
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, evaluate
from dtbench.problems.satellite_offloading.terms import Terms

OFFLOADING = problem("satellite-offloading")
CHANNELS = np.array([v for v in itertools.product(range(1, 6), repeat=4) if sum(v) <= 8])  # of a tiny slot
TINY = np.array(list(itertools.product(range(2), repeat=4)))  # its associations


def hand_slot(deadline=600.0, energy_limit=200e3, **overrides):
    """D = 2, 4, 6 Gbit; a = 6.25, 12.5, 18.75 s."""
    params = OffloadingParams(n_uav=3, n_sat=2, n_channel=4, horizon=1).replace(overrides)
    return OffloadingSlot(
        params=params,
        gain=np.full(3, 31.0 * params.noise / params.p_tx),
        f_sat=np.full(params.n_sat, 4e9),
        deadline=np.array(deadline),
        energy_limit=np.array(energy_limit),
        data_bits=np.array([2e9, 4e9, 6e9]),
    )


def decision(channels=(1, 1, 2), assoc=(0, 0, 1), share=(0.4, 0.6, 0.5)):
    return OffloadingDecision(channels=np.array(channels), assoc=np.array(assoc), share=np.array(share))


def slots_of(size, seed=0, **overrides):
    return referee.slots(OFFLOADING, OFFLOADING.generate(size, seed, **overrides))


def with_params(slot, **overrides):
    """The slot under other parameters, its limits as they are."""
    return dataclasses.replace(slot, params=slot.params.replace(overrides))


def raw_decisions(slots, rng, members):
    """Decisions (members, T) of which most break something."""
    shape = (members, *slots.batch_shape, slots.n_uav)
    return OffloadingDecision(
        channels=rng.integers(-1, 2 * slots.params.n_channel // slots.n_uav + 2, shape),
        assoc=rng.integers(-1, slots.n_sat + 1, shape),
        share=rng.uniform(-0.2, 1.2, shape),
    )


def brute_force(slot):
    """All 70 channel vectors with all 16 associations, shares completed, scored by the referee."""
    done = complete(Terms.of(slot), TINY)
    share = np.where(np.isfinite(done.objective)[:, None], done.share, 1.0)
    every = OffloadingDecision(
        channels=np.broadcast_to(CHANNELS[:, None], (70, 16, 4)), assoc=TINY, share=share
    )  # fmt: skip
    outcome = evaluate(slot, every)
    return np.where(outcome.feasible, outcome.objective, np.inf).min()

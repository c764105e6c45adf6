"""Channel points against all channel vectors, and bounds in closed form."""

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.model import OffloadingDecision, evaluate, on_satellite
from dtbench.problems.satellite_offloading.terms import Terms, channel_points

from .hand import hand_slot, slots_of

READINGS = [
    {},
    {"energy_model": "pooled"},
    {"train_delay": "max"},
    {"train_delay": "max", "energy_model": "pooled"},
]


def test_hand_example():
    terms = Terms.of(hand_slot())
    assert terms.channels.tolist() == [[1, 1, 2]]
    assert_allclose(terms.u, [400.0])
    assert_allclose(terms.w, [300 * 400 + 900])
    assert_allclose(terms.const, 32.0 + 0.3 + 0.12)
    assert_allclose(terms.cap, [600 - 400 - 32.42])
    assert_allclose(terms.beta, 0.5 / 1200 + 0.5 / 900e3 * 300)
    assert_allclose(terms.rate_cost, 0.5 / 900e3 * 6400)


@pytest.mark.parametrize("hover", [400.0, 1.0, 0.01])
@pytest.mark.parametrize("seed", range(5))
def test_points_beat_every_channel_vector_and_none_beats_another(seed, hover):
    """70 vectors per slot; at a small hover power energy and delay disagree, and there are several points."""
    slots = slots_of("tiny", seed)
    every = np.array([v for v in itertools.product(range(1, 6), repeat=4) if sum(v) <= 8])
    counts = []
    for t in range(8):
        upload = slots[t].data_bits / (slots[t].rate * every)
        u, w = upload.max(axis=-1), hover * upload.max(axis=-1) + upload.sum(axis=-1)
        points, energies, channels = channel_points(slots[t], hover)
        beaten = (points <= u[:, None] * (1 + 1e-9)) & (energies <= w[:, None] * (1 + 1e-9))
        assert beaten.any(axis=-1).all()
        assert (np.diff(points) > 0).all()
        assert (np.diff(energies) < 0).all()
        assert (channels.sum(axis=-1) == 8).all()
        counts.append(len(points))
    assert max(counts) == 1 if hover == 400.0 else True
    assert max(counts) > 1 if hover == 0.01 else True


@pytest.mark.parametrize("overrides", READINGS, ids=str)
@pytest.mark.parametrize("speeds", ["", "1,0.8,1.2"])
def test_bounds_are_in_order(overrides, speeds):
    """O(N) bound <= closed form <= completion; the other readings are their closed form."""
    slots = slots_of("small", 4, f_rel=speeds, **overrides)
    assoc = np.random.default_rng(0).integers(0, 3, (100, 7))
    for t in range(4):
        for relaxed in (False, True):
            terms = Terms.of(slots[t], relaxed=relaxed)
            closed = terms.closed(on_satellite(assoc, 3).astype(float))[0]
            done = complete(terms, assoc).objective
            some = np.isfinite(done)
            assert some.any()
            assert (closed[some] <= done[some] * (1 + 1e-12)).all()
            assert terms.bound() <= closed.min() * (1 + 1e-12)
            if overrides:
                assert_allclose(done, closed)
    assert (Terms.of(slots[0], relaxed=True).bound() <= Terms.of(slots[0]).bound()) or overrides


def test_relaxed_numbers_cost_a_millionth():
    slot = slots_of("paper", 0)[0]
    assoc = np.random.default_rng(0).integers(0, 3, (50, 11))
    plain, relaxed = (complete(Terms.of(slot, relaxed=r), assoc).objective for r in (False, True))
    some = np.isfinite(plain)
    assert (relaxed[some] < plain[some]).all()
    assert_allclose(relaxed[some], plain[some], rtol=2e-6)


def test_no_decision_that_the_referee_accepts_is_below_the_relaxed_optimum():
    """Decisions that use nearly all of the referee's tolerance, in capacity and limits."""
    more = 1.0 + 9.9e-7
    assoc = np.array(list(itertools.product(range(2), repeat=4)))
    below = 0
    for slot in (slots_of("tiny", 0)[t] for t in range(20)):
        wide = dataclasses.replace(slot, deadline=slot.deadline * more, energy_limit=slot.energy_limit * more)
        done = complete(Terms.of(wide), assoc)
        here = on_satellite(assoc, 2)
        full = (np.where(here, done.share[..., None], 0.0).sum(axis=-2) > 1.0 - 1e-9)[..., None, :] & here
        share = np.where(full.any(axis=-1), done.share * more, done.share)
        outcome = evaluate(slot, OffloadingDecision(channels=done.channels, assoc=assoc, share=share))
        some = np.isfinite(done.objective)
        assert outcome.feasible[some].all()
        relaxed = complete(Terms.of(slot, relaxed=True), assoc).objective
        assert (outcome.objective >= relaxed)[some].all()
        below += int((outcome.objective < complete(Terms.of(slot), assoc).objective * (1 - 1e-8))[some].sum())
    assert below > 20, "the test needs decisions that gain from the tolerance"

"""The generator of edge-placement: limits, deadlines and the placement that meets them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.problems import problem
from dtbench.problems.edge_association.placement.model import of_assoc
from dtbench.problems.edge_association.system import access_distance

PLACEMENT = problem("edge-placement")


@pytest.mark.parametrize(("size", "seed"), [("tiny", 0), ("tiny", 1), ("small", 0), ("paper", 0)])
def test_the_stored_placement_is_feasible_in_every_slot(size, seed):
    instance = PLACEMENT.generate(size, seed)
    slots = referee.slots(PLACEMENT, instance)
    assert PLACEMENT.evaluate(slots, of_assoc(slots.safe, slots.n_bs)).feasible.all()


def test_limits_hold_all_twins_and_follow_their_law():
    instance = PLACEMENT.generate("paper", 3)
    assert instance.cap.min() >= 15
    assert instance.cap.max() <= 30
    assert instance.cap.sum() >= 100


def test_deadlines_follow_their_law_up_to_a_power_of_the_relaxation():
    """tau = D (1/r + phi mean d + c kappa / f_ref) 1.05^n with one n per slot and kappa in [1, 1.5] per user."""
    instance = PLACEMENT.generate("paper", 2)
    p = instance.params
    share = p.tau_share * instance.cpu.sum(axis=-1)[:, None] / p.n_users
    wire = p.wire * access_distance(instance.bs_xy, instance.access).mean(axis=-1)
    fixed = instance.data_bits * (1.0 / instance.rate + wire)
    work = instance.data_bits * p.cycles / share
    found = []
    for t in range(p.horizon):
        kappas = [(instance.deadline[t] / 1.05**n - fixed[t]) / work[t] for n in range(40)]
        found.append([k for k in kappas if k.min() >= 1.0 - 1e-9 and k.max() <= 1.5 + 1e-9])
        assert found[-1], f"slot {t} is no power of the relaxation"
    kappa = next(k for k in found[0] if any(np.allclose(k, other) for other in found[1]))
    assert all(any(np.allclose(kappa, k) for k in some) for some in found)


def test_batches_are_fresh_networks():
    instance = PLACEMENT.generate("tiny", 0)
    batch = PLACEMENT.resample(instance, np.random.default_rng(0), (3,))
    assert len(np.unique(batch.bs_xy[:, 0, 0])) == 3
    slot = PLACEMENT.slot(batch, 4, PLACEMENT.start(batch))
    assert PLACEMENT.evaluate(slot, of_assoc(slot.safe, 3)).feasible.all()


def test_overrides_set_sizes_and_options():
    instance = PLACEMENT.generate("paper", 0, n_users=80, n_bs=5, horizon=2)
    assert instance.gain.shape == (2, 80, 5)
    plain = PLACEMENT.generate("tiny", 0)
    priced = PLACEMENT.generate("tiny", 0, open_cost=1.0)
    assert_array_equal(plain.deadline, priced.deadline)
    assert_allclose(priced.params.open_cost, 1.0)

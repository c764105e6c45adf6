"""One slot: every method equals brute force and says what it proves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.core import Limits

from .hand import MIGRATION, all_associations, hand_slot, random_slots


def brute_force(slot):
    verdict = MIGRATION.evaluate(slot, MIGRATION.Decision(assoc=all_associations(slot.n_users, slot.n_servers)))
    return verdict.objective[verdict.feasible].max()


def test_assignment_equals_brute_force_on_tiny_slots():
    """120 slots of 30 instances; the state is random, some with dear moves."""
    for seed in range(30):
        slots, _ = random_slots(seed, mig=1.0 + seed % 3)
        for t in range(4):
            certificate = MIGRATION.exact(slots[t])
            assert_allclose(certificate.objective, brute_force(slots[t]), rtol=1e-12)
            assert (certificate.status, certificate.method) == ("optimal", "assignment")
            assert certificate.bound == certificate.objective


@pytest.mark.parametrize("method", MIGRATION.exactness.methods)
def test_methods_by_hand(method):
    certificate = MIGRATION.exact(hand_slot(), method=method)
    assert_allclose(certificate.objective, 0.874198, atol=5e-7)
    assert_array_equal(certificate.decision.assoc, [1, 0, 1])
    assert certificate.status == "optimal"
    assert certificate.bound >= certificate.objective


@pytest.mark.parametrize("options", [{}, {"interaction": "update"}, {"energy_term": "total"}, {"mig": 0.0}])
def test_methods_agree(options):
    slots, _ = random_slots(1, "small", horizon=3, **options)
    for t in range(3):
        values = [
            MIGRATION.exact(slots[t], Limits(gap=1e-9), method).objective for method in MIGRATION.exactness.methods
        ]
        assert_allclose(values, values[0], rtol=1e-9)


@pytest.mark.parametrize("method", MIGRATION.exactness.methods)
def test_infeasible_slots_are_certified(method):
    """Nobody is in time; or three twins on two places."""
    for slot in (hand_slot(deadline=(0.1, 1.6, 0.4)), hand_slot(cap=(1, 1))):
        certificate = MIGRATION.exact(slot, method=method)
        assert certificate.status == "infeasible"
        assert certificate.decision is None
        assert np.isnan([certificate.objective, certificate.bound]).all()


def test_misuse():
    with pytest.raises(ValueError, match="unknown method 'magic'"):
        MIGRATION.exact(hand_slot(), method="magic")
    with pytest.raises(ValueError, match="leading axes"):
        MIGRATION.exact(random_slots(0)[0])


def test_reference_model_names_the_papers_constraints():
    model = MIGRATION.reference_model(hand_slot())
    documented = {c.local_name: c.doc for c in (model.capacity, model.assigned, model.delay)}
    assert documented == {"capacity": "Eq. (21a)", "assigned": "Eq. (21b), printed as (18b)", "delay": "Eq. (21c)"}

"""What was known when, from the solver's process to its record."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.experiments.record import Anytime
from dtbench.experiments.verify import verify

COUPLED = "edge-migration/tiny-000"
PLAIN = "stin-deployment/tiny-000"


@pytest.fixture(scope="module")
def ran(shared_bench):
    plain = [{"name": name, "instances": [PLAIN]} for name in ("exact", "local-search", "rubbish", "forger")]
    coupled = [{"name": name, "instances": [COUPLED]} for name in ("clairvoyant", "greedy")]
    _, records = shared_bench.run(shared_bench.write(*plain, *coupled, instances=[PLAIN, COUPLED]))
    return shared_bench.store, records


def test_all_of_them_hold(ran):
    store, records = ran
    assert {name: record.status for name, record in records.items()} == dict.fromkeys(records, "ok")
    assert verify(store.folder).ok


def test_an_exact_method_leaves_incumbents_and_bounds(ran):
    curve, record = ran[1]["exact"].anytime, ran[1]["exact"]
    assert curve.of == "slot"
    assert len(curve.seconds) > 1
    assert curve.incumbent[-1] == record.objective
    assert_allclose(curve.bound[-1], np.mean(record.slots.bound))
    assert_allclose(curve.seconds[-1], max(record.slots.seconds))


def test_a_search_of_all_slots_at_once_has_no_bound(ran):
    curve = ran[1]["local-search"].anytime
    assert set(curve.bound) == {None}
    assert curve.incumbent[0] >= curve.incumbent[-1] == ran[1]["local-search"].objective
    assert_allclose(curve.seconds[-1], max(ran[1]["local-search"].slots.seconds))


def test_a_horizon_has_the_seconds_of_all_its_slots(ran):
    record = ran[1]["clairvoyant"]
    assert record.anytime.of == "horizon"
    assert_allclose(record.anytime.seconds[-1], sum(record.slots.seconds))
    assert_allclose(record.anytime.bound[-1], record.method["horizon_bound"])


def test_a_rule_leaves_one_point(ran):
    record = ran[1]["greedy"]
    assert record.anytime == Anytime(
        of="slot", seconds=[max(record.slots.seconds)], incumbent=[record.objective], bound=[None]
    )


def test_rubbish_that_is_told_leaves_no_trace(ran):
    record = ran[1]["rubbish"]
    assert record.anytime.incumbent == [record.objective]
    assert record.anytime.bound == [None]


def test_a_curve_that_cannot_be_is_left_out(ran):
    record = ran[1]["forger"]
    assert record.status == "ok"
    assert record.anytime is None


def test_records_without_a_curve_hold(ran):
    """As earlier versions have written them: the field is not there, and not in the checksum."""
    store, records = ran
    stem = records["forger"].cell.stem
    file = store.records / f"{stem}.json"
    facts = json.loads(file.read_text())
    del facts["anytime"]
    file.write_text(json.dumps(facts))
    assert store.read(stem).intact
    assert verify(store.folder).ok

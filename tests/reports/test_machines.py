"""Times of several machines: scaled by their speeds to the one of most records, and marked."""

import pytest

from dtbench.reports.leaderboard import build
from dtbench.reports.machines import Machines

HOME = {"cpu": "Abacus 9", "speed": 1.0}
FAST = {"cpu": "Quipu 4", "speed": 2.5}


def rows(records, facts):
    board = build(records, {f"lights/tiny-00{i}": 1.0 for i in range(3)}, facts)
    return {row["solver"]: row for row in board.sections[0].table.fields()}, board.sections[0].notes


def test_times_of_another_machine_are_scaled_and_marked(make_record, facts):
    """A machine 2.5 times as fast took 4 ms: 10 ms at home."""
    records = [make_record("home", i, origin=HOME, seconds=0.008) for i in range(3)]
    records += [make_record("away", i, origin=FAST, seconds=0.004) for i in range(3)][:2]
    told, notes = rows(records, facts)
    assert told["home"]["decision_time_s"] == pytest.approx(0.008)
    assert told["away"]["decision_time_s"] == pytest.approx(0.010)
    assert "times of another machine" in told["away"]["marks"]
    assert "another machine" not in told["home"]["marks"]
    assert "Times measured on another processor, Quipu 4, multiplied by 2.50: away." in notes


def test_without_a_speed_times_stay_and_are_marked(make_record, facts):
    records = [make_record("home", i, origin={"cpu": "Abacus 9"}) for i in range(3)]
    records += [make_record("away", i, origin=FAST, seconds=0.004) for i in range(2)]
    told, notes = rows(records, facts)
    assert told["away"]["decision_time_s"] == pytest.approx(0.004)
    assert any("not scaled, as a speed is not known" in note for note in notes)


def test_one_machine_needs_no_words(make_record, facts):
    told, notes = rows([make_record("home", i, origin=HOME | {"speed": 1.0 + 0.1 * i}) for i in range(3)], facts)
    assert "machine" not in told["home"]["marks"]
    assert not any("processor" in note for note in notes)


def test_home_has_most_records(make_record):
    """Ties are settled by name, so the order of records does not matter; speeds are medians."""
    away = [make_record("b", i, origin=FAST | {"speed": s}) for i, s in enumerate((2.0, 9.0, 2.5))]
    home = [make_record("a", i, origin=HOME) for i in range(3)]
    for records in (away + home, home + away):
        machines = Machines.of(records)
        assert machines.home == "Abacus 9"
        assert machines.speeds == {"Abacus 9": 1.0, "Quipu 4": 2.5}
    assert Machines.of([*away, *home[:2]]).home == "Quipu 4"
    assert Machines.of([]).home == ""

"""Slots as decisions leave them, and the optima that they are compared with."""

import numpy as np
import pytest

from dtbench.problems import problem
from dtbench.referee import slots as all_slots
from dtbench.reports import slots
from dtbench.reports.slots import replay

STIN, MIGRATION = problem("stin-deployment"), problem("edge-migration")


def played(owner, instance, name):
    """What a rule decides over the horizon."""
    state, given = owner.start(instance), []
    for t in range(instance.horizon):
        slot = owner.slot(instance, t, state)
        given.append(owner.repair(slot, owner.heuristics[name](slot)))
        state = owner.advance(slot, given[-1])
    return type(given[0]).stack(given)


@pytest.fixture
def counted(monkeypatch):
    """How many slots the exact method of a problem has solved."""
    calls = []

    def count(owner):
        real = type(owner).exact
        monkeypatch.setattr(type(owner), "exact", lambda self, *a, **k: calls.append(1) or real(self, *a, **k))
        return calls

    return count


def test_a_decision_is_scored_and_shown_after_repair():
    instance = STIN.generate("tiny", 1)
    crowd = STIN.Decision(node=np.ones((instance.horizon, 5), dtype=int))  # all on one end device
    shown = replay(STIN, instance, "crowd", crowd, 2)
    assert not shown.asked.feasible
    assert shown.outcome.feasible
    repaired = STIN.repair(all_slots(STIN, instance), crowd)
    assert shown.decision.node.tolist() == repaired.node[2].tolist()
    assert shown.mean == pytest.approx(float(STIN.evaluate(all_slots(STIN, instance), repaired).objective.mean()))
    figure = slots.figure(STIN, instance, "mine", 2, [shown])
    said = [text.get_text() for text in figure.texts]
    excess = float(shown.asked.violations["capacity"])
    assert f"violates capacity ({excess:.0f}); shown and scored after repair" in said


@pytest.mark.parametrize(("owner", "other", "n_solved"), [(STIN, "local", 1), (MIGRATION, "stay", 2)])
def test_one_optimum_serves_all_unless_slots_are_coupled_and_states_differ(owner, other, n_solved, counted):
    instance = owner.generate("small", 2)
    shown = [replay(owner, instance, name, played(owner, instance, name), 3) for name in ("greedy", other)]
    calls = counted(owner)
    proved = slots.prove(owner, instance, shown, 10.0)
    assert len(calls) == n_solved
    for each in proved:
        assert each.gap(owner) >= -1e-9
    titles = [text.get_text() for text in slots.figure(owner, instance, "mine", 3, proved).texts]
    assert ("optimum" if n_solved == 1 else "optimum in the state of greedy") in titles
    assert any("slots are coupled" in title for title in titles) is (n_solved == 2)


def test_a_slot_that_no_decision_satisfies_has_no_optimum(monkeypatch):
    instance = STIN.generate("tiny", 1)
    shown = replay(STIN, instance, "local", played(STIN, instance, "local"), 0)
    best = slots.prove(STIN, instance, [shown], 10.0)[0].best
    nothing = type(best)(np.nan, np.nan, "infeasible", 0.1, "strong", "HiGHS")
    monkeypatch.setattr(type(STIN), "exact", lambda *a, **k: nothing)
    (without,) = slots.prove(STIN, instance, [shown], 10.0)
    assert without.gap(STIN) is None
    figure = slots.figure(STIN, instance, "mine", 0, [without])
    assert "no decision is feasible" in " ".join(text.get_text() for text in figure.texts)  # lines may break
    assert slots.facts(STIN, [without])[1]["terms"] == {}

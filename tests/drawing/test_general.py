"""Problems without a picture of their own are drawn as tables."""

import numpy as np

from dtbench.drawing.figure import Panel, compose
from dtbench.drawing.general import general, picture_of
from dtbench.picture import Map, Table
from dtbench.problems import problem

STIN = problem("stin-deployment")


def slot_and_decision():
    instance = STIN.generate("tiny", 1)
    slot = STIN.slot(instance, 0, STIN.start(instance))
    return slot, STIN.Decision(node=np.array([0, 1, 2, 3, 3]))


def test_tables_of_the_fields_and_of_what_is_measured():
    slot, decision = slot_and_decision()
    outcome = STIN.evaluate(slot, decision)
    seen, decided, measured = general(slot, decision, outcome).plots
    assert [table.title for table in (seen, decided, measured)] == [
        "the slot", "the decision", "what the referee measures",
    ]  # fmt: skip
    assert decided.rows == (("node", "0, 1, 2, 3, 3"),)
    assert dict(measured.rows)["comm"] == f"{float(outcome.metrics['comm']):.6g}"
    assert dict(seen.rows)["cap_end [twin]"] == ", ".join(map(str, slot.cap_end))
    assert [table.title for table in general(slot, None, None).plots] == ["the slot"]


def test_it_is_drawn_where_the_problem_has_none(monkeypatch):
    slot, decision = slot_and_decision()
    assert isinstance(picture_of(STIN, slot, decision, None).plots[0], Map)
    monkeypatch.setattr(type(STIN), "picture", lambda self, slot, decision: None)
    found = picture_of(STIN, slot, decision, None)
    assert all(isinstance(plot, Table) for plot in found.plots)
    figure = compose("a", "", [Panel("b", "", found)], "s")
    assert "node" in [text.get_text() for axes in figure.axes for text in axes.texts]

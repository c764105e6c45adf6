"""What decoder and algorithm do: the reference, rows of traces, and intervals of ratios and of their differences."""

import csv
import sys

import numpy as np
import pytest

from dtbench.problems import problem

from .scripts import script

decoders = script("studies", "decoders")
STIN = problem("stin-deployment")


def test_intervals_of_equal_values_have_no_width():
    assert decoders.interval(np.full(5, 1.25)) == (1.25, 1.25, 1.25)
    mean, low, high = decoders.interval(np.array([0.0, 1.0]))
    assert (mean, low, high) == (0.5, 0.0, 1.0)


def test_the_reference_is_the_optimum_or_a_rule():
    """No rule does better than the optimum of every slot, and `random` does worse than `greedy`."""
    instance = STIN.generate("tiny", 90_001)
    best, greedy, drawn = (decoders.reference(STIN, instance, rule) for rule in ("", "greedy", "random"))
    assert best <= greedy < drawn


def test_rows_of_other_problems_and_references_that_are_known_are_kept(tmp_path, monkeypatch, capsys):
    """One trace of one network: two methods, then a third beside them, whose reference is not computed again."""
    small = [(0, 0, STIN.generate("tiny", 90_001))]
    monkeypatch.setattr(decoders, "traces", lambda *_: small)
    file = tmp_path / "d.csv"

    def run(*methods):
        monkeypatch.setattr(sys, "argv", ["decoders.py", "stin-deployment", *methods, "-o", str(file)])
        decoders.main()

    run("greedy", "chance@random")
    monkeypatch.setattr(decoders, "reference", lambda *_: pytest.fail("known already"))
    run("greedy-marginal")
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert [row["method"] for row in rows] == ["greedy", "chance", "greedy-marginal"]
    assert len({row["reference"] for row in rows}) == 1
    assert "greedy-marginal" in capsys.readouterr().out

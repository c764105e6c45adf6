"""What each part of a bound gives: every variant proves something true, and parts come back."""

import csv

from dtbench.problems.mec_synchronization import branch_and_bound, path_cuts

from .scripts import script

bounds = script("studies", "bounds")


def test_every_part_is_switched_off_and_back_on():
    few, violated = branch_and_bound.FEW, path_cuts.violated
    for part, changes in bounds.PARTS.items():
        with bounds.without(part):
            assert all(getattr(module, name) is instead for module, name, instead in changes)
    assert (few, violated) == (branch_and_bound.FEW, path_cuts.violated)


def test_a_small_slot_has_one_optimum_whatever_is_off(tmp_path, monkeypatch, capsys):
    """With the relaxation even for few candidates; each variant solves it, and the table says so."""
    monkeypatch.setattr(branch_and_bound, "FEW", 0)
    out = tmp_path / "bounds.csv"
    bounds.main(["--instances", "tiny-000", "--slots", "2", "--seconds", "60", "--out", str(out)])
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(bounds.PARTS)
    for row in rows:
        same = [float(r["objective"]) for r in rows if r["slot"] == row["slot"]]
        assert max(same) <= min(same) * (1.0 + 2e-4)
        assert float(row["bound"]) <= min(same) * (1.0 + 1e-5)
        assert float(row["gap"]) <= 2e-4
    printed = capsys.readouterr().out
    assert all(f"| {part} | 0.0 % | 2 of 2 |" in printed for part in bounds.PARTS)


def test_slots_are_spread():
    assert bounds.spread(100, 4) == [12, 37, 62, 87]

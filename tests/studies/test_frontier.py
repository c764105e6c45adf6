"""The study of the frontier: who proves, who wins, and how time grows, from the records of a sweep."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import run as runner
from dtbench.experiments import sweep
from dtbench.experiments.store import Store

from .scripts import script

frontier = script("studies", "frontier")
TEXT = """
name = "frontier-mine"
problem = "stin-deployment"
size = "tiny"
seeds = 2
[over]
n_users = [3, 6, 12]
[along]
area = [200, 300, 400]
[set]
horizon = 2
[[solvers]]
name = "random"
seeds = 1
[[solvers]]
name = "local-search"
[[solvers]]
name = "exact"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("frontier")


@pytest.fixture(scope="module")
def seen(folder):
    file = folder / "mine.toml"
    file.write_text(TEXT)
    found = sweep.read(file)
    store = Store(folder / "frontier-mine")
    plan, _ = sweep.prepare(found, store)
    runner.run(plan, store, workers=1, command="test")
    return list(frontier.runs(found, store.folder))


def slower(run, seconds, proven=True):
    """The same run with these seconds in every slot."""
    slots = run.record.slots.model_copy(update={"seconds": [seconds] * len(run.record.slots.seconds)})
    record = run.record.model_copy(update={"slots": slots, "anytime": None})
    return replace(run, record=record, proven=(proven,) * len(run.proven))


def test_a_row_for_each_size_and_method(seen):
    rows = {(row["size"], row["method"]): row for row in frontier.by_size(seen)}
    assert set(rows) == {(size, method) for size in (3, 6, 12) for method in ("random", "local-search", "exact")}
    for size in (3, 6, 12):
        exact, random = rows[size, "exact"], rows[size, "random"]
        assert (exact["ratio"], exact["proven"], exact["instances"]) == (pytest.approx(1.0), 1.0, 2)
        assert random["ratio"] > 1.0
        assert random["proven"] == 0.0
        assert exact["memory_mib"] > 1.0
        assert 0.0 < exact["seconds"] <= exact["seconds_most"]
    assert [rows[3, name]["kind"] for name in ("random", "local-search", "exact")] == ["rule", "search", "exact"]


def test_instances_of_two_problems_are_not_mixed_up(seen):
    other = [replace(run, problem="satellite-offloading") for run in seen if run.kind == "search"]
    found = {(row["problem"], row["size"], row["method"]): row["ratio"] for row in frontier.by_size([*seen, *other])}
    assert all(found["satellite-offloading", size, "local-search"] == 1.0 for size in (3, 6, 12))
    assert all(found["stin-deployment", size, "random"] > 1.0 for size in (3, 6, 12))


def test_up_to_which_size_all_is_proven_in_time(seen):
    """At 3 users in 0.01 s a slot, at 6 in 0.5 s, at 12 not at all; a gap below ends it."""
    times = {3: (0.01, True), 6: (0.5, True), 12: (0.01, False)}
    made = [slower(run, *times[run.size]) for run in seen if run.kind == "exact"]
    assert {row["limit"]: row["proven_up_to"] for row in frontier.at_limits(made)} == {
        0.05: 3, 1.0: 6, 10.0: 6, 100.0: 6,
    }  # fmt: skip
    gap = [slower(run, 0.01, run.size != 6) for run in seen if run.kind == "exact"]
    assert frontier.at_limits(gap)[0]["proven_up_to"] == 3


def test_who_has_no_decision_in_time_does_not_win(seen):
    made = [slower(run, 5.0 if run.kind == "exact" else 0.5 if run.kind == "search" else 0.01) for run in seen]
    best = {row["limit"]: row["best"] for row in frontier.at_limits(made)}
    assert best[0.05] == "3: random; 6: random; 12: random"
    assert set(best[1.0].split("; ")) == {f"{size}: local-search" for size in (3, 6, 12)}
    assert "local-search" in best[10.0] or "exact" in best[10.0]
    assert frontier.at_limits([slower(run, 1000.0) for run in seen])[0]["best"] == "3: none; 6: none; 12: none"


def test_of_equally_good_methods_the_quicker_one_wins(seen):
    made = [slower(run, 0.02 if run.kind == "exact" else 0.01) for run in seen if run.kind != "rule"]
    same = {run.instance: run.record.objective for run in made if run.kind == "exact"}
    made = [replace(r, record=r.record.model_copy(update={"objective": same[r.instance]})) for r in made]
    assert set(frontier.at_limits(made)[0]["best"].split("; ")) == {f"{size}: local-search" for size in (3, 6, 12)}


def test_growth_by_hand(seen):
    made = [slower(run, 1e-3 * run.size**2) for run in seen]
    rows = {row["method"]: row for row in frontier.growth(made)}
    assert all(row["exponent"] == pytest.approx(2.0) and row["high"] == pytest.approx(2.0) for row in rows.values())
    stopped = [slower(run, 1.0, proven=run.size < 12) for run in seen]
    assert "exact" not in {row["method"] for row in frontier.growth(stopped)}  # two sizes make no line


def test_a_line_by_hand():
    """Slope 1/2 and a residual of 2/3 over one degree of freedom: sqrt(2/3 / 2) t_1(0.975)."""
    slope, half = frontier.line(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.5, 1.0]))
    assert slope == pytest.approx(0.5)
    assert half == pytest.approx(np.sqrt((2.0 / 3.0) / 2.0) * 12.7062047364)


def test_files_and_figure(seen, folder, monkeypatch, capsys):
    monkeypatch.setattr(frontier, "read_sweep", lambda name: sweep.read(folder / "mine.toml"))
    monkeypatch.setattr("sys.argv", ["frontier.py", "mine", "--results", str(folder), "--out", str(folder / "out")])
    frontier.main()
    said = capsys.readouterr().out
    assert all(f"\n{title}\n" in said for title in ("sizes", "limits", "growth"))
    with (folder / "out.csv").open() as text:
        assert len(list(csv.DictReader(text))) == 9
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "out-limits.csv").exists()


def test_nothing_to_read(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["frontier.py", "--results", str(tmp_path)])
    with pytest.raises(DtbenchError, match="holds no results of frontier sweeps; run `dtbench sweep frontier-PROBLEM`"):
        frontier.main()


def test_rows_of_problems_that_are_not_named_stay(tmp_path):
    file = tmp_path / "frontier.csv"
    old = [{"problem": id, "size": 3, "seconds": 1.0} for id in ("dnt-spectrum", "stin-deployment")]
    frontier.write(file, old)
    new = [{"problem": "stin-deployment", "size": 4, "seconds": 2.0}]
    both = frontier.with_others(new, file, ["stin-deployment"])
    assert sorted((row["problem"], int(row["size"])) for row in both) == [("dnt-spectrum", 3), ("stin-deployment", 4)]
    assert frontier.with_others(new, file, []) == new
    assert frontier.with_others(new, tmp_path / "none.csv", ["stin-deployment"]) == new

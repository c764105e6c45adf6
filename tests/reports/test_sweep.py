"""Tables of a sweep by hand: two points, two instances each, three solvers."""

import csv
import io
import itertools
from collections import namedtuple
from pathlib import Path

import pytest

from dtbench.experiments import sweep
from dtbench.reports.sweep import _panel_title, build, figure_of, rows_csv, summary_csv, write

TEXT = """
name = "hand"
title = "By hand"
problem = "{problem}"
size = "tiny"
seeds = 2
[over]
n_users = [3, 4]
[[solvers]]
name = "greedy"
[[solvers]]
name = "random"
[[solvers]]
name = "{best}"
label = "best"
"""

Planned = namedtuple("Planned", "cell")
FIRST, SECOND = 20000, 20001


@pytest.fixture
def make(tmp_path, make_record):
    """A report from objectives ``{(n_users, instance seed, label, solver seed): objective or None}``."""

    def make(objectives, problem="stin-deployment", best="exact", infeasible="", **changes):
        file = tmp_path / "hand.toml"
        file.write_text(TEXT.format(problem=problem, best=best))
        found = sweep.read(file)
        samples = sweep.samples_of(found, Path("nowhere"))
        names = {(s.point[0], s.seed): s.file.name for s in samples}
        records = {}
        cells = []
        for (n, instance_seed, label, seed), value in objectives.items():
            proof = {"bound": [value, value]} if label == "best" and value is not None else {}
            more = {"cell": {"instance": names[n, instance_seed], "problem": problem}, "seed": seed} | proof | changes
            if label == infeasible:
                more["feasible"] = [False, True]
            status = {} if value is not None else {"status": "timeout"}
            record = make_record(label, objective=value or 0.0, **more | status)
            cells.append(Planned(record.cell))
            records[record.cell.stem] = record
        return build(found, samples, cells, records)

    return make


HAND = {
    (4, FIRST, "greedy", 0): 6.0,
    (3, SECOND, "greedy", 0): 3.0,
    (3, FIRST, "greedy", 0): 2.0,
    (3, FIRST, "random", 0): 4.0,
    (3, FIRST, "random", 1): 6.0,
    (3, SECOND, "random", 0): 9.0,
    (3, FIRST, "best", 0): 1.0,
    (3, SECOND, "best", 0): None,
}


def test_rows_in_order_with_gaps_where_something_is_proved(make):
    assert rows_csv(make(HAND)) == (
        "n_users,instance_seed,solver,solver_seed,status,objective,bound,gap,feasible_share\n"
        "3,20000,greedy,0,ok,2.0,,1.0,1.0\n"  # (2 - 1) / 1
        "3,20001,greedy,0,ok,3.0,,,1.0\n"  # the exact solver has proved nothing there
        "3,20000,random,0,ok,4.0,,3.0,1.0\n"
        "3,20000,random,1,ok,6.0,,5.0,1.0\n"
        "3,20001,random,0,ok,9.0,,,1.0\n"
        "3,20000,best,0,ok,1.0,1.0,0.0,1.0\n"
        "3,20001,best,0,timeout,,,,\n"
        "4,20000,greedy,0,ok,6.0,,,1.0\n"
    )


def test_summary_over_instances_not_over_runs(make):
    """random at 3: instances (4 + 6) / 2 = 5 and 9, mean 7, s = 2 sqrt 2, s / sqrt 2 = 2, t_1(0.975) = 12.706205."""
    rows = list(csv.DictReader(io.StringIO(summary_csv(make(HAND)))))
    assert [(r["n_users"], r["solver"], r["n"], r["planned"]) for r in rows] == [
        ("3", "greedy", "2", "2"), ("3", "random", "2", "2"), ("3", "best", "1", "2"), ("4", "greedy", "1", "1")
    ]  # fmt: skip
    random = {key: float(value) for key, value in rows[1].items() if key not in ("solver", "gap_lower", "gap_upper")}
    assert random == pytest.approx(
        {"n_users": 3, "n": 2, "planned": 2, "mean": 7.0, "standard_error": 2.0, "lower": 7 - 25.412410,
         "upper": 7 + 25.412410, "gap_mean": 4.0},
        abs=1e-5,
    )  # fmt: skip
    assert (rows[2]["mean"], rows[2]["lower"], rows[3]["gap_mean"]) == ("1.0", "", "")


def test_better_than_the_incumbent_is_the_best(make):
    """Exact stopped at a gap: a heuristic may find better; then exact has the gap."""
    given = {(3, FIRST, "best", 0): 1.25, (3, FIRST, "greedy", 0): 1.0}
    assert [(r.solver, r.gap) for r in make(given).rows] == [("greedy", 0.0), ("best", 0.25)]


def test_infeasible_runs_are_not_the_best(make):
    given = {(3, FIRST, "best", 0): 1.0, (3, FIRST, "greedy", 0): 0.5}
    report = make(given, infeasible="greedy")
    assert [(r.solver, r.feasible_share, r.gap) for r in report.rows] == [("greedy", 0.5, -0.5), ("best", 1.0, 0.0)]


def test_slot_bounds_prove_nothing_where_slots_are_coupled(make):
    given = {(3, FIRST, "best", 0): 4.0, (3, FIRST, "greedy", 0): 1.0}
    coupled = make(given, "edge-migration")
    assert [(r.bound, r.gap) for r in coupled.rows] == [(None, None)] * 2
    reference = make(given, "mec-synchronization")  # minimises
    assert [(r.solver, r.bound, r.gap) for r in reference.rows] == [("greedy", None, 0.0), ("best", 4.0, 3.0)]
    proved = make(given, "edge-migration", "clairvoyant", method={"horizon_bound": 4.0})
    assert [(r.solver, r.bound, r.gap) for r in proved.rows] == [("greedy", 4.0, 0.75), ("best", 4.0, 0.0)]


def test_a_cell_without_a_record_is_not_run(make, tmp_path):
    report = make(HAND)
    cells = [Planned(record) for record in ()]
    assert build(report.sweep, (), cells, {}).rows == ()
    sample = sweep.samples_of(report.sweep, Path())[0]
    cell = namedtuple("Cell", "instance label seed stem")(sample.file.name, "greedy", 0, "x")
    (row,) = build(report.sweep, [sample], [Planned(cell)], {}).rows
    assert (row.status, row.objective) == ("not run", None)


def test_figure_has_what_the_declarations_say(make):
    drawn = figure_of(make(HAND))
    assert drawn.x_label == "n_users: I, users"
    assert drawn.y_label == "objective, mean over slots [s]\nless is better"
    assert (
        drawn.note == "stin-deployment, size tiny: mean of 1 to 2 (of 2) instances; bars: 95 % t interval of the mean"
    )
    (panel,) = drawn.panels
    assert [(c.label, c.x, c.mean) for c in panel.curves] == [
        ("greedy", (3, 4), (2.5, 6.0)), ("random", (3,), (7.0,)), ("best", (3,), (1.0,))
    ]  # fmt: skip
    assert panel.curves[1].half == pytest.approx((25.412410,))
    assert "more is better" in figure_of(make(HAND, "edge-migration")).y_label


def test_second_parameter_makes_panels(make):
    report = make(HAND)
    axis = sweep.Axis("cap_min", report.sweep.problem.params("tiny").spec("cap_min"), (1, 2))
    two = sweep.Sweep(report.sweep.content, report.sweep.source, (*report.sweep.axes, axis))
    rows = [type(r)(**vars(r) | {"point": (*r.point, cap)}) for r, cap in itertools.product(report.rows, (1, 2))]
    drawn = figure_of(type(report)(two, tuple(rows)))
    assert [p.title for p in drawn.panels] == ["cap_min = 1 twin (least N_j)", "cap_min = 2 twin (least N_j)"]
    long = sweep.Axis("split", report.sweep.problem.params("tiny").spec("split"), ("even", "optimal"))
    assert _panel_title(long, "even") == "split = even"  # what it means is too long for a panel
    assert drawn.panels[0].curves == drawn.panels[1].curves == figure_of(report).panels[0].curves


def test_written_files_are_the_same_for_the_same_records(make, tmp_path):
    first = [file.read_bytes() for file in write(tmp_path, make(HAND))]
    again = write(tmp_path, make(dict(reversed(HAND.items()))))
    assert [file.name for file in again] == ["sweep.csv", "summary.csv", "sweep.png"]
    assert [file.read_bytes() for file in again] == first

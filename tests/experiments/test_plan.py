import shutil

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments.expected import estimates
from dtbench.experiments.plan import make_plan
from dtbench.experiments.suite import read

TWO = ["stin-deployment/tiny-00[01]"]


def shape(plan):
    return [(p.cell.instance[-3:], p.cell.solver, p.cell.seed) for p in plan.cells]


def test_cells_in_the_order_of_the_suite_and_one_seed_for_deterministic_solvers(bench):
    plan = bench.plan(bench.write("slow", "raises", instances=TWO, seeds=2))
    slow = [(i, "slow", s) for i in ("000", "001") for s in (0, 1)]
    assert shape(plan) == [*slow, ("000", "raises", 0), ("001", "raises", 0)]


def test_own_seeds_and_instances_of_a_solver(bench):
    table = {"name": "slow", "seeds": 3, "instances": ["*-001"]}
    assert shape(bench.plan(bench.write(table, instances=TWO))) == [("001", "slow", s) for s in range(3)]


def test_filters(bench):
    suite = bench.write("slow", {"name": "raises", "label": "odd"}, instances=TWO, seeds=2)
    assert shape(bench.plan(suite, instances="*-000", solvers=["slow"], seeds=1)) == [("000", "slow", 0)]
    assert {p.cell.solver for p in bench.plan(suite, solvers=["odd"]).cells} == {"raises"}
    with pytest.raises(DtbenchError, match=r"--instances 'x\*' matches no instance of suite 'test'"):
        bench.plan(suite, instances="x*")
    added = bench.plan(suite, solvers=["slow", "declines"])
    assert {p.cell.solver for p in added.cells} == {"slow", "declines"}
    with pytest.raises(DtbenchError, match="unknown solver 'quick'"):
        bench.plan(suite, solvers=["slow", "quick"])
    with pytest.raises(DtbenchError, match="--seeds is 0"):
        bench.plan(suite, seeds=0)


def test_solver_of_another_problem_has_no_cells(bench):
    plan = bench.plan(bench.write("wrongproblem", "slow"))
    assert shape(plan) == [("000", "slow", 0)]
    with pytest.raises(DtbenchError, match="gives no cell"):
        bench.plan(bench.write("wrongproblem"))


def test_unknown_solver_is_the_suites_fault(bench):
    with pytest.raises(DtbenchError, match=r"key 'solvers\.0\.name' is 'raisse'; expected one of .*mean 'raises'"):
        bench.plan(bench.write("raisse"))


def test_two_entries_that_are_the_same_cell(bench):
    twice = [{"name": "slow", "label": label} for label in ("a", "b")]
    with pytest.raises(DtbenchError, match="entries 'a' and 'b' of solver 'slow' are the same"):
        bench.plan(bench.write(*twice))


def test_one_label_with_options_for_each_of_its_instances(bench):
    tables = [
        {"name": "genetic", "label": "mine", "options": {"population": level + 8}, "instances": [f"*/tiny-00{level}"]}
        for level in (0, 1)
    ]
    plan = bench.plan(bench.write(*tables, instances=TWO))
    assert [(p.cell.label, p.cell.options) for p in plan.cells] == [
        ("mine", {"population": 8}),
        ("mine", {"population": 9}),
    ]
    tables[1]["instances"] = ["*/tiny-*"]
    with pytest.raises(DtbenchError, match="two entries of solver 'genetic' have the label 'mine' on '.*tiny-000'"):
        bench.plan(bench.write(*tables, instances=TWO))
    del tables[1]["instances"]
    with pytest.raises(DtbenchError, match=r"key 'solvers\.1\.label' is 'mine'; expected a label of its own"):
        bench.plan(bench.write(*tables, instances=TWO))


def test_done_missing_stale(bench, tmp_path, solvers_folder):
    suite = bench.write("declines", "raises")
    assert bench.plan(suite).states == {"done": 0, "missing": 2, "stale": 0}
    assert bench.plan(suite).seconds(2) == (None, 2)
    bench.run(suite, solvers=["raises"])
    assert bench.plan(suite).states == {"done": 1, "missing": 1, "stale": 0}
    assert [p.cell.solver for p in bench.plan(suite, retry_failed=True).todo] == ["declines", "raises"]
    bench.run(suite)
    assert bench.plan(suite).todo == ()

    other = shutil.copytree(solvers_folder, tmp_path / "other")
    (other / "raises.py").write_text((solvers_folder / "raises.py").read_text() + "\n")
    changed = make_plan(read(suite), bench.store, solvers_paths=[other])
    assert [(p.cell.solver, p.state) for p in changed.todo] == [("raises", "stale")]

    tighter = bench.write("declines", "raises", seconds=30)
    assert bench.plan(tighter).states == {"done": 0, "missing": 0, "stale": 2}
    bench.run(tighter)
    assert bench.plan(tighter).todo == ()
    assert len(bench.store.stems()) == 2


def test_lost_or_changed_decisions_are_missing(bench):
    suite = bench.write("infeasible", instances=TWO)
    bench.run(suite)
    first, second = (bench.store.decisions(stem) for stem in bench.store.stems())
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    assert bench.plan(suite).states == {"done": 0, "missing": 2, "stale": 0}
    bench.run(suite)
    assert bench.plan(suite).todo == ()


def test_options_are_checked_before_anything_runs(bench):
    suite = bench.write({"name": "spawns", "options": {"fiel": "x"}})
    with pytest.raises(DtbenchError, match="suite .*: solver 'spawns' has no option 'fiel'. Did you mean 'file'?"):
        bench.plan(suite)


def test_estimate_is_the_median_of_cells_of_the_same_kind(bench):
    bench.run(bench.write("infeasible", instances=TWO))
    records, _ = bench.store.scan()
    timed = [r.model_copy(update={"wall_seconds": s}) for r, s in zip(records, (1.0, 3.0), strict=True)]
    assert list(estimates(timed).values()) == [2.0]
    for record in timed:
        bench.store.write(record, bench.store.decisions(record.cell.stem).read_bytes())
    more = bench.write("infeasible", "declines", instances=["stin-deployment/tiny-00[0-4]"])
    plan = bench.plan(more)
    assert plan.seconds(1) == (6.0, 5)
    assert plan.seconds(2) == (3.0, 5)
    assert plan.seconds(8) == (2.0, 5)

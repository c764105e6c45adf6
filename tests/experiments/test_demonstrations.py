"""Demonstrations: traces that are the same again and nobody else's; what is gathered is what the referee scores."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from dtbench.errors import DtbenchError
from dtbench.experiments import demonstrations, fresh
from dtbench.experiments.plan import make_plan
from dtbench.experiments.run import run
from dtbench.experiments.store import Store
from dtbench.library import instances
from dtbench.plugins.discovery import discover
from dtbench.problems import problem
from dtbench.referee import rescore

ENTRIES = discover()


def solved(id, method, folder, count, seed=3):
    """The store, the records and the suite of demonstrations."""
    owner = problem(id)
    (table,) = fresh.methods([method], ENTRIES, id)
    store = Store(folder)
    plan = make_plan(demonstrations.prepare(owner, "tiny", table, folder, count=count, seed=seed), store)
    run(plan, store, workers=1)
    return store, [store.get(p.cell) for p in plan.cells]


@pytest.mark.parametrize(("id", "method"), [("stin-deployment", "exact"), ("edge-migration", "clairvoyant")])
def test_what_is_gathered_is_what_the_referee_scores(id, method, tmp_path):
    owner = problem(id)
    store, records = solved(id, method, tmp_path, 2)
    assert demonstrations.gather(owner, store, reversed(records), tmp_path / "d.nc") == 2
    with xr.open_dataset(tmp_path / "d.nc", engine="h5netcdf") as found:
        assert found.trace.values.tolist() == [0, 1]
        fields = {name: found[name].values for name in ("objective", "bound", "horizon_bound")}
        for row, record in enumerate(records):
            instance = instances.load(store.instance_of(record.cell))
            given = {n: found[n].values[row] for n, _, _ in owner.heuristics["greedy"](owner.slot(
                instance, 0, owner.start(instance))).arrays()}  # fmt: skip
            scores = rescore(owner, instance, owner.Decision(**given))
            assert_allclose(fields["objective"][row], scores.objective)
            assert not scores.repaired.any()
            assert_allclose(fields["horizon_bound"][row], scores.mean, rtol=1e-3)
    assert np.isnan(fields["bound"]).all() == (method == "clairvoyant")


def test_traces_are_the_same_again_whatever_the_count_and_nobody_elses(tmp_path):
    owner = problem("stin-deployment")
    (table,) = fresh.methods(["exact"], ENTRIES, owner.id)
    few = demonstrations.prepare(owner, "tiny", table, tmp_path / "a", count=2, seed=3).instances()
    more = demonstrations.prepare(owner, "tiny", table, tmp_path / "b", count=3, seed=3).instances()
    others = demonstrations.prepare(owner, "tiny", table, tmp_path / "c", count=3, seed=4).instances()
    assert [each.sha256 for each in few] == [each.sha256 for each in more][:2]
    there = [instances.load(name) for name in instances.names(owner.id, "tiny")]
    there += [instances.load(each.file) for each in fresh.prepare(
        owner, "tiny", [table], tmp_path / "f", traces=2, seeds=1).instances()]  # fmt: skip
    there += [instances.load(each.file) for each in others]
    for each in more:
        mine = instances.load(each.file)
        assert not any(np.array_equal(mine.user_xy, other.user_xy) for other in there)
    assert len({instances.load(each.file).user_xy.tobytes() for each in more}) == 3


def test_without_a_solved_trace_nothing_is_written(tmp_path):
    with pytest.raises(DtbenchError, match="no trace of .* was solved"):
        demonstrations.gather(problem("stin-deployment"), Store(tmp_path), [], tmp_path / "d.nc")


def test_decisions_that_need_repair_demonstrate_nothing(tmp_path):
    store, records = solved("stin-deployment", "greedy", tmp_path, 1)
    slots = records[0].slots.model_copy(update={"repaired": [True] * len(records[0].slots.repaired)})
    with pytest.raises(DtbenchError, match="had to be repaired"):
        demonstrations.gather(problem("stin-deployment"), store, [records[0].model_copy(update={"slots": slots})],
                              tmp_path / "d.nc")  # fmt: skip

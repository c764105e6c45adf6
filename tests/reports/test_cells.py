"""One row for each planned cell, with columns and types that do not depend on the results."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from dtbench.errors import DtbenchError
from dtbench.reports.cells import FIELDS, as_dicts, frame, to_csv, to_parquet
from dtbench.reports.leaderboard import build

BEST = {"lights/tiny-000": 2.0, "harvest/tiny-000": 10.0}
KINDS = {"text": "str", "whole": "int64", "number": "float64"}


@pytest.fixture
def cells(facts, make_record):
    """Two seeds with a score, one that crashed, and a solver that trains."""
    records = [
        make_record("a", 0, [2.0, 3.0], seed=0, repaired=[True, False], feasible=[True, False], bound=[2.0, 2.0]),
        make_record("a", 0, 3.0, seed=1),
        make_record("a", 0, seed=2, status="crash", signal="SIGSEGV"),
        make_record("b", 0, 8.0, problem="harvest", train_seconds=4.0,
                    method={"training": {"seconds": 4.0, "frames": 50}}),
    ]  # fmt: skip
    return build(records, BEST, facts).cells


def test_rows_by_hand(cells):
    """2 and 3 in two slots average 2.5, a quarter above 2; of 8 where 10 is best and more is better, 20 % lack."""
    harvest, *lights = as_dicts(cells)
    assert [(row["solver"], row["seed"], row["status"]) for row in lights] == [
        ("a", 0, "ok"), ("a", 1, "ok"), ("a", 2, "crash"),
    ]  # fmt: skip
    assert [row["objective"] for row in lights] == [2.5, 3.0, None]
    assert [row["gap_ratio"] for row in (harvest, *lights)] == pytest.approx([0.2, 0.25, 0.5, None])
    shares = [lights[0][f"{name}_share"] for name in ("repaired", "infeasible", "proven")]
    assert shares == [0.5, 0.5, 0.5]
    assert (harvest["unit"], harvest["sense"], harvest["train_time_s"], harvest["train_frames"]) == (
        "kg",
        "max",
        4.0,
        50,
    )
    assert (lights[2]["reason"], lights[2]["slots"], lights[0]["slots"]) == ("SIGSEGV", None, 2)


@pytest.mark.parametrize(
    "part", [slice(None), slice(0, 1), slice(3, 4), slice(0, 0)], ids=["all", "one", "bad", "none"]
)
def test_types_do_not_depend_on_the_rows(cells, part):
    made = frame(cells[part])
    text = pd.Series(["a"], dtype="str").dtype
    assert list(made.columns) == [field.name for field in FIELDS]
    assert {f.name: made[f.name].dtype for f in FIELDS} == {
        f.name: text if f.kind == "text" else np.dtype(KINDS[f.kind]) for f in FIELDS
    }


def test_csv_is_the_frame(cells):
    """Every number is written with a point, an exponent or as NaN; texts are never missing."""
    whole = frame(cells)
    types = {field.name: KINDS[field.kind] for field in FIELDS}
    again = pd.read_csv(io.StringIO(to_csv(cells)), dtype=types, keep_default_na=False, na_values=["NaN"])
    pd.testing.assert_frame_equal(whole, again)
    lines = to_csv(cells).splitlines()
    where = [field.name for field in FIELDS].index("slots")
    assert [line.split(",")[where] for line in lines if "harvest" in line] == ["2.0"]


def test_a_unit_is_a_word(facts, make_record):
    import dataclasses

    plain = {"lights": dataclasses.replace(facts["lights"], unit="1")}
    board = build([make_record("a", 0, 2.0)], BEST, plain)
    assert as_dicts(board.cells)[0]["unit"] == "dimensionless"
    assert board.sections[0].subject == "1 instance, objective: dimensionless, less is better"
    assert board.instances.fields()[0]["objective_unit"] == "dimensionless"


def test_cells_without_a_record(facts, make_record):
    """Solver b owes an instance that a was run on: a row without numbers that says so."""
    records = [make_record("a", 0, 2.0), make_record("a", 1, 2.0), make_record("b", 0, 2.0)]
    rows = as_dicts(build(records, BEST, facts).cells)
    [lacking] = [row for row in rows if row["status"] != "ok"]
    assert (lacking["solver"], lacking["instance"], lacking["status"]) == ("b", "lights/tiny-001", "not run")
    assert lacking["objective"] is None
    assert lacking["wall_time_s"] is None


def test_parquet_needs_pyarrow(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DtbenchError, match=r"Parquet files need pyarrow; try: pip install 'dtbench\[parquet\]'"):
        to_parquet(cells)

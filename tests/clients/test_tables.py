"""polars, pyarrow and pandas find the types that are meant in tables of results, R finds the numbers."""

import subprocess
import sys
from pathlib import Path

import pytest

from dtbench.reports.cells import FIELDS

SUITE = """
name = "kinds"
title = "Units that a reader may take for numbers or not, a solver that declines, one that trained"
description = "d"
instances = ["stin-deployment/tiny-000", "edge-placement/tiny-000", "edge-migration/tiny-000"]
seeds = 2

[[solvers]]
name = "greedy"

[[solvers]]
name = "random"

[[solvers]]
name = "clairvoyant"
instances = ["edge-migration/*"]

[[solvers]]
name = "vdn"
seeds = 1
instances = ["stin-deployment/*"]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Folder of a run and of the tables of its leaderboard."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "kinds.toml").write_text(SUITE, encoding="utf-8")
    dtbench = Path(sys.executable).with_name("dtbench")
    for command in (
        ["run", "kinds.toml", "--results", "results"],
        ["leaderboard", "--results", "results", "--format", "csv,parquet"],
    ):
        subprocess.run([dtbench, *command], cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "results"


def test_polars(results, library):
    library("polars", what="cells.csv, instances.csv, leaderboard.csv, cells.parquet")
    import polars as pl

    meant = {"text": pl.String, "whole": pl.Int64, "number": pl.Float64}
    schema = {field.name: meant[field.kind] for field in FIELDS}
    packed = pl.read_parquet(results / "cells.parquet")
    assert dict(packed.schema) == schema
    assert dict(pl.read_csv(results / "cells.csv", infer_schema_length=1).schema) == schema  # from the first row alone
    assert set(packed["unit"]) == {"seconds", "cost", "dimensionless"}
    assert packed.filter(pl.col("solver") == "random")["seed"].to_list() == [0, 1] * 3
    instances = pl.read_csv(results / "instances.csv")
    assert instances.schema["objective_unit"] == pl.String
    assert instances.height < packed.height
    means = packed.filter(pl.col("status") == "ok").group_by("instance", "solver").agg(pl.col("objective").mean())
    both = instances.join(means, on=["instance", "solver"])
    assert both["objective"].to_list() == pytest.approx(both["objective_mean"].to_list(), rel=1e-12)
    assert pl.read_csv(results / "leaderboard.csv").height == 6 + 2


def test_pyarrow(results, library):
    library("pyarrow", what="cells.parquet, cells.csv")
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    meant = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64()}
    table = pyarrow.parquet.read_table(results / "cells.parquet")
    assert {f.name: f.type for f in table.schema} == {field.name: meant[field.kind] for field in FIELDS}
    assert table.schema.field("gap_ratio").metadata[b"meaning"].startswith(b"distance from best_known")
    read = pyarrow.csv.read_csv(results / "cells.csv")
    assert read.schema.field("objective").type == pa.float64()
    assert read["objective"].to_pylist() == table["objective"].to_pylist()


def test_pandas(results, library):
    library("pandas", what="cells.parquet and cells.csv against dtbench.results")
    import pandas as pd

    import dtbench

    frame = dtbench.results(results)
    pd.testing.assert_frame_equal(pd.read_parquet(results / "cells.parquet"), frame)
    again = pd.read_csv(results / "cells.csv", keep_default_na=False, na_values=["NaN"])
    pd.testing.assert_frame_equal(again, frame)


def test_r(results, program):
    script = program("Rscript", package="r-base-core", what="cells.csv by read.csv")
    code = (
        "x <- read.csv(commandArgs(TRUE)[1]); stopifnot(is.numeric(x$objective), is.character(x$unit)); "
        "cat(nrow(x), sprintf('%.17g', sum(x$objective[x$status == 'ok'])))"
    )
    said = subprocess.run(
        [script, "--vanilla", "-e", code, results / "cells.csv"], capture_output=True, text=True, timeout=60, check=True
    )
    import dtbench

    frame = dtbench.results(results)
    rows, total = said.stdout.split()
    assert int(rows) == len(frame)
    assert float(total) == pytest.approx(frame.objective[frame.status == "ok"].sum(), rel=1e-12)

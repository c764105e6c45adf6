"""R reads instances and decisions with ncdf4."""

from pathlib import Path

from .reading import check_all

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_r_reads_our_files(program, tmp_path):
    script = program("Rscript", package="r-base-core r-cran-ncdf4", what="examples/read_netcdf.R on every problem")
    check_all([script, "--vanilla", EXAMPLES / "read_netcdf.R"], tmp_path)

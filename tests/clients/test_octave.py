"""Octave reads instances and decisions with `ncinfo` and `ncread`, which cannot read strings of variable length."""

from pathlib import Path

from .reading import check_all

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_octave_reads_our_files(program, tmp_path):
    octave = program("octave-cli", package="octave octave-netcdf", what="examples/read_netcdf.m on every problem")
    check_all([octave, "--norc", "--quiet", EXAMPLES / "read_netcdf.m"], tmp_path)

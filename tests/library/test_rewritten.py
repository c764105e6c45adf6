"""Instances that the netCDF C library has written anew are read, if their content is equal; else refused by name."""

import netCDF4
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.problems import all_problems, problem

from .rewriting import rewrite

EVERY = sorted(all_problems())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "old.nc"
    instances.save(path, problem("stin-deployment").generate("tiny", 4))
    return path


def assert_equal(one, other):
    assert one.params == other.params
    assert (one.problem, one.size, one.seed) == (other.problem, other.size, other.seed)
    for name, _, value in one.arrays():
        assert_array_equal(getattr(other, name), value)
        assert getattr(other, name).dtype == value.dtype


@pytest.mark.parametrize("id", EVERY)
def test_every_problem(id, tmp_path):
    instances.save(tmp_path / "old.nc", problem(id).generate("tiny", 5))
    rewrite(tmp_path / "old.nc", tmp_path / "new.nc")
    assert_equal(instances.load(tmp_path / "old.nc"), instances.load(tmp_path / "new.nc"))


def as_r(values):
    """R has no integers of 64 bit."""
    return "f8" if values.dtype == np.int64 else values.dtype


def as_matlab(values):
    return "i4" if values.dtype == np.int64 else values.dtype


@pytest.mark.parametrize(
    "options",
    [
        {"endian": "big"},
        {"unlimited": "time"},
        {"compression": "zlib", "shuffle": True, "fletcher32": True, "complevel": 9},
        {"contiguous": True},
        {"fill_value": False},
        {"kind": as_r},
        {"kind": as_matlab, "endian": "big"},
        {"scalars": ("one",)},
        {"attributes": True},
    ],
    ids=["big", "unlimited", "packed", "contiguous", "fill", "R", "MATLAB", "scalars", "lists of texts"],
)
def test_every_way_to_store(file, tmp_path, options):
    rewrite(file, tmp_path / "new.nc", **options)
    assert_equal(instances.load(file), instances.load(tmp_path / "new.nc"))


def test_a_fill_value_that_no_number_has(file, tmp_path):
    rewrite(file, tmp_path / "new.nc", fill_value=-99)
    assert_equal(instances.load(file), instances.load(tmp_path / "new.nc"))


def change(path, work):
    with netCDF4.Dataset(path, "r+") as data:
        data.set_auto_maskandscale(False)
        work(data)


def scale(data):
    data["data_bits"].scale_factor = 2.0


def unsigned(data):
    data["cap_end"].setncattr("_Unsigned", "true")


def missing(data):
    data["data_bits"].missing_value = data["data_bits"][3, 1]


def more_data(data):
    data.createVariable("noise", "f8", ("time",))[:] = 1.0


def never_written(data):
    data["parameters"].createVariable("noise", "f8", ())


def text(data):
    data["parameters"].n_users = "five"


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (scale, "variable 'data_bits' has the attribute 'scale_factor'"),
        (unsigned, "variable 'cap_end' has the attribute '_Unsigned'"),
        (missing, "variable 'data_bits' is .* which 'missing_value' says is no value"),
        (more_data, "unknown variable 'noise'"),
        (never_written, "cannot be read as netCDF-4: '/parameters/noise' .* 8 bytes, but 0 are stored"),
        (text, "parameter 'n_users' is a variable and an attribute"),
    ],
)
def test_what_means_something_else_is_refused(file, tmp_path, work, words):
    rewrite(file, tmp_path / "new.nc")
    change(tmp_path / "new.nc", work)
    with pytest.raises(DtbenchError, match=rf"new\.nc'.* {words}"):
        instances.load(tmp_path / "new.nc")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            lambda v: "f4" if v.dtype == np.float64 else v.dtype,
            "variable 'cycles_per_bit' holds float32, expected float64",
        ),
        (lambda v: "i8" if v.ndim else v.dtype, "variable '.*' holds int64, expected float64"),
        (lambda v: "f4" if v.dtype == np.int64 else v.dtype, "variable 'cap_end' holds float32, expected int64"),
    ],
)
def test_numbers_that_may_have_lost_digits_are_refused(file, tmp_path, kind, words):
    rewrite(file, tmp_path / "new.nc", kind=kind)
    with pytest.raises(DtbenchError, match=words):
        instances.load(tmp_path / "new.nc")


def test_whole_numbers_only(file, tmp_path):
    rewrite(file, tmp_path / "new.nc", kind=as_r)
    change(tmp_path / "new.nc", lambda data: data["cap_end"].__setitem__(1, 1.5))
    with pytest.raises(DtbenchError, match=r"variable 'cap_end' is 1\.5 at \(1,\), expected whole numbers"):
        instances.load(tmp_path / "new.nc")

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench import netcdf
from dtbench.arrays import array
from dtbench.core import Decision
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixed(Decision):
    share: np.ndarray = array("user", unit="Hz", doc="band of a user")
    host: np.ndarray = array("user", unit="1", doc="host", kind="int")
    on: np.ndarray = array("user", "band", unit="1", doc="whether the band is used", kind="bool")


class Owner:
    id = "mixed"
    title = "Mixed"
    Decision = Mixed


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    return Mixed(share=rng.random((4, 3)), host=rng.integers(0, 9, (4, 3)), on=rng.random((4, 3, 2)) < 0.5)


def test_every_kind_comes_back_and_the_bytes_are_the_same(tmp_path, given):
    one, two = tmp_path / "one.nc", tmp_path / "two.nc"
    for file in (one, two):
        decisions.write(file, Owner, given)
    assert one.read_bytes() == two.read_bytes()
    back = decisions.read(one, Owner)
    for name, _, value in given.arrays():
        found = getattr(back, name)
        assert_array_equal(found, value)
        assert found.dtype == value.dtype
    described = netcdf.read(one).variables["share"]
    assert (described.dims, described.unit, described.doc) == (("time", "user"), "Hz", "band of a user")


def test_a_file_that_is_known_by_its_checksum_is_read_for_its_fields_alone(tmp_path, given):
    file = tmp_path / "x.nc"
    decisions.write(file, Owner, given)
    content = netcdf.read(file)
    more = dict(content.variables) | {"more": content.variables["share"]}
    netcdf.write(file, netcdf.Content(more, content.attributes))
    with pytest.raises(DtbenchError, match="unknown variable 'more'"):
        decisions.read(file, Owner)
    back = decisions.parse(file.read_bytes(), file, Owner, strict=False)
    for name, _, value in given.arrays():
        assert_array_equal(getattr(back, name), value)


def test_other_files_are_refused(tmp_path, given):
    file = tmp_path / "x.nc"
    decisions.write(file, Owner, given)
    with pytest.raises(DtbenchError, match="not a file of decisions of 'other'"):
        decisions.read(file, type("Other", (Owner,), {"id": "other"}))
    content = netcdf.read(file)
    less = {name: v for name, v in content.variables.items() if name != "host"}
    netcdf.write(file, netcdf.Content(less, content.attributes))
    with pytest.raises(DtbenchError, match=r"variable 'host' \(host\) is missing"):
        decisions.read(file, Owner)
    file.write_bytes(b"no netCDF")
    with pytest.raises(DtbenchError, match="cannot be read as netCDF-4"):
        decisions.read(file, Owner)

"""Files are what they say, or are refused by name."""

import dataclasses
import subprocess

import h5py
import numpy as np
import pytest
import xarray
from numpy.testing import assert_array_equal

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_known
from dtbench.library.build import COUNTS
from dtbench.problems import all_problems, problem

EVERY = sorted(all_problems())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.nc"
    instances.save(path, problem("stin-deployment").generate("tiny", 4, cap_max=2))
    return path


@pytest.mark.parametrize("id", EVERY)
def test_round_trip(id, tmp_path):
    instance = problem(id).generate("tiny", 5)
    instances.save(tmp_path / "a.nc", instance)
    again = instances.load(tmp_path / "a.nc")
    assert again.params == instance.params
    assert (again.problem, again.size, again.seed, again.name) == (id, "tiny", 5, "a.nc")
    for name, _, value in instance.arrays():
        assert_array_equal(getattr(again, name), value)


@pytest.mark.parametrize("id", EVERY)
def test_same_seed_same_bytes(id, tmp_path):
    for name in ("a", "b"):
        instances.save(tmp_path / f"{name}.nc", problem(id).generate("tiny", 5))
    instances.save(tmp_path / "c.nc", problem(id).generate("tiny", 6))
    a, b, c = ((tmp_path / f"{name}.nc").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_other_programs_read_units_and_meaning(file):
    with xarray.open_dataset(file, engine="h5netcdf") as data:
        assert data.data_bits.dims == ("time", "user")
        assert data.data_bits.attrs["units"] == "bit"
        assert data.data_bits.attrs["long_name"].startswith("D_i")
        assert data.attrs["problem"] == "stin-deployment"
        assert data.attrs["seed"] == 4
    with xarray.open_dataset(file, engine="h5netcdf", group="parameters") as parameters:
        assert parameters.f_cloud.attrs["units"] == "cycle/s"
        assert parameters.attrs["split"] == "even"


def edit(name, value=None, **attributes):
    def change(file):
        with h5py.File(file, "r+") as data:
            if value is not None:
                data[name][...] = value(data[name][...])
            for key, text in attributes.items():
                data[name].attrs[key] = text

    return change


def set_at(index, number):
    def change(values):
        values[index] = number
        return values

    return change


def rename(old, new):
    def change(file):
        with h5py.File(file, "r+") as data:
            data.move(old, new)

    return change


def attribute(key, text):
    def change(file):
        with h5py.File(file, "r+") as data:
            data.attrs[key] = text

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (edit("data_bits", set_at((2, 1), np.nan)), r"variable 'data_bits' is nan at \(2, 1\), expected finite"),
        (edit("f_local", set_at(0, -5.0)), r"variable 'f_local' is -5.0 at \(0,\)"),
        (edit("data_bits", units="MB"), "variable 'data_bits' is in 'MB', expected 'bit'"),
        (rename("g_us", "gain"), r"variable 'g_us' .* is missing"),
        (edit("parameters/n_users", set_at((), 6)), "variable .* has 5 along 'user', expected 6"),
        (edit("parameters/n_users", set_at((), 0)), "parameter 'n_users' is 0"),
        (edit("parameters/w_sat", units="MHz"), "parameter 'w_sat' is in 'MHz', expected 'Hz'"),
        (rename("parameters/w_sat", "parameters/band"), "parameter 'w_sat' is missing"),
        (attribute("problem", "tsp"), "unknown problem 'tsp'"),
        (attribute("size", "vast"), "unknown size 'vast'"),
        (attribute("generator_version", 99), "generator version is 99, expected 1"),
        (lambda file: file.write_bytes(file.read_bytes()[:4000]), "cannot be read as netCDF-4"),
        (lambda file: file.write_bytes(b"hello"), "cannot be read as netCDF-4"),
        (lambda file: file.unlink(), "does not exist"),
    ],
)
def test_damaged_files_are_refused_by_name(file, damage, words):
    damage(file)
    with pytest.raises(DtbenchError, match=words) as caught:
        instances.load(file)
    assert "own.nc" in str(caught.value)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of one instance that tests may damage."""
    folder = tmp_path / "stin-deployment"
    folder.mkdir()
    instances.save(folder / "tiny-000.nc", problem("stin-deployment").generate("tiny", 0))
    from dtbench.library.build import write_checksums

    write_checksums(folder)
    monkeypatch.setattr(files, "folder", lambda name: tmp_path)
    return folder


def test_a_shipped_file_must_match_its_checksum(library):
    assert instances.load("stin-deployment/tiny-000").name == "stin-deployment/tiny-000"
    edit("data_bits", lambda v: v * 1.001)(library / "tiny-000.nc")
    with pytest.raises(DtbenchError, match=r"tiny-000\.nc.* differs from its checksum"):
        instances.load("stin-deployment/tiny-000")


def test_a_foreign_file_in_the_library_is_refused(library):
    instances.save(library / "tiny-001.nc", problem("stin-deployment").generate("tiny", 1))
    with pytest.raises(DtbenchError, match=r"tiny-001\.nc' is not listed in SHA256SUMS"):
        instances.load("stin-deployment/tiny-001")


def test_checksums_are_those_of_sha256sum(library):
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=library, check=True, capture_output=True)


def test_unknown_names_offer_near_ones(library):
    with pytest.raises(DtbenchError, match="Did you mean 'stin-deployment/tiny-000'"):
        instances.load("stin-deployment/tiny-00")


@pytest.mark.parametrize("id", EVERY)
def test_the_shipped_library_is_complete_and_certified(id):
    """At least 10 / 10 / 10 / 3 / 3 instances, each loads, each has a best known value with its bound."""
    owner = problem(id)
    known = best_known(id)
    for size, count in (COUNTS | dict(owner.library.counts)).items():
        found = instances.names(id, size)
        assert len(found) >= count
        for name in found:
            instance = instances.load(name)
            assert dataclasses.asdict(instance.params) is not None
            rows = known[name]
            best = rows[HORIZON]
            if size not in owner.library.bracket_sizes:
                assert best.gap <= owner.exactness.target_gap_of(size) * (1 + 1e-9)
                assert best.status == "optimal"
            assert best.gap < (0.6 if size == "city" else 0.5)  # clusters do not disturb each other in bounds
            if not owner.coupled(instance.params) and len(rows) > 1:  # the horizon alone, where slots take long
                objectives = [rows[str(t)].objective for t in range(instance.horizon)]
                assert best.objective == pytest.approx(np.mean(objectives), rel=1e-12)


@pytest.mark.parametrize("name", [name for id in EVERY for name in (f"{id}/tiny-000", f"{id}/small-003")])
def test_the_generator_still_gives_the_frozen_data(name):
    """Whoever changes a generator raises its ``generator_version`` and freezes a new library."""
    frozen = instances.load(name)
    again = problem(frozen.problem).generate(frozen.size, frozen.seed)
    for field, _, value in frozen.arrays():
        np.testing.assert_allclose(getattr(again, field), value, rtol=1e-9, atol=0, err_msg=field)

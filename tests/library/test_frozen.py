"""The shipped files have the content that they always had, in a form that other programs read."""

from pathlib import Path

import h5netcdf
import h5py
import netCDF4
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench import files, netcdf
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions
from dtbench.library import build, instances
from dtbench.library.build import content_sha256
from dtbench.netcdf import Content, Variable
from dtbench.problems import all_problems, problem

DATA = Path(__file__).parents[1] / "data"


def test_content_is_that_of_the_first_files():
    """Checksums of the contents were taken from the files of version 0.1.0, those of cities from version 0.2.0."""
    lines = (DATA / "instances-content.sha256").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    assert {name: content_sha256(instances.load(name)) for name in instances.names()} == listed


def test_a_file_of_the_first_form_is_read():
    old = instances.load(DATA / "instance-0.1.0.nc")
    assert content_sha256(old) == content_sha256(instances.load("stin-deployment/tiny-000"))


def test_content_counts_every_bit():
    instance = problem("stin-deployment").generate("tiny", 0)
    values = instance.data_bits.copy()
    values[3, 1] = np.nextafter(values[3, 1], 0.0)
    changed = type(instance)(**{**vars(instance), "data_bits": values})
    assert content_sha256(changed) != content_sha256(instance)


def texts(path):
    """Names of the attributes of a file that are texts, and whether each is of fixed characters."""
    found = {}

    def look(name, item):
        for key in item.attrs:
            kind = item.attrs.get_id(key).dtype
            info = h5py.check_string_dtype(kind)
            if info is not None:
                found[f"{name}:{key}"] = info.length is not None

    with h5py.File(path) as data:
        look("", data)
        data.visititems(look)
    return found


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_texts_are_characters_and_dimensions_have_coordinates(id):
    path = files.folder("instances") / id / "tiny-000.nc"
    found = texts(path)
    assert len(found) > 20
    assert all(found.values()), [name for name, fixed in found.items() if not fixed]
    with netCDF4.Dataset(path) as data:
        assert data.Conventions == "ACDD-1.3"
        assert data.title
        assert data.summary
        assert data.keywords
        for name, dim in data.dimensions.items():
            assert_array_equal(data[name][:], np.arange(len(dim)))


@pytest.mark.parametrize("text", ["", "1", "Δ of a µ-cell", "two\nlines"])
def test_any_text(tmp_path, text):
    values = Variable(("time",), np.arange(3.0), "", text)
    netcdf.write(tmp_path / "a.nc", Content({"x": values}, {"note": text}))
    found = netcdf.read(tmp_path / "a.nc")
    assert (found.variables["x"].doc, found.variables["x"].unit, found.attributes["note"]) == (text, "", text)
    with netCDF4.Dataset(tmp_path / "a.nc") as data:
        assert (data["x"].long_name, data.note) == (text, text)


def test_decisions_of_the_first_form_are_read(tmp_path):
    """Texts of variable length, no coordinates."""
    owner = problem("stin-deployment")
    decision = owner.Decision(node=np.arange(15).reshape(3, 5) % 4)
    with h5netcdf.File(tmp_path / "old.nc", "w") as data:
        data.attrs["problem"] = owner.id
        data.dimensions = {"time": 3, "user": 5}
        item = data.create_variable("node", ("time", "user"), data=decision.node)
        item.attrs["units"] = "1"
    decisions.write(tmp_path / "new.nc", owner, decision)
    for name in ("old", "new"):
        assert_array_equal(decisions.read(tmp_path / f"{name}.nc", owner).node, decision.node)
    assert all(texts(tmp_path / "new.nc").values())
    assert not all(texts(tmp_path / "old.nc").values())


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of one file in the first form."""
    folder = tmp_path / "instances" / "stin-deployment"
    folder.mkdir(parents=True)
    (folder / "tiny-000.nc").write_bytes((DATA / "instance-0.1.0.nc").read_bytes())
    build.write_checksums(folder)
    monkeypatch.setattr(files, "folder", lambda name: tmp_path / name)
    return folder


def test_rewriting(library):
    owner = problem("stin-deployment")
    assert build.rewrite(owner, library) == 1
    assert build.rewrite(owner, library) == 0
    assert all(texts(library / "tiny-000.nc").values())
    old = instances.load(DATA / "instance-0.1.0.nc")
    assert content_sha256(instances.load("stin-deployment/tiny-000")) == content_sha256(old)


def test_rewriting_refuses_another_content(library, monkeypatch):
    before = (library / "tiny-000.nc").read_bytes()
    other = problem("stin-deployment").generate("tiny", 1)
    save = instances.save
    monkeypatch.setattr(instances, "save", lambda path, _: save(path, other))
    with pytest.raises(DtbenchError, match=r"tiny-000\.nc' would have another content"):
        build.rewrite(problem("stin-deployment"), library)
    assert (library / "tiny-000.nc").read_bytes() == before

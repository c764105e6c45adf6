"""What is in a file is looked at before its values are; what is not allowed is refused with its name."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench import hdf5, hdf5_process
from dtbench.hdf5 import Refused

DATA = Path(__file__).parent / "data"


@pytest.fixture
def made(tmp_path):
    """Make a file by a function of its root group; returns its bytes."""

    def make(change, **options):
        file = tmp_path / "x.nc"
        with h5py.File(file, "w", **options) as root:
            change(root)
        return file.read_bytes()

    return make


def plain(root):
    """A dimension of 3, an array over it, attributes, a group with a number."""
    root.attrs["title"] = "plain"
    root.attrs["count"] = np.int64(4)
    root["n"] = np.zeros(3)
    root["n"].make_scale("This is a netCDF dimension but not a netCDF variable.         3")
    root["x"] = np.array([1.5, 2.5, 4.0])
    root["x"].dims[0].attach_scale(root["n"])
    root["x"].attrs["units"] = "m"
    root.create_group("more")["y"] = 7


def also(change):
    def both(root):
        plain(root)
        change(root)

    return both


@pytest.mark.parametrize("parse", [hdf5.parse, hdf5_process.parse])
def test_what_is_in_a_file(made, parse):
    root = parse(made(plain))
    assert root.attributes == {"title": "plain", "count": 4}
    assert list(root.variables) == ["x"]
    x = root.variables["x"]
    assert (x.dims, x.attributes) == (("n",), {"units": "m"})
    assert_array_equal(x.values, [1.5, 2.5, 4.0])
    assert root.groups["more"].variables["y"].values.item() == 7
    x.values[0] = 0.0  # it may be written to


def test_few_attributes_are_read_where_few_are_wanted(made):
    root = hdf5.parse(made(plain), ("title", "none"))
    assert root.attributes == {"title": "plain"}
    assert (root.variables["x"].dims, root.variables["x"].attributes) == (("n",), {})


@pytest.mark.parametrize("parse", [hdf5.parse, hdf5_process.parse])
def test_nothing_else_is_opened_where_few_variables_are_wanted(made, parse):
    image = made(also(lambda root: root.create_dataset("odd", data=np.array([b"text"]))))
    with pytest.raises(Refused, match="odd"):
        parse(image, ())
    root = parse(image, (), ("x", "none"))
    assert (list(root.variables), list(root.groups)) == (["x"], [])
    assert root.variables["x"].dims == ("?",)
    assert_array_equal(root.variables["x"].values, [1.5, 2.5, 4.0])


def chunked(root, shape=(3, 4), chunks=(3, 4), **options):
    root.create_dataset("big", shape, "f8", chunks=chunks, **options)


def filled(root, shape, **options):
    root.create_dataset("big", data=np.zeros(shape), chunks=True, **options)


def external(root):
    Path(root.file.filename).with_suffix(".raw").write_bytes(bytes(24))
    root.create_dataset("out", (3,), "f8", external=[(str(Path(root.file.filename).with_suffix(".raw")), 0, 24)])


def virtual(root):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(".", "x", (3,))
    root.create_virtual_dataset("other", layout)


def committed(root):
    root["type"] = np.dtype("f8")


def other_length(root):
    root["m"] = np.zeros(5)
    root["m"].make_scale("m")
    root["z"] = np.zeros(4)
    root["z"].dims[0].attach_scale(root["m"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: root.__setitem__("soft", h5py.SoftLink("/x")), "'/soft' is a soft link"),
        (lambda root: root.__setitem__("soft", h5py.SoftLink("/nowhere")), "'/soft' is a soft link"),
        (lambda root: root.__setitem__("out", h5py.ExternalLink("x.nc", "/x")), "'/out' is an external link"),
        (lambda root: root.__setitem__("twin", root["x"]), "is linked more than once"),
        (lambda root: root["more"].__setitem__("up", root), "is linked more than once"),
        (lambda root: root["more"].__setitem__("itself", root["more"]), "is linked more than once"),
        (lambda root: root.create_group("/".join("abcdef")), "lies in more than 4 groups"),
        (lambda root: [root.create_group(f"g{i}") for i in range(1001)], "more than 1000 objects"),
        (lambda root: root.create_group("a\nb"), r"the name 'a\\nb' is not a printable one"),
        (lambda root: root.create_group("a" * 300), "at most 256 characters"),
        (external, "'/out' has its values in another file"),
        (virtual, "'/other' is a virtual array"),
        (committed, "'/type' is neither a group nor an array"),
        (
            lambda root: filled(root, (900,), compression="lzf"),
            r"'/big' is packed by filter 32000; expected gzip, shuf",
        ),
        (lambda root: filled(root, (900,), scaleoffset=3), "'/big' is packed by filter 6"),
        (lambda root: chunked(root), r"'/big' with shape \(3, 4\) has 96 bytes, but 0 are stored"),
        (lambda root: root.create_dataset("big", (9,), "f8"), "has 72 bytes, but 0 are stored"),
        (lambda root: chunked(root, (10**6, 10**6), (10, 10)), "makes its values more than 268435456 bytes"),
        (lambda root: chunked(root, (2**62, 4), (1, 1)), "makes its values more than 268435456 bytes"),
        (lambda root: chunked(root, (3,), (10**6,), maxshape=(None,)), r"'/big' has chunks \(1000000,\), larger"),
        (lambda root: root.create_dataset("big", data=h5py.Empty("f8")), "'/big' has no values"),
        (lambda root: root.create_dataset("big", data=np.zeros((1,) * 9)), "has 9 axes; at most 8"),
        (lambda root: root.create_dataset("text", data="abc"), "'/text' does not hold plain numbers"),
        (lambda root: root.create_dataset("pair", data=np.zeros(2, "f8,i4")), "'/pair' does not hold plain numbers"),
        (lambda root: root.create_dataset("pair", data=np.zeros(2, "c16")), "'/pair' does not hold plain numbers"),
        (lambda root: root.create_dataset("flag", data=np.zeros(2, bool)), "'/flag' does not hold plain numbers"),
        (lambda root: root["x"].attrs.create("pair", np.zeros(2, "f8,i4")), "attribute 'pair' of '/x' does not hold"),
        (lambda root: root["x"].attrs.create("long", np.zeros(9000)), "attribute 'long' of '/x' is larger than 65536"),
        (lambda root: root["x"].attrs.create("long", "a" * 70000), "attribute 'long' of '/x' is larger than 65536"),
        (
            lambda root: root["x"].attrs.create("other", np.bytes_(b"\xff\xfe")),
            "attribute 'other' of '/x' is not UTF-8",
        ),
        (lambda root: [root["x"].attrs.create(f"a{i}", 1) for i in range(101)], "attributes; at most 100 are read"),
        (lambda root: root.create_dataset("lists", (2,), h5py.vlen_dtype("f8")), "'/lists' does not hold plain"),
        (lambda root: root["more"]["y"].attrs.create("CLASS", 1), "dimension '/more/y' has 0 axes, expected 1"),
        (other_length, "'z' has 4 along 'm', which has 5"),
    ],
)
def test_what_is_not_allowed_is_refused(made, change, words):
    image = made(also(change), libver="latest")
    for parse in (hdf5.parse, hdf5_process.parse):
        with pytest.raises(Refused, match=words):
            parse(image)


def test_no_other_file_is_opened(made, tmp_path, monkeypatch):
    """External values are refused before they are looked for: a pipe in their place would never end."""
    image = made(also(external))
    (tmp_path / "x.raw").unlink()
    with pytest.raises(Refused, match="in another file"):
        hdf5.parse(image)


def test_zeros_that_gzip_can_have_packed_are_read(made):
    """1 MiB of zeros takes a thousandth as much; 128 MiB of which only one chunk was written cannot be."""
    image = made(lambda root: filled(root, (2**17,), compression="gzip", shuffle=True))
    assert len(image) < 2**17
    assert hdf5.parse(image).variables["big"].values.sum() == 0.0

    def grown(root):
        filled(root, (2**10,), compression="gzip", maxshape=(None,))
        root["big"].resize((2**24,))

    with pytest.raises(Refused, match=r"'/big' with shape \(16777216,\) has 134217728 bytes, but \d+ are stored"):
        hdf5.parse(made(grown))


@pytest.mark.parametrize("form", [">f8", "<f8", ">i8", "<i4", ">i2", "u1"])
def test_any_byte_order_and_width(made, form):
    image = made(lambda root: root.__setitem__("x", np.arange(5).astype(form)))
    values = hdf5.parse(image).variables["x"].values
    assert values.dtype == np.dtype(form).newbyteorder("=")
    assert_array_equal(values, np.arange(5))


@pytest.mark.parametrize("value", [np.bytes_("1"), "1", np.array(["1"], dtype=object), np.bytes_("1\0\0")])
def test_texts_of_every_writer(made, value):
    assert hdf5.parse(made(lambda root: root.attrs.create("units", value))).attributes == {"units": "1"}


def test_an_empty_text(made):
    assert hdf5.parse(made(lambda root: root.attrs.create("units", h5py.Empty("S1")))).attributes == {"units": ""}


@pytest.mark.parametrize("name", ["damaged-traceback", "group-linked-to-its-parent", "damaged-hangs"])
def test_damaged_files_are_refused_and_the_next_one_is_read(made, name):
    with pytest.raises(Refused):
        hdf5_process.parse((DATA / f"{name}.nc").read_bytes())
    assert hdf5_process.parse(made(plain)).attributes["title"] == "plain"


def test_what_is_no_hdf5(made):
    for image in (b"", b"CDF\1" + bytes(40), made(plain)[:1000], b"\x89HDF\r\n\x1a\n" + b"\xff" * 1000):
        with pytest.raises(Refused):
            hdf5_process.parse(image)


def test_a_killed_process_is_replaced(made):
    """Whatever ends the process, the file is refused and the next one is read."""
    image = made(plain)
    hdf5_process.parse(image)
    reader = hdf5_process._only.reader
    reader.process.kill()
    reader.process.wait()
    assert hdf5_process.parse(image).attributes["count"] == 4


def test_a_fork_has_a_process_of_its_own(made):
    image = made(plain)
    hdf5_process.parse(image)
    first = hdf5_process._only.reader.process.pid
    pid = os.fork()
    if pid == 0:
        hdf5_process.parse(image)
        os._exit(0 if hdf5_process._only.reader.process.pid != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert hdf5_process.parse(image).attributes["count"] == 4

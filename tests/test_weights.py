"""The header of a file of weights is checked before an array is made."""

import json
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import save

from dtbench import weights
from dtbench.errors import DtbenchError

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True]), "c": np.array(3)}


def file_of(tmp_path, content):
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    return file


def test_what_is_written_is_read(tmp_path):
    stored = weights.read(file_of(tmp_path, save(ARRAYS, {"dtbench": "{}"})), "Mend it.")
    assert stored.text == "{}"
    for name, value in ARRAYS.items():
        assert_array_equal(stored.arrays[name], value)
        assert stored.arrays[name].dtype == value.dtype
    stored.arrays["a"][0] = 7.0  # it may be written to


def with_header(header, data=bytes(24)):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def one(**change):
    return {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | change}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it has 0 bytes, its header should have 0"),
        (b"\x07\0\0", "it has 3 bytes"),
        (struct.pack("<Q", 2**63) + b"{}", "its header should have 9223372036854775808"),
        (struct.pack("<Q", 2**24 + 1) + bytes(2**24 + 1), "at most 16777216 are read"),
        (with_header(b"[" * 100_000), "nested deeper than 50"),
        (with_header(b'{"a":' * 100 + b"1" + b"}" * 100), "nested deeper than 50"),
        (with_header(b"\xff"), "its header is truncated, or not text"),
        (with_header([]), "its header is no table of arrays"),
        (with_header({str(i): 1 for i in range(10_001)}), "its header is no table of arrays"),
        (with_header({"__metadata__": [1]}), "its metadata are no texts"),
        (with_header({"__metadata__": {"dtbench": 1}}), "its metadata are no texts"),
        (with_header({"a": 3}), "array 'a' is 3"),
        (with_header(one(dtype="F8_E4M3")), "array 'a' is of type 'F8_E4M3', expected one of F64"),
        (with_header(one(dtype="F8")), "array 'a' is of type 'F8'"),
        (with_header(one(dtype="BF16", shape=[3, 4])), "array 'a' is of type 'BF16'"),
        (with_header(one(dtype=["F32"])), "is of type"),
        (with_header(one(shape=[2, -3])), "array 'a' has shape"),
        (with_header(one(shape=[True, 6])), "array 'a' has shape"),
        (with_header(one(shape="23")), "array 'a' has shape '23'"),
        (with_header(one(shape=[1] * 99 + [6])), "array 'a' has shape"),
        (with_header(one(shape=[2**62, 4])), "array 'a' has shape"),
        (with_header(one(data_offsets=[0, 24.0])), "array 'a' has shape"),
        (with_header(one(data_offsets=[0])), "array 'a' has shape"),
        (with_header(one(), bytes(23)), "array 'a' has shape"),
        (with_header(one(data_offsets=[24, 48]), bytes(48)), "SafetensorError"),
        (with_header(one(), bytes(30)), "SafetensorError"),
        (with_header(one() | {"b": one()["a"]}), "SafetensorError"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, content, words):
    with pytest.raises(DtbenchError, match=words) as caught:
        weights.read(file_of(tmp_path, content), "Mend it.")
    message = str(caught.value)
    assert "w.safetensors' cannot be read as safetensors: truncated, changed or another format" in message
    assert message.endswith(" Mend it.")
    assert len(message) < 600


def test_a_missing_file(tmp_path):
    with pytest.raises(DtbenchError, match=r"none' does not exist or is not a file\. Mend it\."):
        weights.read(tmp_path / "none", "Mend it.")

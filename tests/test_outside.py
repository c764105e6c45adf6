"""Texts from outside are bounded in size and depth; what is not what it should be is named."""

import os

import pytest

from dtbench import outside
from dtbench.errors import DtbenchError


def test_bytes_of_a_file(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    assert outside.read_bytes(file, 3) == b"abc"
    with pytest.raises(DtbenchError, match="x' is larger than 2 bytes"):
        outside.read_bytes(file, 2)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "", "nothing", "loop", "a\0b", "a" * 999):
        with pytest.raises(DtbenchError, match=r"does not exist or is not a file|cannot be read"):
            outside.read_bytes(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[" * 200_000, "X is not valid JSON of ours: lists nested deeper than 50"),
        (b'{"a":' * 200_000, "nested deeper than 50"),
        (b"[" * 51 + b"]" * 51, "X: lists or tables are nested deeper than 50"),
        (b"\xff\xfe[]", "X is truncated, or not text: byte 0, 0xff, is not UTF-8"),
        (b"[1", "X is truncated or not JSON"),
        (b"", "X is truncated or not JSON"),
        (b"[NaN]", "NaN is not a number of JSON"),
        (b"[-Infinity]", "-Infinity is not a number of JSON"),
        (b"1" * 5001, "X is truncated or not JSON: Exceeds the limit"),
        (b"1" * 400, "X: an integer has 1326 bit; at most 128 are read"),
        (rb'["\ud800"]', r"X: a text holds half of a sign, '\\ud800'"),
        (rb'{"\uDFFF": 1}', "X: a text holds half of a sign"),
    ],
)
def test_json_that_is_refused(text, words):
    with pytest.raises(DtbenchError, match=words):
        outside.parse_json(text, "X")


def test_json_that_is_read():
    assert outside.parse_json(b"[" * 50 + b"]" * 50, "X") is not None
    assert outside.parse_json(rb'"\ud83d\ude00"', "X") == "\U0001f600"
    assert outside.parse_json(str(2**127), "X") == 2**127
    assert outside.parse_json("[Infinity]", "X", nan=True) == [float("inf")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"x = " + b"[" * 2000 + b"]" * 2000, "X is not valid TOML of ours: lists nested deeper than 50"),
        (b"x = " + b"[" * 51 + b"]" * 51, "X: lists or tables are nested deeper than 50"),
        (b"x = " + b"1" * 5001, "X is not valid TOML: Exceeds the limit"),
        (b"x = 0x" + b"f" * 5001, "X: an integer has 20004 bit; at most 64 are read"),
        (b"x = 99999999999999999999", "X: an integer has 67 bit"),
        (b"a." * 60_000 + b"b = 1", r"key '\.a\.a\.a.*' has more than 1000 parts"),
        (b'"a". ' * 1100 + b"b = 1", "has more than 1000 parts"),
        (b"\xff", "is not UTF-8"),
        (b"x = 1\0", "X is not valid TOML"),
        (b"x = '" + b"a" * 2**18 + b"'", "X has 262150 bytes; at most 262144 are read"),
    ],
)
def test_toml_that_is_refused(text, words):
    with pytest.raises(DtbenchError, match=words):
        outside.parse_toml(text, "X")


def test_toml_that_is_read():
    text = b"\xef\xbb\xbfx = [0.1, " + b"0.25, " * 10_000 + b"]\ny = '" + b"end. " * 900 + b"'\na.b.c = 1\n"
    assert outside.parse_toml(text, "X")["a"] == {"b": {"c": 1}}


def test_a_file_that_is_left_out_is_named_once(caplog):
    for _ in range(3):
        outside.leave_out("'some-file' is of no use.")
    assert caplog.messages == ["left out: 'some-file' is of no use."]

"""What ends a command from outside: readers that go away, disks and folders that refuse; and bugs of ours."""

import errno
import json
import os
import subprocess
import sys

import pytest

from dtbench.cli import data, scores

TINY = "stin-deployment/tiny-000"
START = "import sys; from dtbench.cli.main import main; sys.exit(main())"


def start(*arguments, **streams):
    return subprocess.Popen([sys.executable, "-c", START, *arguments], **streams)


def broken_pipe():
    ours, theirs = os.pipe()
    os.close(ours)
    return theirs


@pytest.mark.parametrize("arguments", [("--help",), ("list", "instances"), ("list", "instances", "--json")])
def test_a_reader_that_goes_away_is_no_error(arguments, tmp_path):
    theirs = broken_pipe()
    process = start(*arguments, stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(theirs)
    assert process.communicate()[1] == b""
    assert process.returncode == 0


def test_a_reader_of_both_streams_may_go_away(tmp_path):
    theirs = broken_pipe()
    process = start("list", "suites", stdout=theirs, stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    assert process.wait() == 0


def test_output_on_a_full_disk():
    with open("/dev/full", "wb") as full:
        process = start("list", "solvers", "--json", stdout=full, stderr=subprocess.PIPE)
        text = process.communicate()[1].decode()
    assert text == "dtbench: the system failed: No space left on device.\n"
    assert process.returncode == 2


def test_a_stream_that_is_closed_is_not_missed():
    command = ["sh", "-c", 'exec "$0" -c "$1" list suites >&-', sys.executable, START]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("generate", "stin-deployment", "tiny", "-o", "/proc/mine.nc"), "'/proc/mine.nc'"),
        (("run", "quick", "--instances", TINY, "--solvers", "greedy", "--results", "/proc/results"), "'/proc/results'"),
    ],
)
def test_what_cannot_be_written_is_named_on_one_line(dtbench, arguments, named):
    result = dtbench(*arguments)
    assert result.code == 2
    assert result.err.startswith("dtbench: ")
    assert named in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "dtbench: the system failed: No space left on device."),
        (PermissionError(errno.EACCES, "Permission denied", "x"),
         "dtbench: 'x' cannot be read or written: Permission denied."),
        (OSError("Unable to open\n  (file = x)"), "dtbench: the system failed: Unable to open (file = x)."),
        (TimeoutError(), "dtbench: the system failed: TimeoutError."),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "dtbench: the system failed: Broken pipe."),  # not our output's
    ],
)  # fmt: skip
def test_errors_of_the_system_are_one_line(dtbench, monkeypatch, error, line):
    def fail(*_):
        print("[]")
        raise error

    monkeypatch.setattr(scores, "_library", fail)
    result = dtbench("verify", "--instances", "--json")
    assert (result.code, result.err) == (2, line + "\n")
    assert json.loads(result.out) == []  # what was printed before is not lost


def test_a_bug_shows_where_it_is(dtbench, monkeypatch):
    def fail(*_):
        raise KeyError("bug")

    monkeypatch.setattr(data, "problem", fail)
    with pytest.raises(KeyError):
        dtbench("generate", "stin-deployment", "tiny", "-o", "mine.nc")

"""What is said of an exception is short, whatever it holds."""

import errno
import os

import pytest

from dtbench.experiments import failure


def raised(make):
    """The exception that a function raises."""
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def chain(length):
    error = None
    for number in range(length):
        new = ValueError(f"link {number}")
        new.__cause__ = error
        error = new
    return error


def deep(depth, width):
    group = ExceptionGroup("innermost", [ValueError("at the bottom")])
    for number in range(depth):
        group = ExceptionGroup(f"around {number}", [group] * width)
    return group


class Broken(Exception):
    def __str__(self):
        raise KeyboardInterrupt("never mind")


class Nothing(Exception):
    def __str__(self):
        return None


class Hostile(Exception):
    @property
    def __traceback__(self):
        raise SystemExit(0)


class Longs(type):
    @property
    def __name__(cls):
        return "N" * 10**6


def test_a_plain_exception_reads_as_python_prints_it():
    def decide():
        raise ValueError("no node for user 3")

    error = raised(decide)
    assert failure.reason(error) == "ValueError: no node for user 3"
    stack = failure.stack(error)
    assert stack.startswith("Traceback (most recent call last):\n")
    assert ", in decide\n    raise ValueError(" in stack
    assert stack.endswith("ValueError: no node for user 3\n")


def test_only_the_first_line_is_a_reason():
    assert failure.message(ValueError("\n first\nsecond")) == "first"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("long-" * 10**7), "[... cut, 50000000 characters in all]"),
        (ValueError(b"x" * 10**7), "characters in all]"),
        (chain(20_000), "ValueError: link 19999"),
        (deep(60, 60), "around 59"),
        (ExceptionGroup("wide", [ValueError("v" * 5000)] * 100_000), "1 of 100000"),
        (Broken(), "Broken: (its message cannot be made: KeyboardInterrupt)"),
        (Nothing(), "Nothing: (its message cannot be made: TypeError)"),
        (Hostile("x"), "(its traceback cannot be made: SystemExit)"),
        (Longs("Long", (Exception,), {})("x"), "NNN"),
        (UnicodeDecodeError("utf-8", b"\xff" * 10**6, 0, 1, "invalid"), "UnicodeDecodeError: 'utf-8' codec"),
    ],
)
def test_whatever_an_exception_holds_the_record_is_short(error, words):
    stack, reason = failure.stack(error), failure.reason(error)
    assert words in stack
    assert len(stack) <= failure.TRACEBACK
    assert len(reason) <= failure.REASON + failure.NAME + 2
    assert "\n" not in reason


def test_notes_are_shown_and_cut():
    error = ValueError("why")
    for number in range(1000):
        error.add_note(f"note {number}" + "x" * 10**4)
    stack = failure.stack(error)
    assert "note 0" in stack
    assert len(stack) <= failure.TRACEBACK


def test_causes_are_shown_in_order():
    def both():
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    stack = failure.stack(raised(both))
    assert stack.index("KeyError: 'first'") < stack.index("Raised from that") < stack.index("ValueError: second")


def test_recursion_through_two_functions_keeps_the_innermost_frames():
    def one():
        return other()

    def other():
        return one()

    stack = failure.stack(raised(one))
    assert stack.count("in other") <= failure.FRAMES
    assert stack.rstrip().splitlines()[-1].startswith("RecursionError: ")


def wrapped(cause):
    error = RuntimeError("the solver failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), True),
        (OSError(errno.ENFILE, "Too many open files in system"), True),
        (OSError(f"Can't write data (errno = 28, error message = '{os.strerror(errno.ENOSPC)}')"), True),
        (RuntimeError("can't start new thread"), True),
        (wrapped(OSError(errno.ENOSPC, "full")), True),
        (OSError(errno.EMFILE, "Too many open files"), False),  # the cell's own limit
        (OSError(errno.EFBIG, "File too large"), False),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (ValueError("No space left on device"), False),
    ],
)
def test_what_may_be_the_machines_failure(error, short):
    assert failure.is_shortage(error) is short

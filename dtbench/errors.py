"""Errors a user can mend, and the reasons why a cell has no score."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

LONGEST = 80


class DtbenchError(Exception):
    """Something the user can mend; the message says what came, what was expected and what to do.

    The command line prints it on one line of stderr and exits with 2.
    """


class InvalidDecision(DtbenchError):
    """What a solver gave is not a decision, or no account of its training: wrong type, wrong shape, NaN."""


class MachineError(DtbenchError):
    """The machine lacks what it takes to run a cell: disk, memory, processes, files. Says nothing of the cell."""


class Declined(Exception):
    """Raised by a solver that does not take a cell; the cell is recorded as ``skipped`` with the reason."""


def near(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'greedy'?`` with the nearest of the known names, or nothing."""
    if len(name) > LONGEST:
        return ""
    # Of several as near, difflib gives the last in the alphabet; 'tiny-0' is rather 'tiny-000' than 'tiny-009'.
    ties = difflib.get_close_matches(name, sorted(known), 100)
    if not ties:
        return ""
    ratios = {each: difflib.SequenceMatcher(a=each, b=name).ratio() for each in ties}
    return f" Did you mean '{min(ties, key=lambda each: (-ratios[each], each))}'?"


def shown(value: Any) -> str:
    """A value from outside as errors show it: at most 80 characters."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a very long number"
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."

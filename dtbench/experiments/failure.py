"""What a record says of an exception or a log: short enough to keep, whatever a solver put into them.

Everything here runs in the process of the cell, on objects that the solver made: a message of 50 MB, a ``__str__`` that
raises, a chain of a thousand causes, a group of a million members.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable, Iterator

REASON = 500  # characters of a reason
MESSAGE = 2000  # characters of a message inside a traceback
TRACEBACK = 20_000  # characters of a traceback
FRAMES = 30  # the innermost frames of a stack that are shown
LINKS = 8  # exceptions of a chain, notes of one and members of a group that are shown
DEPTH = 3  # groups within groups that are shown
CHAIN = 1000  # exceptions of a chain that are looked at for what lies behind a failure
NAME = 100  # characters of a class's name
SHORTAGES = (errno.ENOSPC, errno.EDQUOT, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
FULL = os.strerror(errno.ENOSPC)  # libraries such as HDF5 keep the words and lose the number
NO_THREAD = "can't start new thread"  # CPython's words, in a RuntimeError


def cut(text: str, most: int) -> str:
    """A text of at most ``most`` characters: its beginning, and how much there was."""
    if len(text) <= most:
        return text
    note = f" [... cut, {len(text)} characters in all]"
    return text[: max(most - len(note), 0)] + note


def cut_middle(text: str, most: int) -> str:
    """A text of at most ``most`` characters: its two ends, and how much is missing between them."""
    if len(text) <= most:
        return text
    note = f"\n[... cut, {len(text)} characters in all ...]\n"
    half = (most - len(note)) // 2
    return text[:half] + note + text[-half:]


def words(make: Callable[[], str], most: int) -> str:
    """What ``make`` gives, cut; what is wrong with it where it gives no text."""
    try:
        return cut(str.strip(make()), most)
    except BaseException as broken:  # a solver's __str__ may raise anything
        return f"(its message cannot be made: {str(type(broken).__name__)[:NAME]})"


def message(error: BaseException, most: int = REASON) -> str:
    """The first line of an exception's message."""
    return words(lambda: str.partition(str.strip(str(error)), "\n")[0], most)


def reason(error: BaseException) -> str:
    """One line: the exception's class and message."""
    return f"{_name(error)}: {message(error)}"


def stack(error: BaseException) -> str:
    """The traceback, with causes and the members of groups, as Python prints it but cut."""
    try:
        return cut_middle("".join(_described(error)), TRACEBACK)
    except BaseException as broken:  # attributes of an exception may be anything, too
        return f"(its traceback cannot be made: {_name(broken)})\n"


def is_shortage(error: BaseException) -> bool:
    """Whether the machine may lack disk, memory, processes or files, as this exception or one behind it says."""
    return any(_is_shortage(each) for each in _chain(error, CHAIN))


def _is_shortage(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in SHORTAGES:
        return True
    if isinstance(error, OSError | RuntimeError):
        text = message(error, MESSAGE)
        return FULL in text or NO_THREAD in text
    return False


def _chain(error: BaseException, most: int) -> Iterator[BaseException]:
    """The exception, what it was raised from, and so on: at most ``most``, each once."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(seen) < most:
        yield link
        seen.add(id(link))
        cause = link.__cause__
        link = cause if cause is not None else None if link.__suppress_context__ else link.__context__


def _described(error: BaseException) -> Iterator[str]:
    """The links of the chain, what was raised last at the end; of a long chain the last ones."""
    links = list(_chain(error, LINKS + 1))
    if len(links) > LINKS:
        links.pop()
        yield "[... earlier exceptions of the chain are cut ...]\n\n"
    for number, link in enumerate(reversed(links)):
        if number:
            yield f"\n{'While that was handled' if link.__cause__ is None else 'Raised from that'}:\n\n"
        yield from _one(link, 0)


def _one(error: BaseException, depth: int) -> Iterator[str]:
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), limit=-FRAMES)
    if frames:
        yield "Traceback (most recent call last):\n"
        yield from (cut(line.rstrip("\n"), MESSAGE) + "\n" for line in frames.format())
    yield f"{_name(error)}: {words(lambda: str(error), MESSAGE)}\n"
    notes = getattr(error, "__notes__", None)
    for note in notes[:LINKS] if isinstance(notes, list) else ():
        yield words(note.__str__, MESSAGE) + "\n"
    if isinstance(error, BaseExceptionGroup):
        yield from _members(error, depth)


def _members(group: BaseExceptionGroup[BaseException], depth: int) -> Iterator[str]:
    if depth == DEPTH:
        yield "[... groups within are cut ...]\n"
        return
    for number, member in enumerate(group.exceptions[:LINKS], start=1):
        yield f"---- {number} of {len(group.exceptions)} ----\n"
        yield from _one(member, depth + 1)


def _name(error: BaseException) -> str:
    return words(lambda: type(error).__name__, NAME)

"""Where shipped folders and the user's cache are, and how files are written: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
TEMPORARY = ".part"
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
QUOTED = re.compile(r"[,;\t\r\n\"|]|^\s|\s$")
CACHE = "DTBENCH_CACHE"


def folder(name: str) -> Path:
    """Path of ``instances``, ``results``, ``solvers``, ``studies``, ...: beside the package, or in a wheel."""
    shipped = PACKAGE / "_data" / name
    return shipped if shipped.is_dir() else PACKAGE.parent / name


def cache(name: str) -> Path:
    """A folder of the user's cache, ``$DTBENCH_CACHE`` or the platform's; it need not exist."""
    given = os.environ.get(CACHE)
    if given:
        return Path(given) / name
    home = Path.home() / "Library" / "Caches" if sys.platform == "darwin" else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home) / "dtbench" / name


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; at the end, what is there takes the name at once.

    At any moment the name stands for the whole content, or the old one.

    Raises
    ------
    OSError
        If it cannot be written; it names ``path``.
    """
    part = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        yield part
        _sync(part)
        part.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # a full disk names none, others the temporary one
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def write_safely(path: Path, content: bytes) -> None:
    """Write a file so that its name stands for the whole content, or the old one, at any moment."""
    with replacing(path) as part:
        part.write_bytes(content)


def _sync(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV that spreadsheets show and do not run: numbers with all their digits, None as nothing.

    A text that begins like a formula gets an apostrophe before it, as OWASP advises ("CSV injection"). A text is quoted
    where it holds a separator of any locale; the module ``csv`` looks at one separator only.

    >>> print(csv_text([["=1+1", -1.5, "a;b", None, 2]]), end="")
    '=1+1,-1.5,"a;b",,2
    """
    return "".join(",".join(map(_csv_field, row)) + "\n" for row in rows)


def _csv_field(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    if value.lstrip().startswith(FORMULA) or value.startswith(("\t", "\r", "\n")):
        value = f"'{value}"
    return '"' + value.replace('"', '""') + '"' if QUOTED.search(value) else value

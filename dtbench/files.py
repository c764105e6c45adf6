"""Files that are whole or absent: written under a temporary name, synced, renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

TEMPORARY = ".part"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; at the end, what is there takes the name at once.

    At any moment the name stands for the whole content, or the old one.
    """
    part = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        yield part
        _sync(part)
        part.replace(path)
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

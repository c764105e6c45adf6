"""What this machine is, as evidence names it: its processor and installed packages, no user, host or folder."""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROBE = 2**20  # byte that can be written where there is room on the disk


@cache
def version(package: str) -> str | None:
    """Installed version of a package, from its metadata: nothing is imported. None where it is missing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def cpu() -> str:
    """Model of the processor."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def lack(folder: Path) -> OSError | None:
    """What this machine lacks to run a cell: a process, open files, room in ``folder``; None if it has all."""
    try:
        for end in socket.socketpair():
            end.close()
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(PROBE))
            os.fsync(file.fileno())
        subprocess.run([sys.executable, "-S", "-c", ""], stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        return error
    return None


def words(error: OSError) -> str:
    """What an error of the machine says, on one line."""
    where = f" ('{error.filename}')" if error.filename is not None else ""
    return f"{error.strerror or error}{where}"


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage while thousands of records are made, none of which is any: a fourth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()

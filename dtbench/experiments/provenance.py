"""Where a record comes from: versions, commit, processor, command. Nothing that names a user, a host or a folder."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from dtbench import files
from dtbench.experiments import calibration
from dtbench.experiments.record import Provenance
from dtbench.machine import cpu, version

PACKAGES = ("numpy", "scipy", "highspy", "ortools", "pyomo", "h5netcdf", "torch")
PATH = re.compile(r"(?<![\w.:/])(?:~|/[\w.+@~-]+)(?:/[\w.+@~-]+)+/?")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def collect(command: str = "", suite: str | None = None, suite_sha256: str | None = None) -> Provenance:
    """The provenance of a cell that starts now on this machine."""
    return Provenance(
        dtbench=version("dtbench") or "unknown",
        commit=commit(),
        python=platform.python_version(),
        versions={name: found for name in PACKAGES if (found := version(name)) is not None},
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=cpu(),
        cores=os.cpu_count() or 1,
        speed=calibration.speed(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=scrub(command),
        suite=suite,
        suite_sha256=suite_sha256,
    )


@cache
def commit() -> str | None:
    """Commit of the checkout that the package lies in, with ``+dirty`` if files differ from it; None outside of one."""
    root = files.PACKAGE.parent
    if not (root / ".git").exists():
        return None
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def scrub(text: str) -> str:
    """A text without folders of this machine and without control characters.

    Of an absolute path remains what follows ``site-packages/``, or ``dtbench/...``, or its last part.
    """
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    return CONTROL.sub("", PATH.sub(lambda found: _short(found.group()), text))


def _short(path: str) -> str:
    for mark, keep in (("/site-packages/", ""), ("/dtbench/", "dtbench/")):
        if mark in path:
            return keep + path.rsplit(mark, 1)[1]
    return path.rstrip("/").rsplit("/", 1)[1]

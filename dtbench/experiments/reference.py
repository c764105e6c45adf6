"""The reference results: what dtbench's own methods did on its library, packed by suite and solver, kept in git.

    results/reference/<suite>/<solver>.tar.xz   bundles, see bundle_file.py
    results/reference/seconds.json              how long their cells took, see expected.py

A wheel holds ``seconds.json`` only. ``tuning/reference.py`` makes all of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from pathlib import Path

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.experiments.bundle import merge
from dtbench.experiments.expected import folder
from dtbench.progress import Step, untold


def bundles() -> list[Path]:
    """The bundles, in the order of their names."""
    return sorted(folder().glob("*/*.tar.xz"))


def unpacked(progress: Step = untold) -> Path:
    """A folder of results with all bundles merged: made once for their content, in the user's cache.

    Every decision is scored again before its record is taken in, which takes a while the first time.

    Raises
    ------
    DtbenchError
        If there are none, as in a wheel, or a bundle or one of its records does not hold.
    """
    found = bundles()
    if not found:
        raise DtbenchError(
            "the reference results are not here: they are in the repository, not in the wheel. Clone it, or name "
            "another folder of results."
        )
    digest = hashlib.sha256()
    for file in found:
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    place = files.cache("reference") / digest.hexdigest()[:16]
    if not place.is_dir():
        _merged(found, place, progress)
    return place


def _merged(found: list[Path], place: Path, progress: Step) -> None:
    """Merge bundles into a folder that takes its name when all of them are in it; older ones are removed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=place.parent))
    try:
        for number, file in enumerate(found):
            progress(number, len(found), "bundles")
            done = merge(file, making)
            if done.refused:
                stem, reason = next(iter(done.refused.items()))
                raise DtbenchError(f"'{file}': record '{stem}' does not hold: {reason}.")
        progress(len(found), len(found), "bundles")
        for old in place.parent.iterdir():
            if not old.name.startswith("."):
                shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(OSError):  # somebody else was quicker
            making.rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)

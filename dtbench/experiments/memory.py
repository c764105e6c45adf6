"""What verification has found to hold, remembered by the content of all that it looked at.

    <cache>/verified/<checksum of the folder's path>             a fingerprint per line
    <cache>/verified/<checksum of the folder's path>-<command>   what a command made of the whole folder

A fingerprint is a checksum of a record, which names those of its decisions and its instance, and of what decides beside
them: its cell in the plan, the sources of dtbench, best known values, solvers, the packages that compute. If one of
them changes, the record is checked again. Only records that hold are remembered. The file lies in the user's cache and
never beside the results: those may come from somebody else, and whoever can write to the user's files needs no forged
cache. It can be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dtbench import files
from dtbench.machine import version
from dtbench.problems import all_problems, source_sha256

LARGEST = 2**26  # bytes: a million fingerprints
FINGERPRINT = re.compile(rb"[0-9a-f]{64}")
COMPUTING = ("numpy", "scipy", "h5py", "h5netcdf")


def file_of(folder: Path) -> Path:
    """Where is remembered what holds in a folder of results."""
    return files.cache("verified") / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]


def recall(folder: Path) -> frozenset[str]:
    """Fingerprints of what held in a folder; none if nothing is remembered, or others could have written it."""
    return frozenset(line.decode() for line in ours(file_of(folder)).splitlines() if FINGERPRINT.fullmatch(line))


def ours(file: Path) -> bytes:
    """A file of the cache; empty if there is none, or others than this user could have written it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
            return b""
        with open(descriptor, "rb", closefd=False) as opened:
            return opened.read(LARGEST)
    finally:
        os.close(descriptor)


def remember(folder: Path, fingerprints: Iterable[str]) -> None:
    """Remember what holds, in place of what was remembered; where the cache cannot be written to, nothing is."""
    put(file_of(folder), "".join(f"{each}\n" for each in sorted(fingerprints)))


def put(file: Path, text: str) -> None:
    """Write a file of the cache; where that is not possible, there is none."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with files.replacing(file) as part:
            part.touch(mode=0o600)
            part.write_text(text, encoding="utf-8")


class Memo:
    """What a command made of a whole folder: valid while no file there, nor what decides beside them, has changed.

    Parameters
    ----------
    folder
        The results.
    command
        Names the file of the cache: ``<cache>/verified/<checksum of the folder's path>-<command>``.
    more
        What else the outcome depends on: options, and what of the solvers here is looked at.
    """

    def __init__(self, folder: Path, command: str, more: str) -> None:
        self.file = file_of(folder).with_name(f"{file_of(folder).name}-{command}")
        parts = (version("dtbench") or "", more, *(surroundings(each) for each in all_problems()))
        self.state = _digest(*parts, *_content(folder))

    def recall(self) -> Any:
        """What was kept for this state; None if nothing was."""
        try:
            kept = json.loads(ours(self.file))
        except (ValueError, RecursionError):
            return None
        return kept.get("facts") if isinstance(kept, dict) and kept.get("state") == self.state else None

    def keep(self, facts: Any) -> None:
        """Keep what JSON can hold, in place of what was kept."""
        put(self.file, json.dumps({"state": self.state, "facts": facts}))


def kept(kind: str, name: str) -> Any:
    """What was kept of a kind under a name; None if nothing was, or others than this user could have written it."""
    try:
        return json.loads(ours(files.cache(kind) / name))
    except (ValueError, RecursionError):
        return None


def keep(kind: str, name: str, facts: Any) -> None:
    """Keep what JSON can hold in the user's cache; where that cannot be written to, nothing is kept."""
    put(files.cache(kind) / name, json.dumps(facts))


def checksum(file: Path | str) -> str:
    """Checksum of a file; empty if it cannot be read."""
    digest = hashlib.sha256()
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        try:
            while block := os.read(descriptor, 2**20):
                digest.update(block)
        finally:
            os.close(descriptor)
    except OSError:
        return ""
    return digest.hexdigest()


def _content(folder: Path) -> Iterator[str]:
    """Name and checksum of every file that a verification may look at, and of the library's instances named there."""
    named: set[tuple[str, str]] = set()
    yield f"plan.json:{checksum(folder / 'plan.json')}"
    for part in ("records", "instances", "policies"):
        with contextlib.suppress(OSError), os.scandir(folder / part) as entries:
            for name, path in sorted((each.name, each.path) for each in entries if not each.name.startswith(".")):
                yield f"{name}:{checksum(path)}"
                id, *rest = name.split("--", 2)
                named.update((id, each) for each in rest[:1])
    library = files.folder("instances")
    yield from (f"{id}/{each}:{checksum(library / id / f'{each}.nc')}" for id, each in sorted(named))


def fingerprint(problem_id: str, record: bytes, more: str) -> str:
    """Checksum of a record as it is stored, and of what decides beside its files whether it holds; ``more`` of it.

    The record names the checksums of its decisions and its instance: whether those files are the ones is for the caller
    to see.
    """
    return hashlib.sha256(f"{surroundings(problem_id)}\n{more}\n".encode() + record).hexdigest()


@cache
def surroundings(problem_id: str) -> str:
    """Checksum of the code, the packages that compute, and the best known values of a problem."""
    known = files.folder("instances") / problem_id
    return _digest(
        _code(), source_sha256(problem_id), *(_checksums(known.glob(pattern)) for pattern in ("*.csv", "SHA256SUMS"))
    )


@cache
def _code() -> str:
    """Checksum of the sources of dtbench, the weights in them, and the versions of packages that compute."""
    sources = (
        _checksums(files.PACKAGE.rglob(pattern)) for pattern in ("*.py", "*.safetensors", "*.html", "*.css", "*.js")
    )
    return _digest(*(f"{package} {version(package)}" for package in COMPUTING), *sources)


def _checksums(paths: Iterable[Path]) -> str:
    return " ".join(f"{path}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(paths))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

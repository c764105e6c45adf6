"""What verification has found to hold, remembered by the content of all that it looked at.

    <cache>/verified/<checksum of the folder's path>   a fingerprint per line

A fingerprint is a checksum of a record, which names those of its decisions and its instance, and of what decides beside
them: its cell in the plan, the sources of dtbench, best known values, solvers, the packages that compute. If one of
them changes, the record is checked again. Only records that hold are remembered. The file lies in the user's cache and
never beside the results: those may come from somebody else, and whoever can write to the user's files needs no forged
cache. It can be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from dtbench import files
from dtbench.machine import version
from dtbench.problems import source_sha256

LARGEST = 2**26  # bytes: a million fingerprints
FINGERPRINT = re.compile(rb"[0-9a-f]{64}")
COMPUTING = ("numpy", "scipy", "h5py", "h5netcdf")


def file_of(folder: Path) -> Path:
    """Where is remembered what holds in a folder of results."""
    return files.cache("verified") / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]


def recall(folder: Path) -> frozenset[str]:
    """Fingerprints of what held in a folder; none if nothing is remembered, or others could have written it."""
    try:
        descriptor = os.open(file_of(folder), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return frozenset()
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
            return frozenset()
        with open(descriptor, "rb", closefd=False) as file:
            lines = file.read(LARGEST).splitlines()
    finally:
        os.close(descriptor)
    return frozenset(line.decode() for line in lines if FINGERPRINT.fullmatch(line))


def remember(folder: Path, fingerprints: Iterable[str]) -> None:
    """Remember what holds, in place of what was remembered; where the cache cannot be written to, nothing is."""
    file = file_of(folder)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with files.replacing(file) as part:
            part.touch(mode=0o600)
            part.write_text("".join(f"{each}\n" for each in sorted(fingerprints)), encoding="ascii")


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
    sources = (_checksums(files.PACKAGE.rglob(pattern)) for pattern in ("*.py", "*.safetensors"))
    return _digest(*(f"{package} {version(package)}" for package in COMPUTING), *sources)


def _checksums(paths: Iterable[Path]) -> str:
    return " ".join(f"{path}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(paths))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

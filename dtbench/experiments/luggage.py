"""What a job takes along to a worker that shares no files with this machine.

A solver's file with its neighbours, an instance of the user's own, files that options name (a checkpoint), and folders
of problems are packed here and unpacked there, into the cache of the worker's user (``luggage``, which can be deleted).
What an installation of dtbench holds itself is not packed: a worker must have the same one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath

from dtbench import files
from dtbench.errors import DtbenchError, MachineError
from dtbench.experiments import telling
from dtbench.experiments.job import Job
from dtbench.machine import version

MOST_BYTES = 2**26  # of a folder that travels
MOST_FILES = 2000
INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Identity:
    """What a worker's dtbench must share with ours: the version, and the sources."""

    version: str
    sources_sha256: str


@cache
def identity() -> Identity:
    """Of the dtbench of this process."""
    digest = hashlib.sha256()
    for file in sorted(files.PACKAGE.rglob("*.py")):
        relative = file.relative_to(files.PACKAGE)
        if relative.parts[0] != "_data":
            digest.update(f"{relative.as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return Identity(version("dtbench") or "unknown", digest.hexdigest())


@dataclass(frozen=True)
class Parcel:
    """Files of one place on this machine, and what that place is called in jobs.

    ``place`` is a folder, with all files in it, or a single file. ``files`` are names relative to the folder, and
    contents.
    """

    place: str
    single: bool
    files: tuple[tuple[str, bytes], ...]

    @property
    def sha256(self) -> str:
        """Checksum of names and contents, whatever the place is called."""
        digest = hashlib.sha256()
        for name, content in self.files:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def places(job: Job) -> Iterator[Path]:
    """Files and folders that a job needs and an installation of dtbench does not hold."""
    if not job.shipped:
        yield Path(job.instance_file)
    if job.solver_file and not _is_ours(Path(job.solver_file)):
        solver = Path(job.solver_file)
        yield solver if _is_installed(solver) else solver.parent
    yield from (Path(folder) for folder in job.problems_paths)
    yield from (Path(file) for file in job.files.values())
    if job.policy:
        yield Path(job.policy)


def pack(place: Path) -> Parcel:
    """A file, or all files below a folder but hidden ones and those that Python compiles.

    Raises
    ------
    DtbenchError
        If a file cannot be read, or the folder holds more than :data:`MOST_BYTES` or :data:`MOST_FILES`.
    """
    single = place.is_file()
    found: list[tuple[str, bytes]] = []
    size = 0
    for name, file in [(place.name, place)] if single else _below(place):
        try:
            size += file.stat().st_size
            if size > MOST_BYTES or len(found) >= MOST_FILES:
                raise DtbenchError(
                    f"'{place}' holds more than {MOST_BYTES >> 20} MiB or {MOST_FILES} files, too much to send to the "
                    "workers of a cluster. Give the solver's file a folder of its own, with only what it needs."
                )
            found.append((name, file.read_bytes()))
        except OSError as error:
            raise DtbenchError(f"'{file}' cannot be sent to the workers: {error.strerror}.") from None
    return Parcel(str(place), single, tuple(found))


def carried(parcel: Parcel) -> Parcel:
    """The parcel itself: a task by which a cluster brings it to the workers that need it."""
    return parcel


def run_cell(job: Job, expected: Identity, parcels: Sequence[Parcel]) -> tuple[str, bytes | None]:
    """Run a cell on a worker, from what came with it; see :func:`dtbench.experiments.process.run_cell`.

    Raises
    ------
    MachineError
        If this worker's dtbench is another one, or the files cannot be unpacked.
    """
    if identity() != expected:
        raise MachineError(
            f"a worker has {told(identity())}, but the run is of {told(expected)}. Install the same there."
        )
    try:
        moved = {parcel.place: unpack(parcel) for parcel in parcels}
    except OSError as error:
        raise MachineError(f"files of the run cannot be unpacked on a worker: {error}.") from None
    return telling.run_cell(relocated(job, moved))


def unpack(parcel: Parcel) -> Path:
    """Where the place of a parcel is on this machine: its files are written once, and again if they were changed.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    folder = files.cache("luggage") / parcel.sha256[:32]
    for name, content in parcel.files:
        file = folder.joinpath(*PurePosixPath(name).parts)
        if not _holds(file, content):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.write_safely(file, content)
    return folder / parcel.files[0][0] if parcel.single else folder


def relocated(job: Job, moved: dict[str, Path]) -> Job:
    """The same job with the files where they are here."""
    solver, folder = Path(job.solver_file), moved.get(str(Path(job.solver_file).parent))
    here = moved.get(job.solver_file) or (folder / solver.name if folder and job.solver_file else solver)
    return replace(
        job,
        instance_file=str(moved.get(job.instance_file, job.instance_file)),
        solver_file=str(here) if job.solver_file else "",
        problems_paths=tuple(str(moved.get(path, path)) for path in job.problems_paths),
        files={name: str(moved.get(file, file)) for name, file in job.files.items()},
        policy=str(moved.get(job.policy, job.policy)),
    )


def told(one: Identity) -> str:
    """An identity in words."""
    return f"dtbench {one.version} (sources {one.sources_sha256[:8]})"


def _is_ours(file: Path) -> bool:
    """Whether a file belongs to the installation, or the checkout, that this is."""
    return any(file.resolve().is_relative_to(home) for home in (files.PACKAGE, files.folder("solvers").resolve()))


def _is_installed(file: Path) -> bool:
    return any(part in INSTALLED for part in file.parts)


def _below(folder: Path) -> Iterable[tuple[str, Path]]:
    for root, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name != "__pycache__")
        for name in sorted(names):
            file = Path(root, name)
            if not name.startswith(".") and file.is_file():
                yield file.relative_to(folder).as_posix(), file


def _holds(file: Path, content: bytes) -> bool:
    try:
        return file.stat().st_size == len(content) and file.read_bytes() == content
    except OSError:
        return False

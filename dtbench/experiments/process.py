"""Runs one cell in a process of its own and makes its record. This is the task that Dask sends to a worker."""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dtbench import files, machine
from dtbench.errors import MachineError
from dtbench.experiments import ending
from dtbench.experiments.job import Job
from dtbench.experiments.launcher import FOLDERS, Launcher
from dtbench.experiments.training_work import QUESTIONS, Answer, Answers
from dtbench.experiments.work import SHORT, read_note
from dtbench.experiments.zygote import remove
from dtbench.progress import Step

PATIENCE = 20.0  # seconds past the limit until a supervisor that does not report is given up
START = 120.0  # seconds until a supervisor has begun
GLANCE = 0.25  # seconds between two looks at how far a cell is
LOOK = 1.0  # seconds between two looks after the zygote
FILES = 2 * 2**30  # byte: what a cell may write to its folder, and to any file, where the disk has room
SHARE = 4  # of the free disk, a cell may use a fourth
PAUSES = (1.0, 4.0)  # seconds before a cell is run again that failed for want of disk, processes or the like


class Cancelled(Exception):
    """The run that the cell belongs to has been given up; there is no record."""


_launcher = Launcher()
atexit.register(_launcher.stop)
_lock = threading.Lock()
_active: dict[str, set[socket.socket]] = {}
_given_up: set[str] = set()
_supervisors: set[int] = set()  # that watch a cell now


def cancel(run_id: str) -> None:
    """Kill all cells of a run in this process, and start none of them any more."""
    with _lock:
        _given_up.add(run_id)
        for line in _active.get(run_id, ()):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def run_cell(job: Job, progress: Step | None = None) -> tuple[str, bytes | None]:
    """Run a cell to its end: the record as JSON, and the file of decisions if there is one; of a training, the policy.

    A cell that failed for want of disk, memory, processes or files is run again: that may be the machine's failure.
    ``progress``, if given, is told from another thread how far the cell is, again and again.

    Raises
    ------
    Cancelled
        If the run was given up.
    MachineError
        If this machine still lacks what it takes to run a cell.
    """
    watch = None if progress is None else _Watch(progress)
    result = _persist(job, watch)
    if watch is not None and watch.error is not None:
        raise watch.error
    return result


def _persist(job: Job, watch: _Watch | None) -> tuple[str, bytes | None]:
    """Run the cell, again where the machine may have failed."""
    pauses = list(PAUSES)
    while True:
        lack = None
        try:
            record, decisions, short = _attempt(job, watch)
        except OSError as error:
            lack, short = error, True
        if not short:
            return record, decisions
        if pauses:
            _wait(pauses.pop(0), job.run_id)
            continue
        lack = lack or machine.lack(Path(tempfile.gettempdir()))
        if lack is None:
            return record, decisions  # it is the solver that fails so
        raise MachineError(
            f"this machine cannot run cells: {machine.words(lack)}. Finished cells are kept; mend it and run again."
        )


def _attempt(job: Job, watch: _Watch | None) -> tuple[str, bytes | None, bool]:
    """Record and decisions of a cell (or policy of a training), and whether the machine may be what failed."""
    made_by = job.provenance()
    with _finished(job, watch) as (report, folder):
        if job.training is not None:
            trained, policy = ending.trained(job, job.training, report, folder, made_by)
            return trained.model_dump_json(), policy, report["exit"] == SHORT
        record, decisions = ending.scored(job, report, folder, made_by)
        return record.model_dump_json(), decisions, report["exit"] == SHORT


@contextlib.contextmanager
def _finished(job: Job, watch: _Watch | None = None) -> Iterator[tuple[dict[str, Any], Path]]:
    """Run a job: the supervisor's report, and the folder with what it left, which goes with the context.

    Raises
    ------
    OSError
        If this machine cannot run it now.
    """
    folder = Path(tempfile.mkdtemp(prefix=FOLDERS))
    try:
        if job.questions:  # too many for the line
            (folder / QUESTIONS).write_text(json.dumps(job.questions), encoding="utf-8")
        with (
            watch.over(folder) if watch else contextlib.nullcontext(),
            _supervised(job, folder, watched=watch is not None) as report,
        ):
            if report["verdict"] == "machine":
                raise OSError(report["errno"], report["reason"])
            yield report, folder
    finally:
        remove(folder)


def ask(job: Job) -> list[Answer] | None:
    """What a solver says to the questions of a job; None if its process does not come to an end."""
    try:
        with _finished(job) as (report, folder):
            payload = ending.left(job.cell, report, folder, Answers)
    except OSError:
        return None
    given = payload.answers if isinstance(payload, Answers) else []
    return given if len(given) == len(job.questions) else None


def _wait(seconds: float, run_id: str) -> None:
    """Sleep, but not for a run that is given up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if run_id in _given_up:
            raise Cancelled
        time.sleep(0.05)


class _Watch:
    """Tells from a thread what a cell notes about how far it is; an error of who is told is kept, and ends it."""

    def __init__(self, progress: Step) -> None:
        self.progress = progress
        self.error: Exception | None = None

    @contextlib.contextmanager
    def over(self, folder: Path) -> Iterator[None]:
        """Watch the cell in a folder while the context lasts."""
        ended = threading.Event()

        def look() -> None:
            try:
                while self.error is None and not ended.wait(GLANCE):
                    self.progress(*read_note(folder))
            except Exception as error:
                self.error = error

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def _supervised(job: Job, folder: Path, watched: bool) -> Iterator[dict[str, Any]]:
    """Start the cell's supervisor and wait for its report; at the end of the context it removes the folder."""
    ours, theirs = socket.socketpair()
    with ours:
        with _lock:
            if job.run_id in _given_up:
                theirs.close()
                raise Cancelled
            _active.setdefault(job.run_id, set()).add(ours)
        try:
            with theirs:
                _launcher.launch(theirs)
            yield _ask(ours, job, folder, watched)
        finally:
            with _lock:
                _active[job.run_id].discard(ours)


def _ask(line: socket.socket, job: Job, folder: Path, watched: bool) -> dict[str, Any]:
    """Have the supervisor run the cell; its report.

    Raises
    ------
    OSError
        If no supervisor came to life.
    """
    began, limits = time.monotonic(), job.cell.limits
    room = shutil.disk_usage(folder).free // SHARE
    if room < machine.PROBE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.parent))
    answers = _Answers(line, job.run_id)
    answers.send(  # at once: the supervisor removes the folder, also if this process dies before it begins
        {
            "task": job.task,
            "cell": job.cell.model_dump(),
            "folder": str(folder),
            "instance_file": job.instance_file,
            "shipped": job.shipped,
            "solver_file": job.solver_file,
            "problems_paths": job.problems_paths,
            "files": job.files,
            "policy": job.policy,
            "cache": os.environ.get(files.CACHE, ""),
            "seconds": limits.seconds,
            "memory": limits.memory,
            "room": min(FILES, room),
            "watched": watched,
        }
    )
    first = answers.next(START)
    if first is None or "supervisor" not in first:
        if first is None:
            _launcher.replace()
        return first or {
            "verdict": "machine",
            "errno": errno.EAGAIN,
            "reason": "a process that runs cells died at once",
        }
    supervisor = first["supervisor"]
    with _lock:
        _supervisors.add(supervisor)
    try:
        report = answers.next(limits.seconds + PATIENCE)
    finally:
        with _lock:
            _supervisors.discard(supervisor)
            others = set(_supervisors)
    if report is None:
        if not answers.ended:  # the line is open, so that the process is there and the number is still its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGKILL)
        _launcher.wake()  # it kills what is left; and where it has died, too:
        _launcher.bury(others)
        report = {"verdict": "lost", "exit": None, "seconds": time.monotonic() - began, "peak": 0, "log": ""}
    return report


class _Answers:
    """Lines of JSON from a supervisor."""

    def __init__(self, line: socket.socket, run_id: str) -> None:
        self.line = line
        self.run_id = run_id
        self.ended = False
        self._rest = b""
        line.settimeout(LOOK)

    def send(self, facts: dict[str, Any]) -> None:
        """Send a line."""
        with contextlib.suppress(TimeoutError, ConnectionError, BrokenPipeError):
            self.line.sendall(json.dumps(facts).encode() + b"\n")

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next line; None where the supervisor has gone, or says nothing for so long."""
        until = time.monotonic() + seconds
        while b"\n" not in self._rest and not self.ended and time.monotonic() < until:
            try:
                found = self.line.recv(2**16)
            except TimeoutError:
                _launcher.wake()
                continue
            except ConnectionError:
                found = b""
            self._rest, self.ended = self._rest + found, not found
        if self.run_id in _given_up:
            raise Cancelled
        if b"\n" not in self._rest:
            return None
        answer, _, self._rest = self._rest.partition(b"\n")
        facts: dict[str, Any] = json.loads(answer)
        return facts

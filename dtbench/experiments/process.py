"""Runs one cell in a process of its own and makes its record. This is the task that Dask sends to a worker."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dtbench.experiments import provenance
from dtbench.experiments.job import Job
from dtbench.experiments.record import Cell, Payload, Provenance, Record, Status

LOG_TAIL = 8000  # bytes of what a solver printed that a record keeps
PATIENCE = 15.0  # seconds past the limit until a supervisor that does not report is given up
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from dtbench.experiments import zygote; zygote.serve(int(sys.argv[1]))"
)


class Cancelled(Exception):
    """The run that the cell belongs to has been given up; there is no record."""


class Launcher:
    """The zygote of this process: started at the first cell, started again if it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def launch(self, theirs: socket.socket) -> None:
        """Have a supervisor forked that holds ``theirs``.

        Raises
        ------
        OSError
            If no process can be started.
        """
        with self._lock:
            for attempt in range(2):
                if self._control is None:
                    self._start()
                try:
                    socket.send_fds(self._running(), [b"x"], [theirs.fileno()])
                    return
                except OSError:
                    self._stop()
                    if attempt:
                        raise

    def _running(self) -> socket.socket:
        if self._control is None:
            raise OSError("the process that cells are forked from cannot be started")
        return self._control

    def _start(self) -> None:
        from dtbench.experiments.work import THREAD_VARIABLES

        ours, theirs = socket.socketpair()
        with theirs:
            environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1") | {"PYTHONHASHSEED": "0"}
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", START, str(theirs.fileno()), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment, start_new_session=True,
            )  # fmt: skip
        self._control = ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the zygote."""
        with self._lock:
            self._stop()


_launcher = Launcher()
atexit.register(_launcher.stop)
_lock = threading.Lock()
_active: dict[str, set[socket.socket]] = {}
_given_up: set[str] = set()


def cancel(run_id: str) -> None:
    """Kill all cells of a run in this process, and start none of them any more."""
    with _lock:
        _given_up.add(run_id)
        for line in _active.get(run_id, ()):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def run_cell(job: Job) -> tuple[str, bytes | None]:
    """Run a cell to its end: the record as JSON, and the file of decisions if there is one.

    Raises
    ------
    Cancelled
        If the run was given up.
    OSError
        If this machine cannot start a process or hold a temporary file.
    """
    made_by = job.provenance()
    folder = Path(tempfile.mkdtemp(prefix="dtbench-"))
    try:
        with _supervised(job, folder) as report:
            payload = _payload(job.cell, report, folder)
            decisions = (folder / "decisions.nc").read_bytes() if payload.status == "ok" else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    record, decisions = _believed(_record(job, report, payload, decisions, made_by), decisions)
    return record.model_dump_json(), decisions


def _believed(record: Record, decisions: bytes | None) -> tuple[Record, bytes | None]:
    """The record, or that of a failure if the times that the solver's process told cannot be."""
    fault = next(record.time_faults(), "") if record.status == "ok" else ""
    if not fault:
        return record, decisions
    failure = Payload(status="invalid", reason=f"its process tells times that cannot be: {fault}")
    return record.model_copy(update=dict(failure) | {"objective": None, "decisions_sha256": None}), None


def _record(job: Job, report: dict[str, Any], payload: Payload, decisions: bytes | None, made_by: Provenance) -> Record:
    number = -report["exit"] if report["exit"] is not None and report["exit"] < 0 else None
    return Record(
        cell=job.cell,
        key=job.cell.key,
        status=payload.status,
        reason=provenance.scrub(payload.reason),
        traceback=provenance.scrub(payload.traceback),
        signal=signal_name(number) if number is not None else None,
        objective=payload.slots.mean if payload.slots else None,
        slots=payload.slots,
        decisions_sha256=hashlib.sha256(decisions).hexdigest() if decisions is not None else None,
        train_seconds=payload.train_seconds,
        wall_seconds=report["seconds"],
        peak_memory=report["peak"] or None,
        method=payload.method,
        provenance=made_by,
    )


@contextlib.contextmanager
def _supervised(job: Job, folder: Path) -> Iterator[dict[str, Any]]:
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
            yield _ask(ours, job, folder)
        finally:
            with _lock:
                _active[job.run_id].discard(ours)


def _ask(line: socket.socket, job: Job, folder: Path) -> dict[str, Any]:
    limits = job.cell.limits
    request = {
        "cell": job.cell.model_dump(),
        "folder": str(folder),
        "instance_file": job.instance_file,
        "shipped": job.shipped,
        "solver_file": job.solver_file,
        "problems_paths": job.problems_paths,
        "seconds": limits.seconds,
        "memory": limits.memory,
    }
    line.settimeout(limits.seconds + PATIENCE)
    began, answer = time.monotonic(), b""
    with contextlib.suppress(TimeoutError, ConnectionError, BrokenPipeError):
        line.sendall(json.dumps(request).encode() + b"\n")
        answer = line.makefile("rb").readline()
    if job.run_id in _given_up:
        raise Cancelled
    if not answer:
        return {"verdict": "lost", "exit": None, "seconds": time.monotonic() - began, "peak": 0}
    report: dict[str, Any] = json.loads(answer)
    return report


def _payload(cell: Cell, report: dict[str, Any], folder: Path) -> Payload:
    """The result that the cell left, or what its end says: exactly one status."""
    from dtbench.experiments.work import read_payload

    verdict, code = report["verdict"], report["exit"]
    log = _tail(folder / "log.txt")

    def failed(status: Status, reason: str) -> Payload:
        return Payload(status=status, reason=reason, traceback=log)

    if verdict == "timeout":
        return failed("timeout", f"killed at the limit of {cell.limits.seconds:g} s")
    if verdict == "memory":
        return failed("memory", f"killed above the limit of {cell.limits.memory / 2**30:g} GiB of resident memory")
    if verdict == "lost":
        return failed("crash", "the process that supervises the cell was killed")
    if code == 0:
        return read_payload(folder) or failed("crash", "the process ended with exit code 0 before there was a result")
    if code is not None and code < 0:
        if "bad_alloc" in log:
            return failed("memory", "an allocation failed in native code (std::bad_alloc)")
        hint = ", not by dtbench: the kernel does so when memory runs out" if -code == signal.SIGKILL else ""
        return failed("crash", f"the process was killed by {signal_name(-code)}{hint}")
    return failed("crash", f"the process ended with exit code {code} before there was a result")


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - LOG_TAIL, 0))
            lines = file.read().decode(errors="replace").splitlines(keepends=True)
    except OSError:
        return ""
    return "".join(line for line in lines if not line.startswith("Extension modules: "))  # faulthandler's, long


def signal_name(number: int) -> str:
    """``SIGABRT`` for 6."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def lost(job: Job, reason: str, traceback: str = "") -> Record:
    """The record of a cell whose worker died or failed around it."""
    return Record(
        cell=job.cell,
        key=job.cell.key,
        status="crash",
        reason=provenance.scrub(reason),
        traceback=provenance.scrub(traceback),
        wall_seconds=0.0,
        provenance=job.provenance(),
    )

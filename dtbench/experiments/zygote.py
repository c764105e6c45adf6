"""The process that cells are forked from, and the supervisor that watches over each of them.

Importing numpy, scipy and HDF5 takes most of a second; a fork of a process that has them takes milliseconds. One zygote
serves one runner. It is told to start a cell by a byte with one end of a socket; it forks a *supervisor*, which forks
the *cell* (:mod:`dtbench.experiments.work`). The supervisor enforces the limits and sees how the cell ended:

* wall clock: SIGTERM to the cell's group, SIGKILL one second later;
* memory: resident memory of the cell and all its descendants, polled; and an address-space limit set in the cell;
* what is printed goes through a pipe: the supervisor keeps its beginning and its end, and nothing is on the disk;
* files: what lies in the cell's folder, polled; and a limit on the size of each file, set in the cell;
* processes: the number of descendants, polled;
* end of the runner: its end of the socket closes, whatever killed it, and the supervisor kills the cell;
* descendants: whatever the cell has started is killed when the cell ends (on Linux also what has left its group).

A cell runs as the same user and can kill or stop its supervisor. What it had started is then left to the zygote, which
takes a stopped supervisor for a dead one, and kills all that one has left.

``multiprocessing`` has a fork server too, but it imports the caller's main module again in each child, and refuses to
start a process from a Dask worker, which is a daemon.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

PRELOAD = (
    "numpy", "scipy.optimize", "scipy.special", "h5netcdf", "threadpoolctl", "psutil", "highspy",
    "dtbench.library.instances", "dtbench.problems", "dtbench.referee", "dtbench.solver", "dtbench.experiments.work",
)  # fmt: skip
GRACE = 1.0  # seconds between SIGTERM and SIGKILL
POLL = 0.05  # seconds between two looks at the cell's memory
POLL_TREE = 0.25  # seconds between two looks at its descendants
POLL_FILES = 1.0  # seconds between two looks at its files
MOST_FILES = 100_000  # in the cell's folder
MOST_PROCESSES = 1000  # that come from a cell
LOG_HEAD, LOG_TAIL = 2000, 8000  # bytes of what is printed that are kept
PIPE = 2**20  # bytes that are read at once of what is printed
FAREWELL = 10.0  # seconds that supervisors have to end when the runner has gone
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # Linux


def serve(fd: int, folders: str) -> None:
    """Fork a supervisor for each request that comes through socket ``fd``; return when the runner has gone.

    If it has died, it may have left a folder for a cell that nobody was told of: its folders' names begin with
    ``folders``.
    """
    runner = os.getppid()
    control = socket.socket(fileno=fd)
    for module in PRELOAD:
        importlib.import_module(module)
    from dtbench.problems import all_problems

    all_problems()
    gc.freeze()  # objects made so far stay in pages that all forks share
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a dead supervisor leaves becomes ours
    bell = Bell()
    nursery = Nursery()
    while True:
        ready = bell.wait([control], POLL if nursery.strays else None)
        nursery.look()
        if control in ready:
            message, fds, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                break
            if fds:
                with socket.socket(fileno=fds[0]) as line:
                    _fork(control, line, bell, nursery)
    until = time.monotonic() + FAREWELL
    while nursery.supervisors and time.monotonic() < until:
        bell.wait([], POLL)
        nursery.look()
    nursery.end()
    if os.getppid() != runner:
        for folder in Path(tempfile.gettempdir()).glob(f"{folders}*"):
            remove(folder)


def _fork(control: socket.socket, line: socket.socket, bell: Bell, nursery: Nursery) -> None:
    """Fork a supervisor that holds ``line``; where there is no process to be had, the runner is told."""
    try:
        pid = os.fork()
    except OSError as error:
        with contextlib.suppress(OSError):
            line.sendall(json.dumps(_no_machine(error)).encode() + b"\n")
        return
    if pid == 0:
        control.close()
        bell.close()
        _supervise(line)
    nursery.supervisors.add(pid)


def _no_machine(error: OSError) -> dict[str, Any]:
    """The report that no process could be started."""
    return {"verdict": "machine", "errno": error.errno, "reason": os.strerror(error.errno or 0)}


class Bell:
    """Wakes the process when a child has ended or was stopped."""

    def __init__(self) -> None:
        self.wake, self.end = os.pipe()
        for end in (self.wake, self.end):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # interrupts select through the pipe
        signal.set_wakeup_fd(self.end, warn_on_full_buffer=False)

    def wait(self, others: list[Any], pause: float | None) -> list[Any]:
        """Those of ``others`` that can be read, after at most ``pause`` seconds or when a child has rung."""
        ready, _, _ = select.select([self.wake, *others], [], [], pause)
        if self.wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake, 512)
        return [each for each in others if each in ready]

    def close(self) -> None:
        """Be deaf from now on; in a fork."""
        signal.set_wakeup_fd(-1)
        os.close(self.wake)
        os.close(self.end)


class Nursery:
    """The zygote's children: supervisors, and strays that dead supervisors have left."""

    def __init__(self) -> None:
        self.supervisors: set[int] = set()
        self.strays = False  # whether there may be any

    def look(self) -> None:
        """Take note of who has ended; kill supervisors that were stopped, and all strays."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
                if pid == 0:
                    break
                if os.WIFSTOPPED(status):
                    _kill(pid)
                elif pid in self.supervisors:
                    self.supervisors.discard(pid)
                    self.strays |= status != 0
        if self.strays:
            left = [pid for pid in _children() if pid not in self.supervisors]
            for pid in left:
                _kill(pid)
            self.strays = bool(left)

    def end(self) -> None:
        """Kill all."""
        self.supervisors.clear()
        self.strays = True
        until = time.monotonic() + FAREWELL
        while self.strays and time.monotonic() < until:
            self.look()
            time.sleep(0.01)


def _children() -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process().children()]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _supervise(line: socket.socket) -> None:
    """Read the job, run the cell, report how it ended; never returns."""
    code = 1
    try:
        os.setsid()
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # descendants that leave their parents become ours: found, and killed
        job = json.loads(line.makefile("r", encoding="utf-8").readline())
        with contextlib.suppress(OSError):  # the runner may be gone
            line.sendall(json.dumps({"supervisor": os.getpid()}).encode() + b"\n")
        try:
            supervisor = Supervisor(line, job)
        except OSError as error:
            report = _no_machine(error)
        else:
            report = supervisor.run()
            code = 0 if supervisor.alone else 1  # else the zygote goes on killing
        with contextlib.suppress(OSError):  # the runner may be gone
            line.sendall(json.dumps(report).encode() + b"\n")
            line.recv(1)  # until the runner has read the result, or has died
        remove(job["folder"])
    except (ConnectionError, json.JSONDecodeError):
        pass  # the runner went away before there was a job
    except BaseException:
        traceback.print_exc()  # a failure of ours: on the runner's stderr
    finally:
        os._exit(code)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Log:
    """What a cell prints, through a pipe: its beginning, its end, and how much there was."""

    def __init__(self) -> None:
        self.source, self.sink = os.pipe()
        os.set_blocking(self.source, False)
        self.head, self.tail, self.size = b"", b"", 0
        self.open = True

    def read(self) -> bool:
        """Take what is there; False where there is nothing now."""
        try:
            found = os.read(self.source, PIPE)
        except BlockingIOError:
            return False
        self.open = bool(found)
        self.size += len(found)
        rest = LOG_HEAD - len(self.head)
        self.head += found[:rest]
        self.tail = (self.tail + found[rest:])[-LOG_TAIL:]
        return self.open

    def text(self) -> str:
        """What is kept; where something is missing, a line says how much."""
        missing = self.size - len(self.head) - len(self.tail)
        note = f"\n[... {missing} of {self.size} bytes that were printed are cut ...]\n" if missing else ""
        return self.head.decode(errors="replace") + note + self.tail.decode(errors="replace")


class Supervisor:
    """One cell's supervisor.

    Parameters
    ----------
    line
        Socket to the runner; it reads as ended when the runner cancels the cell or dies.
    job
        ``folder`` where the cell finds its work and leaves its result, ``seconds``, ``memory`` [byte], ``files``
        [byte].

    Attributes
    ----------
    alone
        Whether nothing is left that the cell has started.

    Raises
    ------
    OSError
        If the cell cannot be started.
    """

    def __init__(self, line: socket.socket, job: dict[str, Any]) -> None:
        self.line = line
        self.job = job
        self.peak = 0
        self.alone = False
        self.log = Log()
        self.bell = Bell()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.began = time.monotonic()  # before the cell: what it measures fits into what is measured here
        ours = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._be_the_cell(ours)
        os.close(self.log.sink)
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(self.pid, self.pid)  # also done by the cell: whoever comes first

    def _be_the_cell(self, supervisor: int) -> None:
        code = 1
        try:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self.bell.close()
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setpgid(0, 0)
            for end in (self.line.fileno(), self.log.source):
                os.close(end)
            from dtbench.experiments import work

            if os.getppid() == supervisor:
                code = work.main(self.job, self.log.sink)
        except BaseException:
            traceback.print_exc()  # in the cell's log, if it got that far
        finally:
            os._exit(code)  # nothing of the zygote's is flushed or finalised twice

    def run(self) -> dict[str, Any]:
        """Watch until the cell has ended; then nothing it started is left.

        Returns
        -------
        dict
            ``verdict`` ("ended", "timeout", "memory", "files", "processes" or "orphaned"), ``exit`` (exit code, -signal
            if killed by one), ``seconds``, ``peak`` [byte], ``log``.
        """
        verdict, code = "ended", None
        try:
            verdict, code = self._watch(self.began)
        finally:
            seconds = time.monotonic() - self.began
            code = self._kill_all(code)
        for _ in range(16):  # what was printed last: no more than a pipe holds
            if not self.log.read():
                break
        return {"verdict": verdict, "exit": code, "seconds": seconds, "peak": self.peak, "log": self.log.text()}

    def _watch(self, began: float) -> tuple[str, int | None]:
        deadline, kill_at = began + self.job["seconds"], None
        next_look, next_tree, next_files = began, began + POLL_TREE, began + POLL_FILES
        while True:
            now = time.monotonic()
            pause = max(min(next_look, kill_at or deadline) - now, 0.0)
            ready = self.bell.wait([self.line, *([self.log.source] if self.log.open else [])], pause)
            if self.line in ready:
                return "orphaned", None
            if self.log.source in ready:
                self.log.read()
            code = self._reap()
            if code is not None:
                return "timeout" if kill_at else "ended", code
            now = time.monotonic()
            if kill_at is not None:
                if now >= kill_at:
                    return "timeout", None
                continue
            if now >= deadline:
                kill_at = now + GRACE
                self._signal_group(signal.SIGTERM)
                continue
            if now < next_look:
                continue
            next_look = now + POLL
            whole = now >= next_tree
            next_tree = now + POLL_TREE if whole else next_tree
            resident, processes = self._resident(whole)
            if resident > self.job["memory"]:
                return "memory", None
            if processes > MOST_PROCESSES:
                return "processes", None
            if now >= next_files:
                next_files = now + POLL_FILES
                if _too_much(self.job["folder"], self.job["room"]):
                    return "files", None

    def _reap(self) -> int | None:
        """Exit code of the cell if it has ended; other children that were left to us are only collected."""
        code = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self.pid:
                    code = os.waitstatus_to_exitcode(status)
                    self.peak = max(self.peak, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
        return code

    def _resident(self, whole: bool) -> tuple[int, int]:
        """Resident memory [byte] of the cell, and if ``whole`` of its descendants too; how many these are."""
        import psutil

        total = 0
        others: list[Any] = []
        with contextlib.suppress(psutil.Error):
            cell = psutil.Process(self.pid)
            total = int(cell.memory_info().rss)
            others = psutil.Process().children(recursive=True) if whole else []
            for other in others:
                with contextlib.suppress(psutil.Error):
                    total += int(other.memory_info().rss) if other.pid != self.pid else 0
        self.peak = max(self.peak, total)
        return total, len(others)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _kill_all(self, code: int | None) -> int | None:
        """Kill the cell's group and every descendant; returns the cell's exit code."""
        import psutil

        for _ in range(100):
            self._signal_group(signal.SIGKILL)
            left = psutil.Process().children(recursive=True)
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            last = self._reap()
            code = last if code is None else code
            if not left:
                self.alone = True
                break
            self.bell.wait([], 0.01)
        return code


def _too_much(folder: str, most: int) -> bool:
    """Whether the files in a folder take more than ``most`` bytes of the disk, or are too many."""
    total, count, folders = 0, 0, [folder]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                if total > most or count > MOST_FILES:
                    return True
    return False


def remove(folder: Path | str) -> None:
    """Remove a folder with all that is in it, as far as that can be done."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # thousands of folders within folders
        subprocess.run(["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL, check=False)  # noqa: S603, S607

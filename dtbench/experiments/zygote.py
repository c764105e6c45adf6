"""The process that cells are forked from, and the supervisor that watches over each of them.

Importing numpy, scipy and HDF5 takes most of a second; a fork of a process that has them takes milliseconds. One zygote
serves one runner. It is told to start a cell by a byte with one end of a socket; it forks a *supervisor*, which forks
the *cell* (:mod:`dtbench.experiments.work`). The supervisor alone enforces the limits and sees how the cell ended:

* wall clock: SIGTERM to the cell's group, SIGKILL one second later;
* memory: resident memory of the cell and all its descendants, polled; and an address-space limit set in the cell;
* end of the runner: its end of the socket closes, whatever killed it, and the supervisor kills the cell;
* descendants: whatever the cell has started is killed when the cell ends (on Linux also what has left its group).

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
import sys
import time
import traceback
from typing import Any

PRELOAD = (
    "numpy", "scipy.optimize", "scipy.special", "h5netcdf", "threadpoolctl", "psutil", "deap.tools", "highspy",
    "dtbench.library.instances", "dtbench.problems", "dtbench.referee", "dtbench.solver", "dtbench.experiments.work",
)  # fmt: skip
GRACE = 1.0  # seconds between SIGTERM and SIGKILL
POLL = 0.05  # seconds between two looks at the cell's memory
POLL_TREE = 0.25  # seconds between two looks at the memory of its descendants
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # Linux


def serve(fd: int) -> None:
    """Fork a supervisor for each request that comes through socket ``fd``; return when the runner has gone."""
    control = socket.socket(fileno=fd)
    for module in PRELOAD:
        importlib.import_module(module)
    from dtbench.problems import all_problems

    all_problems()
    gc.freeze()  # objects made so far stay in pages that all forks share
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are not waited for
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _supervise(socket.socket(fileno=fds[0]))
        for each in fds:
            os.close(each)


def _supervise(line: socket.socket) -> None:
    """Read the job, run the cell, report how it ended; never returns."""
    code = 1
    try:
        os.setsid()
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # descendants that leave their parents become ours: found, and killed
        job = json.loads(line.makefile("r", encoding="utf-8").readline())
        report = Supervisor(line, job).run()
        with contextlib.suppress(OSError):  # the runner may be gone
            line.sendall(json.dumps(report).encode() + b"\n")
            line.recv(1)  # until the runner has read the result, or has died
        shutil.rmtree(job["folder"], ignore_errors=True)
        code = 0
    except BaseException:
        traceback.print_exc()  # a failure of ours: on the runner's stderr
    finally:
        os._exit(code)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Supervisor:
    """One cell's supervisor.

    Parameters
    ----------
    line
        Socket to the runner; it reads as ended when the runner cancels the cell or dies.
    job
        ``folder`` where the cell finds its work and leaves its result, ``seconds``, ``memory`` [byte].
    """

    def __init__(self, line: socket.socket, job: dict[str, Any]) -> None:
        self.line = line
        self.job = job
        self.peak = 0
        self.wake, self.wake_end = os.pipe()
        for end in (self.wake, self.wake_end):
            os.set_blocking(end, False)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # interrupts select through the pipe
        signal.set_wakeup_fd(self.wake_end, warn_on_full_buffer=False)
        self.began = time.monotonic()  # before the cell: what it measures fits into what is measured here
        self.pid = os.fork()
        if self.pid == 0:
            self._be_the_cell()
        with contextlib.suppress(PermissionError):
            os.setpgid(self.pid, self.pid)  # also done by the cell: whoever comes first

    def _be_the_cell(self) -> None:
        code = 1
        try:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setpgid(0, 0)
            for end in (self.line.fileno(), self.wake, self.wake_end):
                os.close(end)
            from dtbench.experiments import work

            code = work.main(self.job)
        except BaseException:
            traceback.print_exc()  # in the cell's log, if it got that far
        finally:
            os._exit(code)  # nothing of the zygote's is flushed or finalised twice

    def run(self) -> dict[str, Any]:
        """Watch until the cell has ended; then nothing it started is left.

        Returns
        -------
        dict
            ``verdict`` ("ended", "timeout", "memory" or "orphaned"), ``exit`` (exit code, -signal if killed by one),
            ``seconds``, ``peak`` [byte].
        """
        verdict, code = "ended", None
        try:
            verdict, code = self._watch(self.began)
        finally:
            seconds = time.monotonic() - self.began
            code = self._kill_all(code)
        return {"verdict": verdict, "exit": code, "seconds": seconds, "peak": self.peak}

    def _watch(self, began: float) -> tuple[str, int | None]:
        line = self.line.fileno()
        deadline, kill_at, tree_at = began + self.job["seconds"], None, began + POLL_TREE
        while True:
            now = time.monotonic()
            pause = max(min(now + POLL, kill_at or deadline) - now, 0.0)
            ready, _, _ = select.select([line, self.wake], [], [], pause)
            if self.wake in ready:
                os.read(self.wake, 512)
            if line in ready:
                return "orphaned", None
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
            whole = now >= tree_at
            tree_at = now + POLL_TREE if whole else tree_at
            if self._resident(whole) > self.job["memory"]:
                return "memory", None

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

    def _resident(self, whole: bool) -> int:
        """Resident memory [byte] of the cell, and if ``whole`` of its descendants too."""
        import psutil

        total = 0
        with contextlib.suppress(psutil.Error):
            cell = psutil.Process(self.pid)
            total = int(cell.memory_info().rss)
            for other in psutil.Process().children(recursive=True) if whole else ():
                with contextlib.suppress(psutil.Error):
                    total += int(other.memory_info().rss) if other.pid != self.pid else 0
        self.peak = max(self.peak, total)
        return total

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
            found = self._reap()
            code = found if code is None else code
            if not left:
                break
            select.select([self.wake], [], [], 0.01)
        return code

"""Starts the supervisors of cells: keeps the zygote that they are forked from, and what is left of one that died."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

BOOT = Path(__file__).with_name("boot.py")
MARK = "DTBENCH_ZYGOTE"  # in the environment of a zygote and of all that comes from it
FOLDERS = f"dtbench-{uuid.uuid4().hex[:8]}-"  # what folders of this process's cells are called, and no other's
DYING = 1.0  # seconds that a killed zygote may take to be gone
FAREWELL = 15.0  # seconds that a zygote has to end what it started
INTERPRETER = ("PYTHONHOME", "PYTHONPLATLIBDIR")  # the only ones of Python's variables that cells see: where it lies


class Launcher:
    """The zygote of this process: started at the first cell, started again if it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._mark = ""
        self._dead: set[str] = set()  # marks of zygotes that did not end as they should

    def launch(self, theirs: socket.socket) -> None:
        """Have a supervisor forked that holds ``theirs``.

        Raises
        ------
        OSError
            If no process can be started.
        """
        with self._lock:
            for attempt in range(2):
                control = self._control or self._start()
                try:
                    socket.send_fds(control, [b"x"], [theirs.fileno()])
                    return
                except OSError:
                    self._stop()
                    if attempt:
                        raise

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._mark = uuid.uuid4().hex
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-P", str(BOOT), str(theirs.fileno()), json.dumps(importable()), FOLDERS],
                    pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
                    env=environment() | {MARK: self._mark},
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
        self._control = ours
        return ours

    def wake(self) -> None:
        """Let a zygote go on that a cell has stopped; one that runs takes no notice."""
        with self._lock, contextlib.suppress(OSError):
            if self._process is not None:
                self._process.send_signal(signal.SIGCONT)

    def replace(self) -> None:
        """Give the zygote up: it does not do what it is asked."""
        with self._lock:
            self._stop(patience=0.0)

    def bury(self, supervisors: set[int]) -> None:
        """Kill what cells of a dead zygote have left, but nothing that one of these ``supervisors`` watches."""
        process = self._process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(DYING)
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._stop()
            dead = set(self._dead)
        if dead:
            for process in _marked(dead, supervisors):
                with contextlib.suppress(psutil.Error):
                    process.kill()

    def stop(self) -> None:
        """End the zygote and all that it started."""
        with self._lock:
            self._stop()
        self.bury(set())

    def _stop(self, patience: float = FAREWELL) -> None:
        """The zygote ends itself when its line ends, after all that it started."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
            self._process.kill()
            if self._process.wait() != 0:
                self._dead.add(self._mark)
            self._process = None


def importable() -> list[str]:
    """Folders that this process imports from, but for the current one."""
    return [folder for folder in map(str, sys.path) if os.path.isabs(folder) and not _is_here(folder)]


def _is_here(folder: str) -> bool:
    try:
        return os.path.samefile(folder, ".")
    except OSError:
        return False


def environment() -> dict[str, str]:
    """The environment of cells: one thread unless a cell says more, no variable that changes what Python does."""
    from dtbench.experiments.work import THREAD_VARIABLES

    kept = {name: text for name, text in os.environ.items() if name[:6] != "PYTHON" or name in INTERPRETER}
    return kept | dict.fromkeys(THREAD_VARIABLES, "1") | {"PYTHONHASHSEED": "0"}


def _marked(marks: set[str], supervisors: set[int]) -> Iterator[psutil.Process]:
    """Processes whose environment bears one of the marks and which no living supervisor watches."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) in marks:
                line = {process.pid, *(each.pid for each in process.parents())}
                if not line & supervisors:
                    yield process

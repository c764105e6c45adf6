"""Processes that check records: each gets some records as a line of JSON and gives back what came out.

They are programs of our own, as the zygote is, and not ``multiprocessing``, which imports the caller's main module
again in each child and needs an open standard input. A record that ends its checker is named, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dtbench import hdf5_process
from dtbench.problems import registry

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from dtbench.experiments import checkers, check; checkers.serve(check.check)"
)
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

Results = dict[str, tuple[str, str]]  # record -> the first thing that is wrong, and the fingerprint of what was read

Part = Mapping[str, Any]  # record -> its cell in the plan as JSON, None if it has none
Check = Callable[[Path, Part], Results]  # of a folder's records


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve(check: Check) -> None:
    """Check what standard input asks for, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to handle
    hdf5_process.here()  # a file that ends this process is named
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed is no answer
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(check(Path(request["folder"]), request["part"])), file=answers, flush=True)


class Checker:
    """A running process and the pipes to it."""

    def __init__(self) -> None:
        problems = {registry.PATH_VARIABLE: os.pathsep.join(registry.folders())}
        self.process = subprocess.Popen(  # noqa: S603  our interpreter and our module
            [sys.executable, "-P", "-c", START, json.dumps(sys.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | SINGLE | problems, encoding="utf-8",
        )  # fmt: skip

    def ask(self, folder: Path, part: Part) -> Results | None:
        """What came out; None if the process ended."""
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: PT018, S101  pipes
        try:
            self.process.stdin.write(json.dumps({"folder": str(folder), "part": part}) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except OSError:
            return None
        return {stem: (reason, mark) for stem, (reason, mark) in json.loads(answer).items()} if answer else None

    def end(self) -> int:
        """End the process, whatever it does; its exit code."""
        self.process.kill()
        with contextlib.suppress(OSError):
            self.process.communicate()
        return self.process.wait()


class Pool:
    """Some checkers, each driven by a thread of ours that takes one part of the work after another."""

    def __init__(self, folder: Path, parts: Sequence[Part], workers: int) -> None:
        self.folder = folder
        self.waiting: queue.SimpleQueue[Part] = queue.SimpleQueue()
        for part in parts:
            self.waiting.put(part)
        self.done: queue.SimpleQueue[Results | BaseException] = queue.SimpleQueue()
        self.running: dict[int, Checker] = {}
        self.lock = threading.Lock()
        self.closed = False
        self.threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(workers)]

    def results(self, parts: int) -> Iterator[Results]:
        """What comes out, part by part, in any order; on any interruption all checkers end."""
        try:
            for thread in self.threads:
                thread.start()
            for _ in range(parts):
                result = self.done.get()
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            with self.lock:
                self.closed = True
                for checker in self.running.values():
                    checker.end()
            for thread in self.threads:
                thread.join()

    def _work(self, number: int) -> None:
        try:
            while not self.closed:
                self.done.put(self._checked(number, self.waiting.get_nowait()))
        except queue.Empty:
            return
        except BaseException as error:
            self.done.put(error)

    def _checked(self, number: int, part: Part) -> Results:
        """One part of the work; if its checker ends, record by record, and the one that ends it is named."""
        found = self._checker(number).ask(self.folder, part)
        if found is not None:
            return found
        with self.lock:
            code = self.running.pop(number).end()
        if self.closed:
            return {}
        if len(part) == 1:
            return dict.fromkeys(part, (_ended(code), ""))
        return {name: result for each in part for name, result in self._checked(number, {each: part[each]}).items()}

    def _checker(self, number: int) -> Checker:
        with self.lock:
            if number not in self.running:
                self.running[number] = Checker()
            return self.running[number]


def _ended(code: int) -> str:
    """Why a process that checked one record ended."""
    if code == -signal.SIGPROF:
        return "its decisions: the HDF5 library does not come to an end with them"
    return f"checking it ended the process that did, with exit code {code}"


def spread(folder: Path, parts: Sequence[Part], workers: int, here: Check) -> Iterator[Results]:
    """Check parts of the records of a folder in ``workers`` processes; with one worker in this one, by ``here``."""
    if workers <= 1:
        for part in parts:
            yield here(folder, part)
    else:
        yield from Pool(folder, parts, workers).results(len(parts))

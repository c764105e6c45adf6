"""The process that reads HDF5 files from outside: one for each process of ours, started when it is first needed.

It gets a file's bytes and gives back what they hold. A file that makes the HDF5 library loop, crash or take too much
memory ends it; the file is refused, and the next one gets a new process. It ends with ours, however that ends: its
standard input closes then.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psutil

from dtbench import hdf5
from dtbench.hdf5 import Group, Refused, Variable

PATIENCE = 120.0  # seconds for an answer, whatever the load of the machine; processor time is limited more tightly


class Reader:
    """A running process and the pipes to it."""

    def __init__(self) -> None:
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # their stacks count as memory
        self.process = subprocess.Popen(  # noqa: S603  our interpreter and our file
            [sys.executable, "-P", hdf5.__file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | threads,
        )  # fmt: skip

    def parse(self, image: bytes, attributes: Sequence[str] | None, variables: Sequence[str] | None) -> Group:
        """What :func:`dtbench.hdf5.parse` makes of a file, in the process.

        Raises
        ------
        Refused
            As that does, or because the process ended.
        """
        assert self.process.stdin is not None  # noqa: S101  it is a pipe
        deadline = time.monotonic() + PATIENCE
        try:
            request = {"size": len(image), "attributes": attributes, "variables": variables}
            self.process.stdin.write(json.dumps(request).encode() + b"\n" + image)
            self.process.stdin.flush()
            length = int.from_bytes(self._take(8, deadline), "big")
            answer = json.loads(self._take(length, deadline))
            if "refused" in answer:
                raise Refused(answer["refused"])
            return self._group(answer["content"], deadline)
        except (OSError, EOFError):
            raise Refused(self._end()) from None

    def _take(self, size: int, deadline: float) -> bytearray:
        """So many bytes of the answer."""
        assert self.process.stdout is not None  # noqa: S101  it is a pipe
        pipe = self.process.stdout.fileno()
        taken, view = 0, memoryview(content := bytearray(size))
        while taken < size:
            if not select.select([pipe], [], [], max(deadline - time.monotonic(), 0.0))[0]:
                raise EOFError
            count = os.readv(pipe, [view[taken:]])
            if count == 0:
                raise EOFError
            taken += count
        return content

    def _group(self, facts: dict[str, Any], deadline: float) -> Group:
        """A group as the answer describes it; values follow in order, those of inner groups last."""
        variables = {}
        for name, (dims, shape, code, attributes) in facts["variables"].items():
            dtype = np.dtype(code)
            content = self._take(math.prod(shape) * dtype.itemsize, deadline)
            values = np.frombuffer(content, dtype).reshape(shape)
            variables[name] = Variable(tuple(dims), tuple(shape), dtype, attributes, None, values)
        groups = {name: self._group(inner, deadline) for name, inner in facts["groups"].items()}
        return Group(facts["attributes"], variables, groups)

    def _end(self) -> str:
        """End the process; returns why it was lost."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)
        code = self.process.poll()
        self.close()
        if code == -signal.SIGPROF:
            return "the HDF5 library does not come to an end with it"
        if code is None:
            return f"the HDF5 library did not answer within {PATIENCE:g} s"
        return f"the HDF5 library crashed or ran out of memory with it ({_ended(code)})"

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was left to be written has no reader
                    pipe.close()
        self.process.wait()

    def disown(self) -> None:
        """Forget a process that another one of ours, which this is a fork of, talks to."""
        self.process.returncode = 0


def _ended(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


class _Only:
    """The one reader of this process, and who may talk to it now."""

    def __init__(self) -> None:
        self.reader: Reader | None = None
        self.lock = threading.Lock()
        self.room: int | None = None  # bytes of address space of this process while it reads; None: another one does

    def parse(
        self, image: bytes, attributes: Sequence[str] | None = None, variables: Sequence[str] | None = None
    ) -> Group:
        """See :func:`dtbench.hdf5.parse`."""
        if self.room is not None:
            with self.lock, _space(self.room):
                return hdf5.within_limits(image, attributes, variables)
        with self.lock:
            if self.reader is None or self.reader.process.poll() is not None:
                self.close()
                self.reader = Reader()
            try:
                return self.reader.parse(image, attributes, variables)
            except Refused:
                raise
            except BaseException:  # Ctrl-C: what is left of the answer must not be taken for the next one
                self.close()
                raise

    def here(self) -> None:
        """Read in this process from now on. A file may end it: for processes that somebody replaces then."""
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.room = psutil.Process().memory_info().vms + hdf5.MEMORY

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None

    def forked(self) -> None:
        if self.reader is not None:
            self.reader.disown()
        self.reader, self.lock = None, threading.Lock()


@contextlib.contextmanager
def _space(most: int) -> Iterator[None]:
    """Limit the address space of this process for a while."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


_only = _Only()
parse = _only.parse
here = _only.here
atexit.register(_only.close)
os.register_at_fork(after_in_child=_only.forked)

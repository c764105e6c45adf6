"""Does one of many things that a solver should not do; notes the ids of all processes it comes to."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dtbench.errors import Declined
from dtbench.params import Options, param
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class HostileOptions(Options):
    kind: str = param("", "1", "what it does")
    folder: str = param("", "1", "where process ids go")


def parents():
    """Supervisor, zygote, and so on upwards."""
    pid = os.getppid()
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def forget_parent():
    """Ask the kernel not to kill us when our parent dies."""
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)


class Hostile(Solver):
    name = "hostile"
    deterministic = True
    Options = HostileOptions

    done = False

    def decide(self, slot):
        self.note()
        result = None if self.done else getattr(self, self.options.kind.replace("-", "_"))()
        self.done = True
        if result is not None:
            return result
        return self.problem.Decision(node=np.zeros(slot.n_users, dtype=int))

    def note(self):
        Path(self.options.folder, f"{self.options.kind}-{os.getpid()}").touch()

    def daemon(self, session=True):
        """A process that has left its parent, and its session."""
        if os.fork() == 0:
            if session:
                os.setsid()
            if os.fork() == 0:
                self.note()
                time.sleep(600)
            os._exit(0)
        os.wait()

    # What it may do

    def fine(self):
        pass

    def declines(self):
        raise Declined("needs a licence")

    def raises(self):
        raise RuntimeError("no idea")

    def hangs(self):
        time.sleep(600)

    def eats_memory(self):
        self.held = np.ones(2**32)

    def segfault(self):
        ctypes.string_at(0)

    def aborts(self):
        os.abort()

    def leaves(self):
        os._exit(75)

    def forged_result(self):
        """A pipe that nobody writes to, in place of the result."""
        os.mkfifo(Path(tempfile.gettempdir()).parent / "payload.json")
        os._exit(0)

    def prints(self):
        while True:
            print("x" * 1000)

    def prints_errors(self):
        while True:
            os.write(2, b"\x1b[31m" * 10_000)

    def child_prints(self):
        subprocess.run([sys.executable, "-c", "while True: print('child ' * 100)"], check=True)

    def long_message(self):
        raise RuntimeError("long " * 10_000_000)

    def long_chain(self):
        error = None
        for number in range(20_000):
            new = ValueError(f"link {number}")
            new.__cause__ = error
            error = new
        raise error

    def big_group(self):
        group = ExceptionGroup("deep", [ValueError("at the bottom")])
        for _ in range(50):
            group = ExceptionGroup("deep " * 1000, [group] * 50)
        raise group

    def recursion(self):
        return self.recursion_again()

    def recursion_again(self):
        return self.recursion()

    def broken_message(self):
        class Broken(Exception):
            def __str__(self):
                raise KeyboardInterrupt("no")

        raise Broken

    def exits_long(self):
        sys.exit("bye " * 10_000_000)

    def stops_itself(self):
        self.daemon()
        os.kill(os.getpid(), signal.SIGSTOP)

    def stops_supervisor(self):
        self.daemon()
        forget_parent()
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(600)

    def kills_supervisor(self):
        self.daemon()
        forget_parent()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)

    def kills_two(self):
        """Supervisor and zygote; what is left has nobody that watches it."""
        self.daemon()
        forget_parent()
        for pid in list(parents())[1::-1]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(600)

    def stops_two(self):
        self.daemon()
        forget_parent()
        for pid in list(parents())[1::-1]:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(600)

    def stops_one_kills_one(self):
        """The zygote stands still while the supervisor dies."""
        self.daemon()
        forget_parent()
        supervisor, zygote = list(parents())[:2]
        os.kill(zygote, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        time.sleep(600)

    def kills_zygote(self):
        self.daemon()
        os.kill(list(parents())[1], signal.SIGKILL)
        time.sleep(600)

    def stops_zygote(self):
        self.daemon()
        os.kill(list(parents())[1], signal.SIGSTOP)
        time.sleep(600)

    def daemons(self):
        self.daemon()
        self.daemon(session=False)

    def thread(self):
        threading.Thread(target=time.sleep, args=[600]).start()

    def opens_files(self):
        self.held = [open(os.devnull) for _ in range(10**6)]  # noqa: SIM115

    def hides_open_files(self):
        self.held = []
        try:
            while True:
                self.held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            raise ValueError("no more") from None

    def big_file(self):
        with open(os.path.join(tempfile.gettempdir(), "big"), "wb") as file:
            while True:
                file.write(bytes(2**24))

    def some_files(self):
        for number in range(64):
            Path(tempfile.gettempdir(), str(number)).write_bytes(bytes(2**20))
        time.sleep(600)

    def deep_folders(self):
        os.chdir(tempfile.gettempdir())
        for _ in range(1500):
            os.mkdir("x")
            os.chdir("x")

    def forks(self):
        while True:
            if os.fork() == 0:
                time.sleep(600)

    def nan(self):
        return self.problem.Decision(node=np.full(5, np.nan))

    def wrong_shape(self):
        return self.problem.Decision(node=np.zeros(6, dtype=int))

    def wrong_type(self):
        return "node 1"

    def no_space(self):
        raise OSError(28, os.strerror(28))

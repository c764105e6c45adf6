"""Commands as a user calls them: exit code, stdout, stderr."""

import contextlib
import os
import pty
import sys
import threading
from dataclasses import dataclass

import pytest
from rich.console import Console

from dtbench.cli import main as cli
from dtbench.cli import output


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def dtbench(monkeypatch, capfd):
    """Run the command line in this process, errors handled as in a shell."""

    monkeypatch.setattr(output.stdout, "_width", 240)

    def call(*arguments) -> Result:
        monkeypatch.setattr(sys, "argv", ["dtbench", *map(str, arguments)])
        capfd.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture
def terminal(monkeypatch):
    """Opens a console at a pseudo-terminal of 160 columns, with a function that ends it and gives what was written."""
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return _terminal


@contextlib.contextmanager
def _terminal():
    ours, theirs = pty.openpty()
    parts = []

    def read():
        with contextlib.suppress(OSError):  # Linux: the other end was closed
            while part := os.read(ours, 65536):
                parts.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    file = os.fdopen(theirs, "w")

    def written():
        file.close()
        reader.join()
        return b"".join(parts).decode()

    try:
        yield Console(file=file, width=160), written
    finally:
        written()
        os.close(ours)

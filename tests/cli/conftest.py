"""Commands as a user calls them: exit code, stdout, stderr."""

import sys
from dataclasses import dataclass

import pytest

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

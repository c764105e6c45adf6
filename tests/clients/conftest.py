"""Third-party clients: each test names the one that it runs, and the run ends with a table of them (`make clients`).

A client that is not installed skips its tests, with the package to install. `DTBENCH_CLIENTS=all` makes that a failure.
"""

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENT = "client"
HEAD = """# Clients

Third-party programs and libraries that `make clients` runs on what dtbench writes and offers, with the versions that
were there last. `make clients TABLE=docs/clients.md` writes this page.

"""
RESULTS = {"passed": "ok", "failed": "FAILED", "skipped": "not installed"}


def pytest_addoption(parser):
    parser.addoption("--clients-table", type=Path, help="Markdown file for the table of clients.")


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.clients)


def absent(reason: str) -> None:
    """Skip the test, or fail it where all clients are asked for."""
    if os.environ.get("DTBENCH_CLIENTS") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def program(request) -> Callable[..., Path]:
    """`program("cbc", package="coinor-cbc", version=["cbc", "-quit"], what="...")`: the path of an installed program.

    `version` is a command whose first non-empty line of output holds the version; by default ``NAME --version``.
    """

    def find(name: str, *, package: str, what: str, version: list[str] | None = None) -> Path:
        found = shutil.which(name)
        said = ""
        if found:
            run = subprocess.run(version or [found, "--version"], capture_output=True, text=True, timeout=60)
            lines = [line.strip() for line in (run.stdout + run.stderr).splitlines() if line.strip()]
            said = lines[0] if lines else "?"
        request.node.user_properties.append((CLIENT, (name, said, what)))
        if not found:
            absent(f"{name} is not installed; try: apt-get install {package}")
        return Path(found)

    return find


@pytest.fixture
def library(request) -> Callable[..., None]:
    """`library("torchrl", what="...")`: the test runs this Python distribution."""

    def find(name: str, *, what: str) -> None:
        try:
            said = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            said = ""
        request.node.user_properties.append((CLIENT, (name, said, what)))
        if not said:
            absent(f"{name} is not installed; try: make setup-clients")

    return find


def table(reports) -> str:
    """The clients that ran, one per line, in Markdown."""
    rows = {
        (*row, RESULTS[report.outcome])
        for report in reports
        for key, row in report.user_properties
        if key == CLIENT and (report.when == "call" or report.outcome != "passed")
    }
    lines = ["| client | version | what ran | result |", "|---|---|---|---|"]
    return "\n".join(
        lines + ["| " + " | ".join(row) + " |" for row in sorted(rows, key=lambda row: (row[0].lower(), row))]
    )


def pytest_terminal_summary(terminalreporter, config):
    reports = [  # of tests; a module that is skipped as a whole has a report of another kind
        report
        for outcome in RESULTS
        for report in terminalreporter.stats.get(outcome, ())
        if hasattr(report, "user_properties")
    ]
    if not any(key == CLIENT for report in reports for key, _ in report.user_properties):
        return
    text = table(reports)
    terminalreporter.section("clients")
    terminalreporter.write_line(text)
    if config.getoption("--clients-table", None):
        config.getoption("--clients-table").write_text(HEAD + text + "\n", encoding="utf-8")

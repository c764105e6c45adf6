"""No control character of a file, a solver or a message reaches the terminal, whatever shows it."""

import io
import re

import pytest
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from dtbench.cli import output
from dtbench.cli.output import PlainConsole, printable

TITLE = "\x1b]0;owned\x07"  # sets the title of the window
EVIL = f"red\x1b[31m{TITLE}\x9b2J\r\x08\x00\x7f\u202egnp\u2066\u200b\ttail"
OURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")  # what rich itself writes: colours, cursors


def shown(show, **options):
    """What a console writes, without rich's own sequences."""
    stream = io.StringIO()
    show(PlainConsole(file=stream, width=100, **options))
    return OURS.sub("", stream.getvalue())


def in_table(console):
    table = Table(EVIL, escape(EVIL), title=escape(EVIL), caption=EVIL)
    table.add_row(EVIL, Text(EVIL))
    console.print(table)


def live(console):
    with Live(Panel(Group(EVIL, Text(EVIL)), title=EVIL), console=console):
        console.print(EVIL)


def bar(console):
    with Progress(console=console) as progress:
        progress.add_task(EVIL, total=None)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    "show",
    [
        lambda console: console.print(EVIL),
        lambda console: console.print(EVIL, markup=False, soft_wrap=True),
        lambda console: console.print(Text(EVIL)),
        lambda console: console.print("a", EVIL, sep="\x1b[31m"),
        lambda console: console.rule(EVIL),
        in_table,
        live,
        bar,
    ],
)
def test_whatever_shows_it(show, terminal):
    found = shown(show, force_terminal=terminal)
    assert "red" in found
    assert [c for c in found if not c.isprintable() and c not in "\n\r"] == []
    if not terminal:
        assert "\r" not in found


def test_text_that_is_clean_is_the_same():
    assert printable("naïve – 中文 ½ µs\n[31m") == "naïve – 中文 ½ µs\n[31m"
    assert printable("a\xa0b\u3000c") == "a b  c"  # as wide as before


def test_colours_of_rich_itself_pass():
    assert "\x1b[1m" in shown_raw(lambda console: console.print("[bold]a"))


def shown_raw(show):
    stream = io.StringIO()
    show(PlainConsole(file=stream, width=100, force_terminal=True, color_system="standard"))
    return stream.getvalue()


def test_both_streams_are_such_consoles():
    assert type(output.stdout) is type(output.stderr) is PlainConsole


SOLVER = '"""Summary {evil}."""\nfrom dtbench import Solver\nclass S(Solver):\n    name = "odd"\n    "{evil}"\n'
SUITE = """name = "odd"
title = "{evil}"
instances = ["stin-deployment/tiny-000"]
[[solvers]]
name = "greedy"
label = "{evil}"
"""


@pytest.fixture
def folder(tmp_path):
    """A solver and a suite whose texts hold escape sequences."""
    (tmp_path / "odd.py").write_text(SOLVER.format(evil=EVIL.replace("\r", "").replace("\x00", "")))
    quoted = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in EVIL)
    (tmp_path / "odd.toml").write_text(SUITE.format(evil=quoted))
    (tmp_path / "bad.toml").write_text(SUITE.format(evil=quoted).replace('"odd"', f'"{quoted}"'))
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "solvers", "--solvers-path", "."),
        ("list", "solvers", "--solvers-path", ".", "--json"),
        ("show", "odd", "--solvers-path", "."),
        ("plan", "odd.toml"),
        ("plan", "odd.toml", "--json"),
        ("plan", "bad.toml"),
        ("run", "odd.toml", "--workers", "1"),
        ("leaderboard", "--results", "results/odd"),
        ("solve", "stin-deployment/tiny-000", f"{EVIL}".replace("\x00", "")),
    ],
)
def test_commands(dtbench, folder, monkeypatch, arguments):
    monkeypatch.chdir(folder)
    if arguments[0] == "leaderboard":
        dtbench("run", "odd.toml", "--workers", "1")
    result = dtbench(*arguments)
    assert result.out + result.err
    assert [c for c in result.out + result.err if not c.isprintable() and c != "\n"] == []

"""What commands share: results to stdout, progress and errors to stderr, tables or JSON of the same facts."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from dtbench.problems.registry import current, look_in

PIPE_WIDTH = 160  # columns of a table that goes to a file or another program


class PlainConsole(Console):
    """A console that shows no control character: words from files and solvers steer no terminal.

    Colours and cursors of rich itself pass, as they are no part of the text. Where the reader has gone it raises; Rich
    would end the program with 1.
    """

    def on_broken_pipe(self) -> None:
        """Called while the error is handled."""
        raise

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Every piece of text that is shown comes through here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def printable(text: str) -> str:
    """A text without characters that steer a terminal or turn the direction of writing; line breaks stay.

    >>> printable("a\\x1b[31mb\\u202ec\\n")
    'a[31mbc\\n'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " * cell_len(c) for c in text)  # as wide as before


stdout = PlainConsole(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else PIPE_WIDTH)
stderr = PlainConsole(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SolversPath = Annotated[
    list[str] | None,
    typer.Option("--solvers-path", metavar="DIR", help="Another folder of solver files; may be given several times."),
]


def _look_in(folders: list[str] | None) -> None:
    """Find problems in further folders, and name the packages that are left out."""
    look_in(folders or [])
    for reason in current().left_out:
        stderr.print(f"dtbench: {reason}", markup=False, soft_wrap=True)


ProblemsPath = Annotated[
    list[str] | None,
    typer.Option(
        "--problems-path", metavar="DIR", help="Another folder of problem packages; may be given several times.",
        is_eager=True, expose_value=False, callback=_look_in,
    ),
]  # fmt: skip
"""Of every command that names a problem. The option itself looks there, before other arguments are read."""


def a_number(value: float | None) -> float | None:
    """Refuse NaN, which ranges of options let pass."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is no number.")
    return value


def print_json(facts: Any) -> None:
    """Print facts as JSON; see :func:`json_text`."""
    print(json_text(facts))


def json_text(facts: Any) -> str:
    """Facts as JSON; NaN and infinities, which JSON has not, become null."""
    return json.dumps(_finite(facts), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print a table; texts are taken literally, and what is too wide is wrapped, but for the first column."""
    table = Table(
        title=escape(title) if title else None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        table.add_column(escape(column), justify=justify, overflow="fold", no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*(escape(str(item)) for item in row))
    stdout.print(table)


def number(value: float | None, unit: str = "") -> str:
    """A number for people: six digits, ``-`` where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.6g}{' ' + unit if unit and unit != '1' else ''}"


def percent(value: float | None) -> str:
    """A share as per cent."""
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.4g} %"

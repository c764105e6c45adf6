"""The command ``dtbench``: the group of its commands; errors a user can mend end in one line and exit code 2."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import select
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dtbench import __version__
from dtbench.cli.commands import COMMANDS, LateCommand
from dtbench.cli.output import stderr
from dtbench.errors import DtbenchError
from dtbench.outside import log

STDOUT, STDERR = 1, 2  # file descriptors


class Commands(TyperGroup):
    """The commands; what the system refuses is handled before Typer, which ends broken pipes with 1, sees it."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.commands = {name: LateCommand(name) for name in COMMANDS}

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Parse the command line; help is printed here."""
        with _ending():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _ending():
            return super().invoke(ctx)


app = typer.Typer(
    name="dtbench",
    cls=Commands,
    help="Benchmark suite for digital-twin network optimisation.",
    epilog="Start with: dtbench list instances; dtbench solve stin-deployment/tiny-000 greedy; dtbench run quick",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"dtbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Benchmark suite for digital-twin network optimisation."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shows another
    if not log.handlers:
        log.addHandler(_Notes())
    code: str | int | None = 0
    with _ending():
        try:
            app()
        except DtbenchError as error:
            _fail(str(error))
        except SystemExit as stop:
            code = stop.code
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what is not written now would be at exit, where errors are only mentioned
    sys.exit(code)


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """End in one line and code 2 where the system fails; in 0 where the reader of the output has gone.

    The latter is no error: `dtbench list instances | head`.
    """
    try:
        yield
    except OSError as error:
        gone = isinstance(error, BrokenPipeError) and _reader_has_gone()
        _let_go()
        if gone:
            sys.exit(0)
        said = " ".join((error.strerror or str(error) or type(error).__name__).split())
        named = f"'{error.filename}' cannot be read or written" if error.filename else "the system failed"
        _fail(f"{named}: {said}.")


def _let_go() -> None:
    """Write what still can be written; the rest goes nowhere, or Python would try again when it ends, and complain."""
    for descriptor, stream in ((STDOUT, sys.stdout), (STDERR, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), descriptor)


def _reader_has_gone() -> bool:
    """Whether whoever read stdout or stderr has closed it: connections break too, and that is an error."""
    poll = select.poll()
    for descriptor in (STDOUT, STDERR):
        poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


class _Notes(logging.Handler):
    """Shows what is left out, a line each, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        stderr.print(f"dtbench: {record.getMessage()}", markup=False, soft_wrap=True)


def _fail(message: str) -> None:
    with contextlib.suppress(OSError):
        stderr.print(f"dtbench: {' '.join(message.splitlines())}", markup=False, soft_wrap=True)
    sys.exit(2)

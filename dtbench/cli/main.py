"""The command ``dtbench``: commands are added here, and errors a user can mend end in one line and exit code 2."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from dtbench import __version__
from dtbench.cli import catalog, data, fresh, predictor, run, scaffold, scaffold_problem, scores, solve, sweep, train
from dtbench.cli.output import stderr
from dtbench.errors import DtbenchError

app = typer.Typer(
    name="dtbench",
    help="Benchmark suite for digital-twin network optimisation.",
    epilog="Start with: dtbench list instances; dtbench solve stin-deployment/tiny-000 greedy; dtbench run quick",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for part in (catalog, solve, train, run, sweep, fresh, scores, data, predictor, scaffold, scaffold_problem):
    part.add_to(app)


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
    try:
        app()
    except DtbenchError as error:
        _fail(str(error))
    except BrokenPipeError:  # the reader of our output went away, as in `dtbench list instances | head`
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"'{error.filename}' cannot be read or written: {error.strerror}.")


def _fail(message: str) -> None:
    stderr.print(f"dtbench: {' '.join(message.splitlines())}", markup=False, soft_wrap=True)
    sys.exit(2)

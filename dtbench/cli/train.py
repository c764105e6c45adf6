"""``dtbench train``: one learned agent on one network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli.data import pairs
from dtbench.cli.output import Json, ProblemsPath, SolversPath, number, print_json, print_table, stderr
from dtbench.cli.progress import moves, say, steps
from dtbench.core import Instance
from dtbench.envs import TEMPLATE_SEED
from dtbench.errors import Declined, DtbenchError
from dtbench.files import write_safely
from dtbench.learning.checkpoint import SUFFIX, Checkpoint, Header
from dtbench.learning.report import Lines, Listener, words
from dtbench.learning.solver import LearnedSolver
from dtbench.library import instances
from dtbench.plugins.discovery import discover, find, load_solver
from dtbench.problems import problem
from dtbench.progress import clock


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: dtbench train vdn stin-deployment tiny --seed 1 --budget 200 -o vdn.safetensors")(
        train
    )


def train(
    solver: Annotated[str, typer.Argument(help="Name of a solver that learns.")],
    problem_id: Annotated[str, typer.Argument(metavar="PROBLEM", help="Id of the problem.")],
    size: Annotated[str, typer.Argument(help="tiny, small, paper or large.")],
    seed: Annotated[int, typer.Option(help="Seed of the training.", min=0)] = 0,
    budget: Annotated[
        int | None, typer.Option(metavar="EPISODES", help="Length, in whole rounds; the preset's by default.", min=1)
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Option of the solver; repeatable.")
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(help="Name in the library, or .nc file, whose network to train on; by default one for training."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another value of a parameter; repeatable.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE",
            help=f"File to write, ending in {SUFFIX}; or a folder of checkpoints, where it gets the name that "
            "solvers look for. By default it is only kept in the cache.",
        ),
    ] = None,
    log_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for training.csv, and TensorBoard's events if it is installed."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the file only.")] = False,
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:  # fmt: skip
    """Train a learned agent on fresh traces of a network and keep its policy, so that solving plays it.

    The same arguments find the policy again, and go on with a training that was interrupted.
    """
    options: dict[str, str] = pairs(option or [], "--option")
    options |= {} if budget is None else {"episodes": str(budget)}
    options |= {} if log_dir is None else {"log_dir": str(log_dir)}
    agent = _agent(solver, _network(problem_id, size, instance, settings), seed, options, solvers_path)
    target = _target(output, agent)
    agent.tell = lambda text: None if quiet else stderr.print(text, markup=False, soft_wrap=True)
    try:
        with _reporting(quiet) as report:
            found, source = agent.obtain(report, shipped=False)
    except KeyboardInterrupt:
        stderr.print("interrupted: the same command goes on from the last validation, if there was one")
        raise typer.Exit(130) from None
    except Declined as declined:
        raise DtbenchError(f"{declined}.") from None
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_safely(target, found.file.read_bytes())
    _show(found, target or found.file, source, quiet, json)


def _network(problem_id: str, size: str, instance: str | None, settings: list[str] | None) -> Instance:
    """The instance whose network is trained on."""
    owner = problem(problem_id)
    if instance is None:
        return owner.generate(size, TEMPLATE_SEED, **pairs(settings or [], "--set"))
    if settings:
        raise DtbenchError("--set changes parameters of a network that is drawn; it does not go with --instance.")
    found = instances.load(instance)
    if (found.problem, found.size) != (problem_id, size):
        raise DtbenchError(f"--instance '{instance}' is {found.problem}, size {found.size}; not {problem_id}, {size}.")
    return found


def _agent(
    solver: str, network: Instance, seed: int, options: dict[str, str], solvers_path: list[str] | None
) -> LearnedSolver:
    entry = find(solver, discover(solvers_path or []))
    if not entry.takes(network.problem):
        raise DtbenchError(f"solver '{solver}' does not take problem '{network.problem}'.")
    if not entry.trains:
        raise DtbenchError(f"solver '{solver}' does not learn; `dtbench list solvers` marks those that do.")
    entry.check_options(options, "--option")
    for name in ("checkpoint", "cache"):
        if name in options:
            raise DtbenchError(f"--option names '{name}', which is for solving: training makes a policy and keeps it.")
    cls = load_solver(entry)
    if not issubclass(cls, LearnedSolver):
        raise DtbenchError(f"solver '{solver}' trains inside of its own cells; its policies are not kept in files.")
    return cls(problem(network.problem), network, seed=seed, **options)


def _target(output: Path | None, agent: LearnedSolver) -> Path | None:
    """The file to write, checked before hours of training."""
    if output is None:
        return None
    target = output / agent.problem.id / agent.shipped_name if output.is_dir() else output
    if target.suffix != SUFFIX:
        raise DtbenchError(f"--output is '{output}'; expected a folder, or a file name that ends in '{SUFFIX}'.")
    if not output.is_dir() and not target.parent.is_dir():
        raise DtbenchError(f"folder '{target.parent}' does not exist; make it first.")
    if target.exists():
        raise DtbenchError(f"'{target}' exists already; remove it or choose another name.")
    return target


def _show(found: Checkpoint, file: Path, source: str, quiet: bool, json: bool) -> None:
    header = found.header
    if json:
        facts: dict[str, Any] = {"file": str(file), "sha256": found.sha256, "source": source}
        print_json(facts | {"header": header.model_dump(mode="json")})
        return
    if quiet:
        typer.echo(str(file))
        return
    unit = problem(header.identity.problem).unit
    title = (
        f"{header.identity.solver} on {header.identity.problem}, {header.identity.size}, seed {header.identity.seed}"
    )
    print_table(title, ["", "value"], [*_rows(header, unit), ("file", file)])
    if source == "cache":
        stderr.print("it was trained before: the same arguments give the same policy", markup=False)


def _rows(header: Header, unit: str) -> list[tuple[str, str]]:
    """What a training came to and cost."""
    first, last, best = header.curve[0], header.curve[-1], header.best
    rest = header.seconds - sum(header.split.values())
    parts = header.split | {"validation and the rest": rest}
    shares = (f"{name} {_time(seconds)}" for name, seconds in parts.items())
    return [
        ("preset", header.identity.preset),
        ("played", f"{header.episodes} episodes, {header.frames} frames, {header.rounds} rounds"),
        ("validation at first", number(first.objective, unit)),
        ("validation at best", f"{number(best.objective, unit)}, round {best.round}: this policy is kept"),
        ("validation at last", number(last.objective, unit)),
        ("validated", f"{len(header.curve)} times on {header.validation_traces} fresh traces"),
        ("time", f"{_time(header.seconds)}: {', '.join(shares)}"),
    ]


def _time(seconds: float) -> str:
    return clock(seconds) if seconds >= 60.0 else f"{seconds:.2g} s"


@contextlib.contextmanager
def _reporting(quiet: bool) -> Iterator[Listener]:
    """Progress on stderr: a bar in a terminal, else lines that name the validations; nothing if ``quiet``."""
    if quiet or moves(stderr):
        with steps(stderr, "training", quiet=quiet) as tell:
            yield lambda progress: tell(progress.round, progress.rounds, words(progress))
    else:
        yield Lines(lambda text: say(stderr, text))

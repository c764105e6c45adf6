"""``dtbench train-predictor`` and ``dtbench predictor-error``: the learned predictors inside problems."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli.data import pairs
from dtbench.cli.output import Json, print_json, print_table, stderr, stdout
from dtbench.cli.progress import say, steps
from dtbench.errors import DtbenchError
from dtbench.prediction import Case, PredictorTraining, training_of
from dtbench.problems import all_problems, problem
from dtbench.progress import Pace, Step, clock, time_left

ProblemId = Annotated[str, typer.Argument(metavar="PROBLEM", help="Id of a problem that has a learned predictor.")]
Size = Annotated[
    list[str] | None, typer.Option("--size", help="Size of the problem; repeatable. Default: shipped ones.")
]
World = Annotated[
    list[int] | None, typer.Option("--world", help="World; repeatable. Default: those that are shipped.", min=0)
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another value of a parameter; repeatable.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        "train-predictor", epilog="Example: dtbench train-predictor dnt-spectrum --size paper --world 0 -o weights"
    )(train_predictor)
    app.command("predictor-error", epilog="Example: dtbench predictor-error dnt-spectrum --size paper")(predictor_error)


def train_predictor(
    problem_id: ProblemId,
    size: Size = None,
    world: World = None,
    settings: Set = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Option of the training; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the training.", min=0)] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write to instead of that of the package."),
    ] = None,
    json: Json = False,
) -> None:
    """Train the predictor that is part of a problem's state, and write its weights as safetensors.

    Instances are played with the weights in the package's folder.
    """
    training, cases = _chosen(problem_id, size, world, settings)
    given = pairs(option or [], "--option")
    if "seed" in given:
        raise DtbenchError("--option names 'seed'; use --seed.")
    options = [training.Options().replace(dict(case.options) | given | {"seed": seed}) for case in cases]
    folder = output or training.folder
    trained = []
    pace = Pace()
    pace.note(0, len(cases))
    with steps(stderr, "training predictors") as progress:
        for number, (case, chosen) in enumerate(zip(cases, options, strict=True)):
            told = functools.partial(_told, progress, case, number, len(cases))
            trained.append(training.train(case, chosen, folder, told))
            pace.note(number + 1, len(cases))
            line = f"{pace.done}/{pace.total} {case.name}: error {_short(trained[-1].error)}, {clock(pace.elapsed)}"
            say(stderr, line + (f", {time_left(pace.left)}" if pace.done < pace.total else ""))
    if json:
        print_json([{"case": t.case.name, "file": str(t.file), "header": dict(t.header)} for t in trained])
    else:
        rows = [[t.case.name, t.file.name, _short(t.error), _short(t.baseline)] for t in trained]
        columns = ["case", "file", "error", "without training"]
        print_table(f"One step ahead, on data held out [{training.unit}]", columns, rows, right=columns[2:])
    stderr.print(f"written to {folder}", markup=False, soft_wrap=True)


def predictor_error(
    problem_id: ProblemId,
    size: Size = None,
    world: World = None,
    settings: Set = None,
    count: Annotated[int, typer.Option(help="Fresh trajectories for each predictor.", min=1, max=5000)] = 200,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="DIR", help="Folder of weights instead of that of the package.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure predictors on trajectories that none was trained on: mean squared error by steps ahead.

    Predictions are fed back in, as while nothing is uploaded.
    """
    training, cases = _chosen(problem_id, size, world, settings)
    found = []
    with steps(stderr, "measuring predictors") as progress:
        for number, case in enumerate(cases):
            progress(number, len(cases), f"cases: {case.name}")
            found += training.errors(case, weights or training.folder, count)
    if json:
        facts: list[dict[str, Any]] = [
            {
                "case": e.case.name,
                "predictor": e.predictor,
                "error": dict(e.at),
                f"1 ahead, by {training.part}": list(e.parts),
            }
            for e in found
        ]
        print_json({"problem": problem_id, "unit": training.unit, "trajectories": count, "errors": facts})
        return
    ahead = [f"{steps} ahead" for steps in found[0].at]
    columns = [*ahead, f"least {training.part}", f"greatest {training.part}"]
    rows = [[e.case.name, e.predictor, *map(_short, [*e.at.values(), min(e.parts), max(e.parts)])] for e in found]
    title = f"Mean squared error on {count} fresh trajectories [{training.unit}]; each {training.part}: 1 ahead"
    print_table(title, ["case", "predictor", *columns], rows, right=columns)
    stdout.print(training.reported, markup=False)


def _chosen(
    problem_id: str, sizes: list[str] | None, worlds: list[int] | None, settings: list[str] | None
) -> tuple[PredictorTraining, list[Case]]:
    training = training_of(problem(problem_id), list(all_problems().values()))
    return training, training.cases(sizes or [], worlds or [], pairs(settings or [], "--set"))


def _told(progress: Step, case: Case, before: int, cases: int, epoch: int, epochs: int, error: float) -> None:
    """An epoch of one of several trainings, which have as many epochs each."""
    progress(before * epochs + epoch, cases * epochs, f"epochs, {case.name}: error {_short(error)}")


def _short(value: float) -> str:
    return f"{value:.4g}"

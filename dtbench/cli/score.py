"""``dtbench score``: what decisions that were made elsewhere are worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from dtbench import referee
from dtbench.arrays import specs
from dtbench.cli.export import Formulation, in_horizon, model_of
from dtbench.cli.output import Json, ProblemsPath, number, percent, print_json, print_table, stderr
from dtbench.core import AnyProblem, check_decision, gap_to
from dtbench.errors import DtbenchError, shown
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, known_of
from dtbench.outside import parse_json, read_bytes
from dtbench.problems import problem

if TYPE_CHECKING:
    from dtbench.exact.form import Form
    from dtbench.exact.solutions import Solution

SAME = 1e-4  # relative, of objectives in files, which are rounded
EPILOG = (
    "Examples: dtbench score stin-deployment/tiny-000 --slot 3 --solution slot3.sol; "
    "dtbench score edge-migration/tiny-000 --solution all.sol; "
    "dtbench score stin-deployment/tiny-000 --slot 3 --decisions mine.json, where mine.json holds "
    '{"node": [0, 2, 1, 0, 3]}; dtbench score stin-deployment/tiny-000 --decisions horizon.nc'
)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=EPILOG)(score)


def score(
    instance: Annotated[str, typer.Argument(help="Name in the library, or path of a .nc file.")],
    slot: Annotated[
        int | None,
        typer.Option(help="Slot that was decided, in the state of a fresh start; default: all slots.", min=0),
    ] = None,
    solution: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Solution of an exported model, by HiGHS, CBC, SCIP, Gurobi, CPLEX, or glpsol -o."
        ),
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decisions, .nc (leading time axis) or .json: fields by name.")
    ] = None,
    formulation: Annotated[
        Formulation | None, typer.Option(help="Of the model that was solved; default: as its names say.")
    ] = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Let the referee score a solution or decisions made elsewhere; exit 1 if they break a constraint.

    A solution's columns become a decision as the header of the exported file says; what they leave open is filled in
    the best way. Without --slot the whole horizon is scored, each slot in the state that the ones before it leave.
    """
    if (solution is None) == (decisions is None):
        raise DtbenchError("give either --solution or --decisions.")
    found = instances.load(instance)
    owner = problem(found.problem)
    if slot is not None:
        in_horizon(slot, instance, found)
    facts: dict[str, Any] = {"instance": instance, "slot": slot}
    if solution is not None:
        decision, more = _solved(owner, found, slot, solution, formulation)
        facts |= more
    else:
        assert decisions is not None  # noqa: S101  as checked above
        if formulation is not None:
            raise DtbenchError("--formulation belongs to --solution.")
        decision = _given(owner, found, slot, decisions)
        facts |= {"file": str(decisions)}
    facts |= _scores(owner, found, slot, decision)
    facts |= _compared(owner, instance, slot, facts["objective"])
    if json:
        print_json(facts)
    else:
        _print(facts, owner.unit)
    if not facts["feasible"]:
        raise typer.Exit(1)


def _solved(
    owner: AnyProblem, found: Any, slot: int | None, file: Path, formulation: str | None
) -> tuple[Any, dict[str, Any]]:
    """The decision that a solution says, and facts about the model."""
    from dtbench.exact.form import point_of
    from dtbench.exact.solutions import read

    solution = read(file)
    model, form = _matching(owner, found, slot, solution, formulation)
    if form.decision is None:
        raise DtbenchError(f"'{owner.id}' does not say how columns make a decision; give --decisions instead.")
    x = point_of(form, solution.values, complete=solution.complete, where=f"'{file}' ({solution.solver})")
    _compare(form, x, solution.objective, file)
    facts = {"file": str(file), "solver": solution.solver, "model": model, "model_value": form.model.value(x)}
    return form.decision(x), facts


def _matching(
    owner: AnyProblem, found: Any, slot: int | None, solution: Solution, formulation: str | None
) -> tuple[str, Form]:
    """What to call the model whose columns the solution has, or nearly so, and the model."""
    from dtbench.exact.export import CONSTANT, column_names

    wanted = ["strong"] if slot is None else [formulation] if formulation else ["reference", "strong"]
    tried: list[tuple[int, str, Form]] = []
    refused: DtbenchError | None = None
    values = set(solution.values)
    for word in wanted:
        try:
            form = model_of(owner, found, slot, word, None)
        except DtbenchError as error:
            refused = error
            continue
        names = {*column_names(form.model), CONSTANT}
        off = len(values - names) + (len(names - values) if solution.complete else 0)
        tried.append((off, f"the {word} model", form))
    if not tried:
        raise refused or DtbenchError(f"'{owner.id}' has no model for other solvers.")
    off, word, form = min(tried, key=lambda entry: entry[0])
    alike = sum(entry[0] == off for entry in tried) > 1  # the same columns: either will do
    return "all slots" if slot is None else "the model" if alike else word, form


def _compare(form: Any, x: Any, said: float, file: Path) -> None:
    """Say so where the file's objective is not that of the model at its point."""
    value = form.model.value(x) * (1.0 if form.model.sense == "min" else -1.0)
    if not math.isnan(said) and abs(said - value) > SAME * max(1.0, abs(value)):
        stderr.print(
            f"dtbench: '{file}' says {said:.6g}, but this model is worth {value:.6g} there: it may be the solution of "
            "another slot or instance, or the objective was changed.",
            markup=False, soft_wrap=True,
        )  # fmt: skip


def _given(owner: AnyProblem, found: Any, slot: int | None, file: Path) -> Any:
    """The decision of a slot, or decisions of all slots, that a file holds."""
    if file.suffix == ".nc":
        from dtbench.experiments import decisions

        whole = decisions.read(file, owner)
        if slot is None:
            return whole
        if owner.coupled(found.params):
            raise DtbenchError(f"the slots of '{found.name}' are coupled: leave out --slot to score all of '{file}'.")
        if whole.batch_shape != (found.horizon,):
            raise DtbenchError(f"'{file}' holds {whole.batch_shape[0]} slots; expected {found.horizon}.")
        return whole[slot]
    if file.suffix != ".json":
        raise DtbenchError(f"--decisions is '{file}'; expected a name that ends in .nc or .json.")
    content = parse_json(read_bytes(file), f"'{file}'")
    fields = specs(owner.Decision)
    if not isinstance(content, dict):
        raise DtbenchError(f"'{file}' holds {shown(content)}; expected an object with the fields {', '.join(fields)}.")
    for name in content:
        if name not in fields:
            raise DtbenchError(f"'{file}': unknown field '{name[:80]}'; expected {', '.join(fields)}.")
    for name, spec in fields.items():
        if name not in content:
            raise DtbenchError(f"'{file}': field '{name}' is missing ({spec.doc} [{spec.unit}]).")
    return owner.Decision(**{name: _array(content[name], name, file) for name in fields})


def _array(value: Any, name: str, file: Path) -> Any:
    try:
        made = np.asarray(value)
    except ValueError:
        made = np.asarray(None)
    if made.dtype.kind not in "iufb":
        raise DtbenchError(f"'{file}': field '{name}' is {shown(value)}, expected numbers in lists of equal lengths.")
    return made


def _scores(owner: AnyProblem, found: Any, slot: int | None, decision: Any) -> dict[str, Any]:
    """The referee's verdict."""
    if slot is None:
        scores = referee.rescore(owner, found, decision)
        repaired = np.flatnonzero(scores.repaired).tolist()
        return {
            "objective": scores.mean,
            "feasible": not repaired,
            "violations": {"slots": len(repaired)} if repaired else {},
            "repaired_slots": repaired,
            "slots": scores.objective.tolist(),
        }
    at = owner.slot(found, slot, owner.start(found))
    decision = check_decision(owner, found, at, decision)
    outcome = owner.evaluate(at, decision)
    broken = {name: float(value) for name, value in outcome.violations.items() if value > 0.0}
    feasible = bool(outcome.feasible)
    _, scored, _ = referee.judge(owner, at, decision)
    return {
        "objective": float(scored.objective),
        "feasible": feasible,
        "violations": {} if feasible else broken,
        "objective_as_given": float(outcome.objective),
        "decision": {name: np.asarray(value).tolist() for name, _, value in decision.arrays()},
    }


def _compared(owner: AnyProblem, instance: str, slot: int | None, objective: float) -> dict[str, Any]:
    """Best known value of the same, where there is one."""
    key = HORIZON if slot is None else str(slot)
    known = known_of(instance).get(key)
    gap = float(gap_to(owner.sense, objective, known.objective)) if known else None
    return {"best_known": known.objective if known else None, "gap_to_best_known": gap}


def _print(facts: Mapping[str, Any], unit: str) -> None:
    broken = ", ".join(f"{name} {value:.3g}" for name, value in facts["violations"].items())
    rows = [("read from", facts["file"] + (f", {facts['solver']} on {facts['model']}" if "solver" in facts else ""))]
    rows += [("objective", number(facts["objective"], unit) + ("" if facts["feasible"] else ", after repair"))]
    if "objective_as_given" in facts and not facts["feasible"]:
        rows.append(("as given", number(facts["objective_as_given"], unit)))
    rows.append(("feasible", "yes" if facts["feasible"] else f"no: {broken}"))
    if "model_value" in facts:
        rows.append(("value in the model", number(facts["model_value"], unit)))
    rows.append(("best known", number(facts["best_known"], unit)))
    rows.append(("gap to best known", percent(facts["gap_to_best_known"])))
    rows += [
        (name, " ".join(f"{item:.6g}" for item in np.ravel(value))) for name, value in facts.get("decision", {}).items()
    ]
    where = "all slots" if facts["slot"] is None else f"slot {facts['slot']}"
    print_table(f"{facts['instance']}, {where}", ["", "value"], rows)

"""``dtbench show``: what there is to know of a problem, a size of it, an instance or a solver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import typer

from dtbench.cli.output import Json, ProblemsPath, SolversPath, number, print_json, print_table, stdout
from dtbench.cli.show_problem import show_problem, unit_of
from dtbench.core import Instance
from dtbench.errors import DtbenchError, near
from dtbench.experiments import suite
from dtbench.library import instances
from dtbench.library.best_known import BestKnown, known_of
from dtbench.params import unit_in_words
from dtbench.plugins.discovery import SolverEntry, discover, find
from dtbench.problems import all_problems, problem
from dtbench.regime import Regime
from dtbench.reports.describe import cited

WORDS: Mapping[Regime, str] = {
    "local": "what agents observe (local)",
    "global": "the whole slot (global)",
    "future": "the whole trace (future)",
}
SEARCH = "genetic"  # whose options a problem may set, see Problem.search_settings


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench show edge-placement; dtbench show edge-placement/paper; "
        "dtbench show stin-deployment/paper-000; dtbench show genetic",
    )(show)


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A problem; PROBLEM/SIZE; an instance, by its name or its .nc file; or a solver."
        ),
    ],
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Show a problem, a size of it, an instance or a solver.

    A problem: its story, what is decided, constraints, objective, sizes, methods to beat; of a size also its
    parameters. An instance: parameters with units, data, best known values. A solver: what it takes, and its options
    with the defaults that are in force.
    """
    id, _, size = name.partition("/")
    if id in all_problems() and (not size or size in problem(id).sizes):
        show_problem(problem(id), size or None, solvers_path or [], json)
        return
    if "/" not in name and not name.endswith(".nc"):
        _show_solver(name, solvers_path or [], json)
        return
    found = instances.load(name)
    facts = describe(found, known_of(name))
    if json:
        print_json(facts)
        return
    stdout.print(f"{found.name}: {facts['title']} ({facts['sense']}, {unit_in_words(facts['unit'])})", markup=False)
    stdout.print(f"size {found.size}, seed {found.seed}, " + _pairs(facts["dimensions"]), markup=False)
    print_table(
        "parameters",
        ["name", "value", "unit", "meaning"],
        [[p["name"], _value(p["value"]), unit_of(p["unit"]), p["meaning"]] for p in facts["parameters"]],
        right=["value"],
    )
    print_table(
        "data",
        ["name", "dimensions", "unit", "least", "greatest", "meaning"],
        [
            [v["name"], " x ".join(v["dimensions"]), unit_of(v["unit"]), number(v["least"]), number(v["greatest"]),
             v["meaning"]]
            for v in facts["variables"]
        ],
        right=["least", "greatest"],
    )  # fmt: skip
    best = facts["best_known"]
    if not best:
        stdout.print("best known: none; `dtbench certify FILE.nc` certifies an instance of your own")
        return
    print_table(
        "best known",
        ["slot", "objective", "bound", "gap", "status", "method", "version"],
        [
            [r["slot"], number(r["objective"]), number(r["bound"]), f"{r['gap']:.1e}", r["status"], r["method"],
             r["version"]]
            for r in best
        ],
        right=["objective", "bound", "gap"],
    )  # fmt: skip


def _show_solver(name: str, paths: list[str], json: bool) -> None:
    found = discover(paths)
    if name not in found:
        known = [*all_problems(), *found]
        if name in suite.names():
            raise DtbenchError(f"'{name}' is a suite: `dtbench plan {name}` shows what it runs.")
        raise DtbenchError(f"there is no problem and no solver '{name}'.{near(name, known)} See `dtbench list`.")
    entry = find(name, found)
    taken = [id for id in all_problems() if entry.takes(id)]
    facts: dict[str, Any] = {
        "solver": entry.name,
        "file": entry.file.name if entry.file else None,
        "rules": dict(entry.rules),
        "summary": entry.summary,
        "problems": taken,
        "deterministic": entry.deterministic,
        "sees": entry.sees,
        "trains": entry.trains,
        "presets": entry.presets,
        "policies": _policies(entry),
        "options": None if entry.options is None else _options(entry, taken),
    }
    if json:
        print_json(facts)
        return
    where = entry.file.name if entry.file else "a rule of the problem"
    stdout.print(f"{entry.name} ({where}): {entry.summary}", markup=False)
    stdout.print("takes " + ", ".join(facts["problems"]), markup=False)
    stdout.print(f"sees {WORDS[entry.sees]}", markup=False)
    if entry.rules:
        print_table("the rule", ["problem", "what it does"], [list(row) for row in entry.rules.items()])
    if entry.options is None:
        stdout.print("its options are declared in another file")
    elif not entry.options:
        stdout.print("it has no options")
    else:
        rows = [[o["name"], o["kind"], _default(o), unit_of(o["unit"]), o["meaning"]] for o in facts["options"]]
        print_table(_in_force(entry), ["name", "type", "default", "unit", "meaning"], rows)
    presets = _preset_rows(entry.presets)
    if presets:
        print_table("presets", ["preset", "problem", "options"], presets)
    if facts["policies"]:
        rows = [[p["problem"], p["size"], p["settings"], ", ".join(map(str, p["seeds"]))] for p in facts["policies"]]
        print_table("shipped policies", ["problem", "size", "preset", "seeds"], rows)


def _options(entry: SolverEntry, taken: list[str]) -> list[dict[str, Any]]:
    """The options with the defaults in force: ``default``, null where it depends on the problem; ``defaults`` by it."""
    found = []
    for option in entry.options or ():
        by_problem = {id: _settings(entry, id).get(option.name, option.default) for id in taken}
        same = set(by_problem.values())
        default = option.default if not same else next(iter(same)) if len(same) == 1 else None
        found.append(vars(option) | {"default": default, "defaults": by_problem})
    return found


def _settings(entry: SolverEntry, id: str) -> dict[str, str]:
    """Options that are not as their class declares them where nobody sets them: by the preset, or by the problem."""
    given: dict[str, Any] = {}
    if entry.presets:
        chosen = next((o.default.strip("'\"") for o in entry.options or () if o.name == "preset"), "")
        parts = entry.presets.get(chosen, {})
        given = {**parts.get("*", {}), **parts.get(id, {})}
    elif entry.name == SEARCH:
        given = dict(problem(id).search_settings)
    return {name: repr(value) for name, value in given.items()}


def _default(option: Mapping[str, Any]) -> str:
    """The default, or a line for each group of problems that have one."""
    if option["default"] is not None:
        return str(option["default"])
    groups: dict[str, list[str]] = {}
    for id, value in option["defaults"].items():
        groups.setdefault(value, []).append(id)
    usual = max(groups, key=lambda value: len(groups[value]))
    others = [f"{value} ({', '.join(ids)})" for value, ids in groups.items() if value != usual or len(ids) == 1]
    return "\n".join(([usual] if len(groups[usual]) > 1 else []) + others)


def _in_force(entry: SolverEntry) -> str:
    """The heading of the options."""
    preset = next((o.default.strip("'\"") for o in entry.options or () if o.name == "preset"), "")
    return f"options, as the preset '{preset}' has them" if entry.presets and preset else "options"


def _preset_rows(presets: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[list[str]]:
    """One row for each preset and problem; ``all`` comes first, the problem's own values win."""
    return [
        [preset, "all" if owner == "*" else owner, ", ".join(f"{name}={value}" for name, value in values.items())]
        for preset, parts in presets.items()
        for owner, values in sorted(parts.items(), key=lambda part: part[0] != "*")
        if values
    ]


def _policies(entry: SolverEntry) -> list[dict[str, Any]]:
    """The trained policies that are shipped with a solver: problem, size, preset (or hash of options), seeds."""
    from dtbench.learning.checkpoint import shipped_files, shipped_parts

    found: dict[tuple[str, ...], set[int]] = {}
    for owner in all_problems() if entry.trains else ():
        for file in () if entry.file is None else shipped_files(entry.file, owner, entry.name):
            size, settings, seed = shipped_parts(file)
            found.setdefault((owner, size, settings), set()).add(seed)
    names = ("problem", "size", "settings")
    return [dict(zip(names, key, strict=True)) | {"seeds": sorted(seeds)} for key, seeds in found.items()]


def _value(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _pairs(sizes: dict[str, int]) -> str:
    return ", ".join(f"{length} {name}" for name, length in sizes.items())


def describe(instance: Instance, known: Mapping[str, BestKnown]) -> dict[str, Any]:
    """All facts of an instance, as plain values, with its best known values by slot."""
    owner = problem(instance.problem)
    return {
        "instance": instance.name,
        "problem": owner.id,
        "title": owner.title,
        "sense": owner.sense,
        "unit": owner.unit,
        "paper": cited(owner.paper),
        "size": instance.size,
        "seed": instance.seed,
        "dimensions": instance.dims,
        "parameters": [
            {"name": n, "value": v, "unit": s.unit, "meaning": s.doc} for n, s, v in instance.params.items()
        ],
        "variables": [
            {"name": n, "dimensions": list(s.dims), "unit": s.unit, "least": float(np.min(v)),
             "greatest": float(np.max(v)), "meaning": s.doc}
            for n, s, v in instance.arrays()
        ],
        **owner.summary(instance),
        "best_known": [vars(row) for row in known.values()],
    }  # fmt: skip

"""``dtbench list`` and ``dtbench show``: what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import typer

from dtbench.cli.output import Json, ProblemsPath, SolversPath, number, print_json, print_table, stdout
from dtbench.core import Instance
from dtbench.library import instances
from dtbench.library.best_known import best_horizon, best_known_or_none
from dtbench.params import unit_in_words
from dtbench.plugins.discovery import SolverEntry, discover, find
from dtbench.problems import all_problems, problem
from dtbench.regime import Regime

What = Literal["problems", "instances", "solvers", "suites", "sweeps"]

WORDS: Mapping[Regime, str] = {
    "local": "what agents observe (local)",
    "global": "the whole slot (global)",
    "future": "the whole trace (future)",
}


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("list", epilog="Example: dtbench list instances --json")(list_)
    app.command("show", epilog="Example: dtbench show stin-deployment/paper-000; dtbench show genetic")(show)


def list_(
    what: Annotated[What, typer.Argument(help="What to list.")],
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """List problems, instances, solvers, suites or sweeps."""
    columns, rows = {
        "problems": _problems,
        "instances": _instances,
        "solvers": lambda: _solvers(solvers_path or []),
        "suites": _suites,
        "sweeps": _sweeps,
    }[what]()
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table("", columns, [[_text(item) for item in row] for row in rows])


def _text(item: Any) -> str:
    if isinstance(item, list):
        return ", ".join(item)
    if isinstance(item, float):
        return number(item)
    return "" if item is None else str(item)


def _problems() -> tuple[list[str], list[list[Any]]]:
    rows = [
        [
            p.id,
            len(instances.names(p.id)),
            p.sense,
            unit_in_words(p.unit),
            f"{p.paper.authors} ({p.paper.year})",
            p.title,
        ]
        for p in all_problems().values()
    ]  # fmt: skip
    return ["problem", "instances", "sense", "unit", "paper", "title"], rows


def _instances() -> tuple[list[str], list[list[Any]]]:
    rows = []
    for name in instances.names():
        best = best_horizon(name)
        known = [best.objective, best.gap, best.status] if best else [None, None, None]
        rows.append([name, *known])
    return ["instance", "best known", "proven gap", "status"], rows


def _solvers(paths: list[str]) -> tuple[list[str], list[list[Any]]]:
    rows = []
    for entry in discover(paths).values():
        taken = [id for id in all_problems() if entry.takes(id)] if not entry.error else []
        problems = "all" if len(taken) == len(all_problems()) else taken
        marks = ["trains"] if entry.trains else []
        rows.append([entry.name, problems, "" if entry.error else entry.sees, marks, entry.error or entry.summary])
    return ["solver", "problems", "sees", "marks", "summary"], rows


def _suites() -> tuple[list[str], list[list[Any]]]:
    from dtbench.experiments import suite

    contents = [each.content for each in suite.built_in()]
    rows: list[list[Any]] = [[c.name, f"{c.title}. {c.description}."] for c in contents]
    return ["suite", "description"], rows


def _sweeps() -> tuple[list[str], list[list[Any]]]:
    from dtbench.experiments import sweep

    rows: list[list[Any]] = []
    for each in sweep.built_in():
        points = [f"{axis.name} = {', '.join(map(str, axis.values))}" for axis in each.axes]
        rows.append([each.content.name, each.content.problem, "; ".join(points), f"{each.content.summary}."])
    return ["sweep", "problem", "over", "description"], rows


def show(
    name: Annotated[str, typer.Argument(help="An instance: name in the library, or .nc file; or a solver.")],
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Show an instance (sizes, parameters with units, best known values) or a solver (what it takes, its options)."""
    if "/" not in name and not name.endswith(".nc"):
        _show_solver(name, solvers_path or [], json)
        return
    found = instances.load(name)
    facts = describe(found)
    if json:
        print_json(facts)
        return
    stdout.print(f"{found.name}: {facts['title']} ({facts['sense']}, {unit_in_words(facts['unit'])})", markup=False)
    stdout.print(f"size {found.size}, seed {found.seed}, " + _pairs(facts["dimensions"]), markup=False)
    print_table(
        "parameters",
        ["name", "value", "unit", "meaning"],
        [[p["name"], _text(p["value"]), _unit(p["unit"]), p["meaning"]] for p in facts["parameters"]],
        right=["value"],
    )
    print_table(
        "data",
        ["name", "dimensions", "unit", "least", "greatest", "meaning"],
        [
            [v["name"], " x ".join(v["dimensions"]), _unit(v["unit"]), number(v["least"]), number(v["greatest"]),
             v["meaning"]]
            for v in facts["variables"]
        ],
        right=["least", "greatest"],
    )  # fmt: skip
    best = facts["best_known"]
    if not best:
        stdout.print("best known: none (not an instance of the library, or not certified yet)")
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
    entry = find(name, discover(paths))
    facts: dict[str, Any] = {
        "solver": entry.name,
        "file": entry.file.name if entry.file else None,
        "rules": dict(entry.rules),
        "summary": entry.summary,
        "problems": [id for id in all_problems() if entry.takes(id)],
        "deterministic": entry.deterministic,
        "sees": entry.sees,
        "trains": entry.trains,
        "presets": entry.presets,
        "policies": _policies(entry),
        "options": None if entry.options is None else [vars(option) for option in entry.options],
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
        rows = [[o.name, o.kind, o.default, _unit(o.unit), o.meaning] for o in entry.options]
        print_table("options", ["name", "type", "default", "unit", "meaning"], rows)
    presets = _preset_rows(entry.presets)
    if presets:
        print_table("presets", ["preset", "problem", "options"], presets)
    if facts["policies"]:
        rows = [[p["problem"], p["size"], p["settings"], ", ".join(map(str, p["seeds"]))] for p in facts["policies"]]
        print_table("shipped policies", ["problem", "size", "preset", "seeds"], rows)


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


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _pairs(sizes: dict[str, int]) -> str:
    return ", ".join(f"{length} {name}" for name, length in sizes.items())


def describe(instance: Instance) -> dict[str, Any]:
    """All facts of an instance, as plain values."""
    owner = problem(instance.problem)
    known = best_known_or_none(instance.problem).get(instance.name, {})
    return {
        "instance": instance.name,
        "problem": owner.id,
        "title": owner.title,
        "sense": owner.sense,
        "unit": owner.unit,
        "paper": f"{owner.paper.authors} ({owner.paper.year}). {owner.paper.title}. {owner.paper.venue}.",
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

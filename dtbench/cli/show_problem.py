"""What ``dtbench show PROBLEM`` and ``dtbench show PROBLEM/SIZE`` say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dtbench.cli.output import number, print_json, print_table, stdout
from dtbench.core import AnyProblem
from dtbench.params import unit_in_words
from dtbench.plugins.discovery import discover
from dtbench.reports.describe import describe_problem


def show_problem(owner: AnyProblem, size: str | None, solvers_path: Sequence[str], json: bool) -> None:
    """Print what there is to know of a problem, or of one of its sizes."""
    facts = describe_problem(owner, size, discover(solvers_path))
    if json:
        print_json(facts)
    else:
        _print(facts)


def unit_of(unit: str) -> str:
    """A unit in a table; empty for a pure number."""
    return "" if unit == "1" else unit


def _print(facts: Mapping[str, Any]) -> None:
    size = facts.get("size")
    sense = "less is better" if facts["sense"] == "min" else "more is better"
    stdout.print(facts["problem"] + (f", {size}" if size else "") + f": {facts['title']}", markup=False, style="bold")
    for line in (facts["paper"], "", facts["story"], ""):
        stdout.print(line, markup=False)
    what = f": {facts['objective']}" if facts["objective"] else ""
    stdout.print(f"Objective{what} ({unit_in_words(facts['unit'])}, {sense}).", markup=False)
    stdout.print(f"Decided in each slot: {facts['decides']}\n", markup=False)
    fields = [[f["name"], _shape(f), f["kind"], unit_of(f["unit"]), f["meaning"]] for f in facts["decision"]]
    print_table("decision", ["name", "shape", "type", "unit", "meaning"], fields)
    broken = [[c["name"], c["meaning"], unit_of(c["unit"]), c["equation"]] for c in facts["constraints"]]
    print_table(
        "constraints: how far a decision breaks each is measured as", ["name", "measures", "unit", "paper"], broken
    )
    rows = [
        [
            s["size"], ", ".join(f"{n} {dim}" for dim, n in s["dimensions"].items() if dim != "xy"),
            "yes" if s["coupled"] else "no", s["instances"], s["proven"], f"{s['target_gap']:.0e}",
        ]
        for s in facts["sizes"]
    ]  # fmt: skip
    print_table("sizes", ["size", "lengths", "slots coupled", "instances", "proven optimal", "target gap"], rows,
                right=["instances", "proven optimal", "target gap"])  # fmt: skip
    if size:
        _parameters(facts["parameters"])
    rules = [[name, line + (" (strong)" if name in facts["strong"] else "")] for name, line in facts["rules"].items()]
    print_table("rules to beat", ["solver", "what it does"], rules)
    if facts["strong"]:
        stdout.print(f"strong baselines: {', '.join(facts['strong'])}", markup=False)
    stdout.print(f"other solvers: {', '.join(facts['solvers'])}", markup=False)
    stdout.print(f"exact methods: {', '.join(facts['exact_methods'])}", markup=False)
    if facts["horizon_methods"]:
        stdout.print(f"exact methods for horizons: {', '.join(facts['horizon_methods'])}", markup=False)
    name = facts["problem"]
    more = f"{name}/{size}" if size else name
    stdout.print(f"\nMore: dtbench list instances {more}; dtbench list solvers {name}", markup=False)


def _shape(field: Mapping[str, Any]) -> str:
    """``user`` or ``user = 20``; ``one number`` without dimensions."""
    lengths = field["shape"] or [None] * len(field["dimensions"])
    parts = [dim if n is None else f"{dim} = {n}" for dim, n in zip(field["dimensions"], lengths, strict=True)]
    return " x ".join(parts) or "one number"


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [p["name"], number(p["value"]) if isinstance(p["value"], float) else p["value"], unit_of(p["unit"]),
         p["meaning"]]
        for p in parameters
    ]  # fmt: skip
    print_table("parameters", ["name", "value", "unit", "meaning"], rows, right=["value"])

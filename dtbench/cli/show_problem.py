"""What ``dtbench show PROBLEM`` and ``dtbench show PROBLEM/SIZE`` say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dtbench.about import Constraint
from dtbench.arrays import specs
from dtbench.cli.output import number, print_json, print_table, stdout
from dtbench.core import AnyProblem
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_known_or_none
from dtbench.params import unit_in_words
from dtbench.plugins.discovery import SolverEntry, discover


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


def describe_problem(owner: AnyProblem, size: str | None, solvers: Mapping[str, SolverEntry]) -> dict[str, Any]:
    """All facts of a problem, as plain values; with a size, also lengths of arrays and the parameters."""
    about = owner.about
    known = best_known_or_none(owner.id)
    taking = [each for each in solvers.values() if not each.error and each.takes(owner.id)]
    lengths = {each: dict(owner.dimensions(params)) for each, params in owner.sizes.items()}
    dims = lengths[size] if size is not None else {}
    facts: dict[str, Any] = {
        "problem": owner.id,
        "title": owner.title,
        "paper": f"{owner.paper.authors} ({owner.paper.year}). {owner.paper.title}. {owner.paper.venue}.",
        "story": about.story if about else (type(owner).__doc__ or "").split("\n\n")[0],
        "sense": owner.sense,
        "unit": owner.unit,
        "objective": about.objective if about else "",
        "decides": (owner.Decision.__doc__ or "").split("\n")[0],
        "decision": [
            {
                "name": name,
                "dimensions": list(spec.dims),
                "shape": [dims.get(dim) for dim in spec.dims] if dims else None,
                "kind": spec.kind,
                "unit": spec.unit,
                "meaning": spec.doc,
            }
            for name, spec in specs(owner.Decision).items()
        ],
        "constraints": [
            {"name": name, "unit": each.unit, "equation": each.equation, "meaning": each.meaning}
            for name, each in constraints(owner).items()
        ],
        "sizes": [
            {
                "size": each,
                "dimensions": lengths[each],
                "coupled": owner.coupled(params),
                "instances": len(instances.names(owner.id, each)),
                "proven": sum(_proven(known.get(name, {})) for name in instances.names(owner.id, each)),
                "target_gap": owner.exactness.target_gap_of(each),
            }
            for each, params in owner.sizes.items()
            if size in (None, each)
        ],
        "exact_methods": list(owner.exactness.methods),
        "horizon_methods": list(owner.exactness.horizon_methods),
        "strong": list(about.strong) if about else [],
        "rules": {each.name: each.rules[owner.id] for each in taking if owner.id in each.rules},
        "solvers": [each.name for each in taking if owner.id not in each.rules],
    }
    if size is not None:
        facts["size"] = size
        facts["parameters"] = [
            {"name": n, "value": v, "unit": s.unit, "meaning": s.doc} for n, s, v in owner.sizes[size].items()
        ]
    return facts


def constraints(owner: AnyProblem) -> dict[str, Constraint]:
    """The violations that the referee measures, by name; without words where the problem has none."""
    if owner.about is not None:
        return dict(owner.about.constraints)
    instance = owner.generate(next(iter(owner.sizes)), 0)
    slot = owner.slot(instance, 0, owner.start(instance))
    decision = owner.random_decision(instance, slot, np.random.default_rng(0))
    return {name: Constraint("") for name in owner.evaluate(slot, decision).violations}


def _proven(rows: Mapping[str, Any]) -> bool:
    """Whether the best known value of an instance is proven to be optimal."""
    return HORIZON in rows and rows[HORIZON].status == "optimal"


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

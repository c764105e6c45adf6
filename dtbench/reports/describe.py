"""What there is to know of a problem, as plain values: for ``dtbench show`` and the pages of ``dtbench publish``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dtbench.about import Constraint
from dtbench.arrays import specs
from dtbench.core import AnyProblem, Paper
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_known_or_none
from dtbench.plugins.discovery import SolverEntry


def cited(paper: Paper) -> str:
    """Authors, year, title and, where it is known, venue.

    >>> cited(Paper("Li, Han", "A title", "", 2025))
    'Li, Han (2025). A title.'
    """
    return f"{paper.authors} ({paper.year}). {paper.title}." + (f" {paper.venue}." if paper.venue else "")


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
        "paper": cited(owner.paper),
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

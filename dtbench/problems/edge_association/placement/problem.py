"""``edge-placement`` as one object: ties the paper's model, its agents and its exact methods together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Certificate, Exactness, LibraryFacts, Limits, Outcome, Paper, Problem
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.problems.edge_association.placement import (
    agents,
    generator,
    heuristics,
    hybrid,
    model,
    opened,
    printed,
)
from dtbench.problems.edge_association.placement.card import ABOUT
from dtbench.problems.edge_association.placement.instance import SIZES, PlacementInstance
from dtbench.problems.edge_association.placement.local_search import local_search
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, PlacementState
from dtbench.problems.edge_association.placement.repair import repair


class EdgePlacement(Problem[PlacementInstance, PlacementState, PlacementSlot, PlacementDecision]):
    """Which base stations become twin servers, and which server hosts each user's digital twin."""

    id = "edge-placement"
    title = "Placement of digital twins on base stations"
    sense = "min"
    unit = "cost"
    paper = Paper(
        authors="Lu, Maharjan, Zhang",
        title="Adaptive Edge Association for Wireless Digital Twin Networks in 6G",
        venue="IEEE Internet of Things Journal",
        year=2021,
    )
    about = ABOUT
    sizes = SIZES
    exactness = Exactness(
        methods=("strong", "cpsat", "reference"), start_methods=("strong", "cpsat"), target_gap=1e-6,
        target_gaps={"large": 1e-4},
    )  # fmt: skip
    library = LibraryFacts(bracket_sizes=("city",))
    heuristics: ClassVar = {
        "nearest": heuristics.nearest,
        "greedy": heuristics.greedy,
        "greedy-add": heuristics.greedy_add,
        "local-search": local_search,
    }
    search_settings: ClassVar = {"crossover": 0.8, "mutation": 0.32, "relabel": 0.04}

    Instance = PlacementInstance
    Slot = PlacementSlot
    Decision = PlacementDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> PlacementInstance:
        params = self.params(size, overrides)
        return generator.draw(params, np.random.default_rng([seed, 1]), (), size=size, seed=seed)

    def dimensions(self, params: Any) -> Mapping[str, int]:
        return {"user": params.n_users, "bs": params.n_bs, "time": params.horizon, "xy": 2}

    def resample(
        self, instance: PlacementInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> PlacementInstance:
        return generator.fresh(instance, rng, batch)

    def start(self, instance: PlacementInstance) -> PlacementState:
        lead, dims = instance.batch_shape, instance.dims
        return PlacementState(
            prev_open=np.zeros((*lead, dims["bs"]), dtype=bool), prev_assoc=np.full((*lead, dims["user"]), -1)
        )

    def evaluate(self, slot: PlacementSlot, decision: PlacementDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: PlacementSlot, decision: PlacementDecision) -> PlacementDecision:
        return repair(slot, decision)

    def advance(self, slot: PlacementSlot, decision: PlacementDecision) -> PlacementState:
        return model.advance(slot, decision)

    def encodings(self, instance: PlacementInstance) -> Mapping[str, Encoding]:
        p = instance.params
        users, stations = p.n_users, p.n_bs
        return {
            **agents.encodings(instance),
            "hybrid": hybrid.encoding(users, stations),
            "printed": printed.encoding(users, stations),
            "opened": opened.encoding(p),
        }

    def observe(self, slot: PlacementSlot) -> Observation:
        return agents.observe(slot)

    def observation_bounds(self, instance: PlacementInstance) -> Mapping[str, Bounds]:
        return agents.bounds(instance)

    def reward(self, slot: PlacementSlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def picture(self, slot: PlacementSlot, decision: PlacementDecision | None) -> Any:
        from dtbench.problems.edge_association.placement import picture

        return picture.of(slot, decision)

    def exact(self, slot: PlacementSlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from dtbench.problems.edge_association.placement import exact

        return exact.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])

    def exact_from(
        self, start: PlacementDecision, slot: PlacementSlot, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        from dtbench.problems.edge_association.placement import exact

        method = method or self.exactness.methods[0]
        if method not in self.exactness.start_methods:
            return super().exact_from(start, slot, limits, method)
        return exact.solve(self, slot, limits or Limits(), method, start)

    def reference_model(self, slot: PlacementSlot) -> Any:
        from dtbench.problems.edge_association.placement import reference

        return reference.build(slot)

    def form(self, slot: PlacementSlot, formulation: str, limits: Limits | None = None) -> Any:
        from dtbench.problems.edge_association.placement import forms

        return forms.slot_form(self, slot, formulation, limits)

"""``satellite-offloading`` as one object: ties the paper's model, its agent and its exact methods together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Certificate, Exactness, LibraryFacts, Limits, Outcome, Paper, Problem
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.problems.satellite_offloading import agents, generator, heuristics, model
from dtbench.problems.satellite_offloading.allocation import min_delay
from dtbench.problems.satellite_offloading.card import ABOUT
from dtbench.problems.satellite_offloading.instance import SIZES, OffloadingInstance
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, OffloadingState
from dtbench.problems.satellite_offloading.repair import repair


class SatelliteOffloading(Problem[OffloadingInstance, OffloadingState, OffloadingSlot, OffloadingDecision]):
    """Which satellite trains each UAV's twin, over how many channels its data go there, and at which CPU share."""

    id = "satellite-offloading"
    title = "Offloading of UAV data to satellites that train twins"
    sense = "min"
    unit = "cost"
    paper = Paper(
        authors="Li, Han",
        title="Digital Twin-Assisted Satellite-Ground Cooperative Edge Network Resource Optimization Method",
        venue="",
        year=2025,
    )
    seed_params = {"geometry_seed": "network"}  # noqa: RUF012
    about = ABOUT
    sizes = SIZES
    exactness = Exactness(
        methods=("strong", "enumeration", "reference"), start_methods=("strong",), target_gap=1e-4,
        target_gaps={"large": 1e-3},
    )  # fmt: skip
    library = LibraryFacts(bracket_sizes=("city",))
    heuristics: ClassVar = {
        "greedy": heuristics.greedy,
        "min-delay": min_delay,
        "lpt-convex": heuristics.lpt_convex,
        "local-search": heuristics.local_search,
    }
    search_settings: ClassVar = {"population": 60, "generations": 100, "crossover": 0.8, "mutation": 2.0}

    Instance = OffloadingInstance
    Slot = OffloadingSlot
    Decision = OffloadingDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> OffloadingInstance:
        return generator.draw(self.params(size, overrides), seed, size)

    def dimensions(self, params: Any) -> Mapping[str, int]:
        return {"uav": params.n_uav, "sat": params.n_sat, "time": params.horizon}

    def resample(
        self, instance: OffloadingInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> OffloadingInstance:
        return generator.fresh(instance, rng, batch)

    def start(self, instance: OffloadingInstance) -> OffloadingState:
        return OffloadingState()

    def evaluate(self, slot: OffloadingSlot, decision: OffloadingDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingDecision:
        return repair(slot, decision)

    def advance(self, slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingState:
        return model.advance(slot, decision)

    def encodings(self, instance: OffloadingInstance) -> Mapping[str, Encoding]:
        return agents.encodings(instance)

    def observe(self, slot: OffloadingSlot) -> Observation:
        return agents.observe(slot)

    def observation_bounds(self, instance: OffloadingInstance) -> Mapping[str, Bounds]:
        return agents.bounds(instance)

    def reward(self, slot: OffloadingSlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def random_decision(
        self, instance: OffloadingInstance, slot: OffloadingSlot, rng: np.random.Generator
    ) -> OffloadingDecision:
        return heuristics.random_decision(slot, rng)

    def picture(self, slot: OffloadingSlot, decision: OffloadingDecision | None) -> Any:
        from dtbench.problems.satellite_offloading import picture

        return picture.of(slot, decision)

    def exact(self, slot: OffloadingSlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from dtbench.problems.satellite_offloading import exact

        return exact.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])

    def exact_from(
        self, start: OffloadingDecision, slot: OffloadingSlot, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        from dtbench.problems.satellite_offloading import exact

        method = method or self.exactness.methods[0]
        if method not in self.exactness.start_methods:
            return super().exact_from(start, slot, limits, method)
        return exact.solve(self, slot, limits or Limits(), method, start)

    def reference_model(self, slot: OffloadingSlot) -> Any:
        from dtbench.problems.satellite_offloading import reference

        return reference.build(slot)

    def form(self, slot: OffloadingSlot, formulation: str, limits: Limits | None = None) -> Any:
        from dtbench.problems.satellite_offloading import forms

        return forms.slot_form(self, slot, formulation, limits)

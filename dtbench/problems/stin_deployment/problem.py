"""``stin-deployment`` as one object: ties the paper's model, its agents and its exact methods together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray
from dtbench.core import Certificate, Exactness, LibraryFacts, Limits, Outcome, Paper, Problem
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.problems.stin_deployment import agents, heuristics, model
from dtbench.problems.stin_deployment.card import ABOUT
from dtbench.problems.stin_deployment.generator import draw, fresh
from dtbench.problems.stin_deployment.instance import SIZES, StinInstance
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, StinState
from dtbench.problems.stin_deployment.repair import repair


class StinDeployment(Problem[StinInstance, StinState, StinSlot, StinDecision]):
    """Where each user's digital twin is built: own device, end-side device or cloud via satellite."""

    id = "stin-deployment"
    title = "Digital-twin deployment in a satellite-terrestrial network"
    sense = "min"
    unit = "s"
    paper = Paper(
        authors="Tao, Lei, Shi, Chen, Zhang",
        title="Adaptive multi-layer deployment for a digital-twin-empowered satellite-terrestrial integrated network",
        venue="Frontiers of Information Technology & Electronic Engineering",
        year=2025,
    )
    about = ABOUT
    sizes = SIZES
    exactness = Exactness(
        methods=("strong", "enumeration", "cpsat", "reference"), start_methods=("strong", "enumeration", "cpsat"),
        target_gap=1e-7,
    )  # fmt: skip
    library = LibraryFacts(bracket_sizes=("city",))
    heuristics: ClassVar = {
        "local": heuristics.local,
        "cloud": heuristics.cloud,
        "nearest": heuristics.nearest,
        "greedy": heuristics.greedy,
        "greedy-marginal": heuristics.greedy_marginal,
        "local-search": heuristics.local_search,
    }

    Instance = StinInstance
    Slot = StinSlot
    Decision = StinDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> StinInstance:
        params = self.params(size, overrides)
        return draw(params, np.random.default_rng(seed), (), size=size, seed=seed)

    def dimensions(self, params: Any) -> Mapping[str, int]:
        return {"user": params.n_users, "end_device": params.n_end, "time": params.horizon, "xy": 2}

    def resample(self, instance: StinInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> StinInstance:
        return fresh(instance, rng, batch)

    def start(self, instance: StinInstance) -> StinState:
        lead, dims = instance.batch_shape, instance.dims
        return StinState(
            prev_node=np.zeros((*lead, dims["user"]), dtype=np.int64),
            prev_count=np.zeros((*lead, dims["end_device"] + 2), dtype=np.int64),
        )

    def evaluate(self, slot: StinSlot, decision: StinDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: StinSlot, decision: StinDecision) -> StinDecision:
        return repair(slot, decision)

    def advance(self, slot: StinSlot, decision: StinDecision) -> StinState:
        return model.advance(slot, decision)

    def encodings(self, instance: StinInstance) -> Mapping[str, Encoding]:
        return agents.encodings(instance)

    def observe(self, slot: StinSlot) -> Observation:
        return agents.observe(slot)

    def observation_bounds(self, instance: StinInstance) -> Mapping[str, Bounds]:
        return agents.bounds(instance)

    def reward(self, slot: StinSlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def next_mask(self, slot: StinSlot, x: npt.NDArray[Any], agent: int) -> BoolArray | None:
        return agents.next_mask(slot, x, agent)

    def picture(self, slot: StinSlot, decision: StinDecision | None) -> Any:
        from dtbench.problems.stin_deployment import picture

        return picture.of(slot, decision)

    def exact(self, slot: StinSlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from dtbench.problems.stin_deployment import exact

        return exact.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])

    def exact_from(
        self, start: StinDecision, slot: StinSlot, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        from dtbench.problems.stin_deployment import exact

        method = method or self.exactness.methods[0]
        if method not in self.exactness.start_methods:
            return super().exact_from(start, slot, limits, method)
        return exact.solve(self, slot, limits or Limits(), method, start)

    def reference_model(self, slot: StinSlot) -> Any:
        from dtbench.problems.stin_deployment import reference

        return reference.build(slot)

    def form(self, slot: StinSlot, formulation: str, limits: Limits | None = None) -> Any:
        from dtbench.problems.stin_deployment import forms

        return forms.slot_form(slot, formulation, limits)

"""``dnt-spectrum`` as one object: ties the paper's model, its agents and its exact methods together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Certificate, Exactness, LibraryFacts, Limits, Outcome, Paper, Problem
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.prediction import PredictorTraining
from dtbench.problems.dnt_spectrum import agents, generator, heuristics, joint, local_search, marginal, model
from dtbench.problems.dnt_spectrum.card import ABOUT
from dtbench.problems.dnt_spectrum.instance import SIZES, DntInstance, DntParams
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, DntState
from dtbench.problems.dnt_spectrum.predictor import predict
from dtbench.problems.dnt_spectrum.repair import repair


class DntSpectrum(Problem[DntInstance, DntState, DntSlot, DntDecision]):
    """Resource blocks for users and for the uploads that keep a digital network twin true."""

    id = "dnt-spectrum"
    title = "Wireless resource blocks shared between users and synchronisation of a digital network twin"
    sense = "max"
    unit = "1"
    paper = Paper(
        authors="Yu, Liu, Yang, Sun, Chen",
        title="Optimizing wireless resource management and synchronization in digital twin networks",
        venue="arXiv",
        year=2025,
    )
    about = ABOUT
    sizes = SIZES
    seed_params = {"world": "network", "walk": "trace"}  # noqa: RUF012
    exactness = Exactness(
        methods=("active-sets", "patterns", "cpsat", "reference"), horizon_methods=("horizon", "whole"),
        target_gap=1e-9,
    )  # fmt: skip
    library = LibraryFacts(bracket_sizes=("city",))
    heuristics: ClassVar = {
        "greedy": heuristics.greedy,
        "greedy-marginal": marginal.greedy_marginal,
        "local-search": local_search.local_search,
    }
    search_settings: ClassVar = {
        "population": 60, "generations": 100, "tournament": 3, "crossover": 0.8, "mutation": 1.5, "elitism": 1,
    }  # fmt: skip

    Instance = DntInstance
    Slot = DntSlot
    Decision = DntDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> DntInstance:
        return generator.draw(self.params(size, overrides), seed, size)

    def coupled(self, params: DntParams) -> bool:
        """Twins grow stale from slot to slot until an upload."""
        return True

    def dimensions(self, params: DntParams) -> Mapping[str, int]:
        p = params
        sizes = {"time": p.horizon, "user": p.n_users, "station": p.n_bs, "lag": p.history}
        return sizes | {"xy": 2, "move": len(generator.MOVES)}

    def resample(self, instance: DntInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> DntInstance:
        return generator.fresh(instance, rng, batch)

    def start(self, instance: DntInstance) -> DntState:
        lead, stations = instance.warm.shape[:-3], instance.params.n_bs
        return DntState(
            history=instance.warm,
            estimate=predict(instance.params, instance.warm, instance.drift),
            age=np.zeros((*lead, stations), dtype=np.int64),
            elapsed=np.zeros(lead, dtype=np.int64),
        )

    def evaluate(self, slot: DntSlot, decision: DntDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: DntSlot, decision: DntDecision) -> DntDecision:
        return repair(slot, decision)

    def advance(self, slot: DntSlot, decision: DntDecision) -> DntState:
        return model.advance(slot, decision)

    def encodings(self, instance: DntInstance) -> Mapping[str, Encoding]:
        known = agents.encodings(instance)
        if instance.params.n_users > joint.MOST_USERS:
            return known
        return {**known, "joint": joint.encoding(known["agents"].groups[0], agents.bounds(instance))}

    def observe(self, slot: DntSlot) -> Observation:
        return agents.observe(slot)

    def observation_bounds(self, instance: DntInstance) -> Mapping[str, Bounds]:
        return agents.bounds(instance)

    def reward(self, slot: DntSlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def agent_rewards(self, slot: DntSlot, outcome: Outcome, n_agents: int) -> Array:
        if n_agents != slot.n_bs:  # of the encoding for search, whose agents are not the base stations
            return super().agent_rewards(slot, outcome, n_agents)
        return agents.agent_rewards(slot, outcome)

    def picture(self, slot: DntSlot, decision: DntDecision | None) -> Any:
        from dtbench.problems.dnt_spectrum import picture

        return picture.of(slot, decision)

    def exact(self, slot: DntSlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from dtbench.problems.dnt_spectrum import clusters, exact

        if slot.n_bs > model.MANY:
            return clusters.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])
        return exact.solve(self, slot, limits or Limits(), method)

    def exact_horizon(
        self, instance: DntInstance, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        from dtbench.problems.dnt_spectrum import horizon, whole

        solve = whole.solve if self.horizon_method(method) == "whole" else horizon.solve
        return solve(self, instance, limits or Limits())

    def reference_model(self, slot: DntSlot) -> Any:
        from dtbench.problems.dnt_spectrum import reference

        return reference.build(slot)

    def form(self, slot: DntSlot, formulation: str, limits: Limits | None = None) -> Any:
        from dtbench.problems.dnt_spectrum import forms

        return forms.slot_form(slot, formulation, limits)

    def horizon_form(self, instance: DntInstance, limits: Limits | None = None) -> Any:
        from dtbench.problems.dnt_spectrum import forms

        return forms.horizon_form(self, instance, limits)

    def predictor_training(self) -> PredictorTraining:
        from dtbench.problems.dnt_spectrum.predictor_training import GruTraining

        return GruTraining()

    def summary(self, instance: DntInstance) -> Mapping[str, Any]:
        """World, and how many users see more than one base station."""
        covers = instance.cover.sum(axis=-1)
        return {"world": instance.params.world, "share of users in two discs": float((covers > 1).mean())}

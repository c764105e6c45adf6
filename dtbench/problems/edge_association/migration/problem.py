"""``edge-migration`` as one object: ties the paper's model, its agents and its exact methods together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Certificate, Exactness, LibraryFacts, Limits, Outcome, Paper, Problem
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.problems.edge_association.migration import agents, generator, heuristics, model
from dtbench.problems.edge_association.migration.card import ABOUT
from dtbench.problems.edge_association.migration.instance import SIZES, MigrationInstance, MigrationParams
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot, MigrationState
from dtbench.problems.edge_association.migration.repair import repair


class EdgeMigration(Problem[MigrationInstance, MigrationState, MigrationSlot, MigrationDecision]):
    """Where each user's twin moves as users move."""

    id = "edge-migration"
    title = "Migration of digital twins between edge servers as their users move"
    sense = "max"
    unit = "1"
    paper = Paper(
        authors="Lu, Maharjan, Zhang",
        title="Adaptive edge association for wireless digital twin networks in 6G",
        venue="IEEE Internet of Things Journal",
        year=2021,
    )
    about = ABOUT
    sizes = SIZES
    exactness = Exactness(
        methods=("assignment", "mip", "reference"), horizon_methods=("paths", "arcs"), target_gap=1e-5
    )
    library = LibraryFacts(bracket_sizes=("city",))
    heuristics: ClassVar = {
        "stay": heuristics.stay,
        "nearest": heuristics.nearest,
        "greedy": heuristics.greedy,
        "greedy-printed": heuristics.greedy_printed,
        "greedy-nocost": heuristics.greedy_nocost,
        "myopic-opt": heuristics.myopic_opt,
        "myopic-nocost": heuristics.myopic_nocost,
        "amortised": heuristics.amortised,
    }
    search_settings: ClassVar = {
        "population": 60, "generations": 60, "crossover": 0.8, "mutation": 0.4, "start": "stay,nearest",
    }  # fmt: skip

    Instance = MigrationInstance
    Slot = MigrationSlot
    Decision = MigrationDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> MigrationInstance:
        instance = generator.draw(self.params(size, overrides), seed, size)
        scale = abs(heuristics.play(self, instance, heuristics.stay)[1].mean)
        return dataclasses.replace(instance, u_ref=np.asarray(max(scale, 1e-9)))

    def coupled(self, params: MigrationParams) -> bool:
        """Twins move from the servers of the slot before."""
        return True

    def dimensions(self, params: MigrationParams) -> Mapping[str, int]:
        p = params
        return {"time": p.horizon, "user": p.n_users, "bs": p.n_bs, "server": p.n_servers, "xy": 2}

    def resample(
        self, instance: MigrationInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> MigrationInstance:
        return generator.fresh(instance, rng, batch)

    def start(self, instance: MigrationInstance) -> MigrationState:
        return MigrationState(prev=instance.assoc0, prev_xy=instance.user_xy[..., 0, :, :])

    def evaluate(self, slot: MigrationSlot, decision: MigrationDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: MigrationSlot, decision: MigrationDecision) -> MigrationDecision:
        return repair(slot, decision)

    def advance(self, slot: MigrationSlot, decision: MigrationDecision) -> MigrationState:
        return model.advance(slot, decision)

    def encodings(self, instance: MigrationInstance) -> Mapping[str, Encoding]:
        return agents.encodings(instance)

    def observe(self, slot: MigrationSlot) -> Observation:
        return agents.observe(slot)

    def observation_bounds(self, instance: MigrationInstance) -> Mapping[str, Bounds]:
        return agents.bounds(instance)

    def reward(self, slot: MigrationSlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def picture(self, slot: MigrationSlot, decision: MigrationDecision | None) -> Any:
        from dtbench.problems.edge_association.migration import picture

        return picture.of(slot, decision)

    def exact(self, slot: MigrationSlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from dtbench.problems.edge_association.migration import exact

        return exact.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])

    def exact_horizon(
        self, instance: MigrationInstance, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        from dtbench.problems.edge_association.migration import arcs, horizon

        solve = arcs.solve if self.horizon_method(method) == "arcs" else horizon.solve
        return solve(self, instance, limits or Limits())

    def reference_model(self, slot: MigrationSlot) -> Any:
        from dtbench.problems.edge_association.migration import reference

        return reference.build(slot)

    def form(self, slot: MigrationSlot, formulation: str, limits: Limits | None = None) -> Any:
        from dtbench.problems.edge_association.migration import forms

        return forms.slot_form(slot, formulation, limits)

    def horizon_form(self, instance: MigrationInstance, limits: Limits | None = None) -> Any:
        from dtbench.problems.edge_association.migration import forms

        return forms.horizon_form(self, instance, limits)

"""The problem as one object: ties the files together. `dtbench.Problem` says what must be here, and what may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Certificate, Exactness, Limits, Outcome, Paper, Problem
from dtbench.encoding import Encoding, Observation
from dtbench.picture import Picture

from . import agents, generator, heuristics, model, repair
from .card import ABOUT
from .instance import SIZES, ToyInstance
from .model import ToyDecision, ToySlot, ToyState


class ToyProblem(Problem[ToyInstance, ToyState, ToySlot, ToyDecision]):
    """Which server serves which user: least delay, and no server with more users than it takes."""

    id = "toy-problem"
    title = "Assignment of users to edge servers"
    sense = "min"
    unit = "s"
    paper = Paper(authors="Your Name", title="Your paper", venue="Your journal", year=2026)
    about = ABOUT
    sizes = SIZES
    exactness = Exactness(methods=("strong", "reference"), target_gap=1e-6)
    heuristics: ClassVar = {"greedy": heuristics.greedy}

    Instance = ToyInstance
    Slot = ToySlot
    Decision = ToyDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> ToyInstance:
        return generator.draw(self.params(size, overrides), np.random.default_rng(seed), size=size, seed=seed)

    def dimensions(self, params: Any) -> Mapping[str, int]:
        return {"user": params.n_users, "server": params.n_servers, "time": params.horizon}

    def resample(self, instance: ToyInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> ToyInstance:
        return generator.fresh(instance, rng, batch)

    def start(self, instance: ToyInstance) -> ToyState:
        return ToyState()

    def evaluate(self, slot: ToySlot, decision: ToyDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: ToySlot, decision: ToyDecision) -> ToyDecision:
        return repair.repair(slot, decision)

    def advance(self, slot: ToySlot, decision: ToyDecision) -> ToyState:
        return ToyState()

    def encodings(self, instance: ToyInstance) -> Mapping[str, Encoding]:
        return agents.encodings(instance)

    def observe(self, slot: ToySlot) -> Observation:
        return agents.observe(slot)

    def reward(self, slot: ToySlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def picture(self, slot: ToySlot, decision: ToyDecision | None) -> Picture:
        from . import picture

        return picture.of(slot, decision)

    def exact(self, slot: ToySlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from . import exact

        return exact.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])

    def reference_model(self, slot: ToySlot) -> Any:
        from . import reference

        return reference.build(slot)

    def form(self, slot: ToySlot, formulation: str, limits: Limits | None = None) -> Any:
        from . import forms

        return forms.slot_form(slot, formulation)

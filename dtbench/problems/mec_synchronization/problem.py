"""``mec-synchronization`` as one object: ties the paper's model, its agents and its exact methods together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, ArraySpec, BoolArray, at, specs
from dtbench.core import Certificate, Exactness, LibraryFacts, Limits, Outcome, Paper, Problem
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.problems.mec_synchronization import agents, generator, heuristics, model
from dtbench.problems.mec_synchronization.card import ABOUT
from dtbench.problems.mec_synchronization.instance import SIZES, MecInstance, MecParams
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, MecState
from dtbench.problems.mec_synchronization.repair import repair

OF_FRAME = {"y_ref", "host_ref"}


class MecSynchronization(Problem[MecInstance, MecState, MecSlot, MecDecision]):
    """Where twins live in each frame, and who sends, over wires and on processors, in each slot."""

    id = "mec-synchronization"
    title = "Synchronisation and migration of the twins of mobile users on two timescales"
    sense = "min"
    unit = "1"
    paper = Paper(
        authors="Liu, Fu, Guo, Wang, Sun, Zhang",
        title="Two-timescale synchronization and migration for digital twin networks: a multi-agent deep reinforcement "
        "learning approach",
        venue="arXiv preprint",
        year=2025,
    )
    about = ABOUT
    sizes = SIZES
    exactness = Exactness(
        methods=("search", "cuts", "enumeration"), horizon_methods=("closed",), bracket_methods=("levels", "reference"),
        start_methods=("search",), target_gap=1e-4,
    )  # fmt: skip
    library = LibraryFacts(counts={"paper": 5, "large": 2}, bracket_sizes=("large", "city"))
    trace_axes = ("time", "frame")
    heuristics: ClassVar = {
        "silent": heuristics.silent,
        "full": heuristics.full,
        "greedy": heuristics.greedy,
        "nearest": heuristics.nearest,
        "local-search": heuristics.local_search,
        "all-in": heuristics.all_in,
    }
    search_settings: ClassVar = {"population": 60, "generations": 60, "mutation": 3.0, "renewal": 0.5}

    Instance = MecInstance
    Slot = MecSlot
    Decision = MecDecision

    def generate(self, size: str, seed: int, **overrides: Any) -> MecInstance:
        return generator.draw(self.params(size, overrides), seed, size)

    def coupled(self, params: MecParams) -> bool:
        """Only the closed protocol carries queues and hosts from slot to slot."""
        return params.closed

    def dimensions(self, params: MecParams) -> Mapping[str, int]:
        p = params
        return {"time": p.horizon, "frame": p.n_frames, "user": p.n_users, "bs": p.n_bs, "xy": 2}

    def resample(self, instance: MecInstance, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> MecInstance:
        return generator.fresh(instance, rng, batch)

    def start(self, instance: MecInstance) -> MecState:
        """Queues and hosts of the first frame's reference; queues 0 with ``y0 = zero`` in the closed protocol."""
        queue, host = instance.y_ref[..., 0, :], instance.host_ref[..., 0, :]
        if instance.params.closed and instance.params.y0 == "zero":
            queue = np.zeros_like(queue)
        return MecState(queue=queue, queue_frame=queue, host=host, moving=np.zeros_like(host))

    def slot(self, instance: MecInstance, t: npt.ArrayLike, state: MecState) -> MecSlot:
        """Slot ``t``: the reference protocol takes queues and hosts from the frame, the closed one from the state.

        Order at the start of a frame: the queue is frozen; hosts are decided in the slot; then the slot.
        """
        p, batch, t = instance.params, instance.batch_shape, np.asarray(t)
        frame, begins = t // p.frame_slots, t % p.frame_slots == 0
        wanted = specs(MecSlot)
        data = {n: at(v, s, t, batch) for n, s, v in instance.arrays() if n in wanted}
        if p.closed:
            queue, host, moving = state.queue, state.host, state.moving
            queue_frame = np.where(begins[..., None], queue, state.queue_frame)
        else:
            queue, host = (
                at(v, ArraySpec(("time", "user"), s.unit, s.doc, s.kind), frame, batch)
                for n, s, v in instance.arrays()
                if n in OF_FRAME
            )
            queue_frame, moving = queue, np.zeros_like(host)
        phase = (t % p.frame_slots) / p.frame_slots
        return MecSlot(
            params=p, **data, queue=queue, queue_frame=queue_frame, host=host, moving=moving,
            frame_start=np.asarray(begins), phase=np.asarray(phase),
        )  # fmt: skip

    def evaluate(self, slot: MecSlot, decision: MecDecision) -> Outcome:
        return model.evaluate(slot, decision)

    def repair(self, slot: MecSlot, decision: MecDecision) -> MecDecision:
        return repair(slot, decision)

    def advance(self, slot: MecSlot, decision: MecDecision) -> MecState:
        return model.advance(slot, decision)

    def encodings(self, instance: MecInstance) -> Mapping[str, Encoding]:
        return agents.encodings(instance)

    def observe(self, slot: MecSlot) -> Observation:
        return agents.observe(slot)

    def observation_bounds(self, instance: MecInstance) -> Mapping[str, Bounds]:
        return agents.bounds(instance)

    def reward(self, slot: MecSlot, outcome: Outcome) -> Array:
        return agents.reward(slot, outcome)

    def agent_rewards(self, slot: MecSlot, outcome: Outcome, n_agents: int) -> Array:
        """As an environment pays them, but the control centre for the hosts in force."""
        rewards = np.repeat(self.reward(slot, outcome)[..., None], n_agents, axis=-1)
        if slot.params.closed:
            rewards[..., -1] = agents.centre_reward(slot, outcome.metrics["host"])
        return rewards

    def effective(self, slot: MecSlot) -> Mapping[str, BoolArray]:
        return agents.effective(slot)

    def random_decision(self, instance: MecInstance, slot: MecSlot, rng: np.random.Generator) -> MecDecision:
        """Powers, wires and processors uniform in their ranges for everybody, hosts too, repaired."""
        encoding = self.encodings(instance)["direct"]
        decision: MecDecision = encoding.decode(slot, encoding.sample(rng, slot.batch_shape))
        return decision

    def picture(self, slot: MecSlot, decision: MecDecision | None) -> Any:
        from dtbench.problems.mec_synchronization import picture

        return picture.of(slot, decision)

    def exact(self, slot: MecSlot, limits: Limits | None = None, method: str | None = None) -> Certificate:
        from dtbench.problems.mec_synchronization import exact

        return exact.solve(self, slot, limits or Limits(), method or self.exactness.methods[0])

    def exact_from(
        self, start: MecDecision, slot: MecSlot, limits: Limits | None = None, method: str | None = None
    ) -> Certificate:
        from dtbench.problems.mec_synchronization import exact

        method = method or self.exactness.methods[0]
        if method not in self.exactness.start_methods:
            return super().exact_from(start, slot, limits, method)
        return exact.solve(self, slot, limits or Limits(), method, start)

    def exact_horizon(
        self, instance: MecInstance, limits: Limits | None = None, method: str | None = None
    ) -> Certificate | None:
        from dtbench.problems.mec_synchronization import horizon

        self.horizon_method(method)
        if not self.coupled(instance.params):
            return None
        return horizon.solve(self, instance, limits or Limits())

    def reference_model(self, slot: MecSlot) -> Any:
        from dtbench.problems.mec_synchronization import reference

        return reference.build(slot)

    def form(self, slot: MecSlot, formulation: str, limits: Limits | None = None) -> Any:
        from dtbench.problems.mec_synchronization import forms

        return forms.slot_form(slot, formulation, limits)

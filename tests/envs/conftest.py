"""A small problem with every kind of agent, to show that environments know nothing of a particular one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from dtbench.arrays import Array, IntArray, array
from dtbench.core import Certificate, Decision, Exactness, Instance, Outcome, Paper, Problem, Slot, State
from dtbench.encoding import Box, Categorical, Encoding, Group, Observation
from dtbench.params import Params, param

GROUPS = {
    "mixed": (Group("lever", 2, Categorical((2, 3)), 3), Group("knob", 3, Box(2, 0.0, 1.0), 2)),
    "real": (Group("knob", 3, Box(2, 0.0, 1.0), 2),),
    "switch": (Group("lever", 2, Categorical((2, 3)), 3),),
}
ROOM = 4  # sum of the categorical entries that is feasible


@dataclass(frozen=True, kw_only=True)
class ToyParams(Params):
    horizon: int = param(5, "slot", "T", low=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyInstance(Instance):
    demand: Array = array("time", unit="1", doc="what the knobs should add up to")
    cost: Array = array("choice", unit="1", doc="of one unit of a categorical entry")
    gain: Array = array("amount", unit="1", doc="what a knob counts")


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyState(State):
    stock: Array = array(unit="1", doc="sum of all knobs so far")


@dataclass(frozen=True, kw_only=True, eq=False)
class ToySlot(Slot):
    demand: Array = array(unit="1", doc="demand")
    cost: Array = array("choice", unit="1", doc="cost")
    gain: Array = array("amount", unit="1", doc="gain")
    stock: Array = array(unit="1", doc="stock")


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyDecision(Decision):
    choice: IntArray = array("choice", unit="1", doc="categorical entries", kind="int")
    amount: Array = array("amount", unit="1", doc="real entries")


class Toy(Problem[ToyInstance, ToyState, ToySlot, ToyDecision]):
    """Coupled slots, rewards that differ by agent, an inverse of the encoding."""

    title = "toy"
    sense = "min"
    unit = "1"
    paper = Paper("nobody", "nothing", "nowhere", 2000)
    sizes: ClassVar = {"tiny": ToyParams(horizon=3), "small": ToyParams()}
    exactness = Exactness(methods=("none",))
    Instance, Slot, Decision = ToyInstance, ToySlot, ToyDecision

    def __init__(self, kind):
        self.kind, self.id, self.groups = kind, f"toy-{kind}", GROUPS[kind]

    def coupled(self, params):
        return True

    def generate(self, size, seed, **overrides):
        params = self.params(size, overrides)
        return self.draw(params, np.random.default_rng(seed), (), size, seed)

    def resample(self, instance, rng, batch=()):
        return self.draw(instance.params, rng, batch, instance.size, -1)

    def draw(self, params, rng, batch, size, seed):
        discrete = self.encodings(None)["agents"].discrete
        return ToyInstance(
            problem=self.id, size=size, seed=seed, params=params, demand=rng.random((*batch, params.horizon)),
            cost=np.ones(discrete.sum()), gain=np.ones((~discrete).sum()),
        )  # fmt: skip

    def start(self, instance):
        return ToyState(stock=np.zeros(instance.batch_shape))

    def evaluate(self, slot, decision):
        used = (slot.gain * decision.amount).sum(-1)
        over = np.maximum(decision.choice.sum(-1) - ROOM, 0).astype(float)
        objective = (used - slot.demand) ** 2 + (slot.cost * decision.choice).sum(-1) + 0.1 * slot.stock
        return Outcome(objective, over == 0, {"room": over}, {"used": used, "choice": decision.choice})

    def repair(self, slot, decision):
        late = np.cumsum(decision.choice, axis=-1) > ROOM
        return ToyDecision(choice=np.where(late, 0, decision.choice), amount=decision.amount)

    def advance(self, slot, decision):
        return ToyState(stock=slot.stock + decision.amount.sum(-1))

    def encodings(self, instance):
        def decode(slot, x):
            discrete = encoding.discrete
            decision = ToyDecision(choice=x[..., discrete].astype(int), amount=x[..., ~discrete].astype(float))
            return self.repair(slot, decision)

        def encode(slot, decision):
            x = np.empty((*decision.amount.shape[:-1], encoding.size), encoding.dtype)
            x[..., encoding.discrete], x[..., ~encoding.discrete] = decision.choice, decision.amount
            return x

        encoding = Encoding(self.groups, decode, encode)

        def decode_grid(slot, x):
            return decode(slot, x / 4)

        grid = Encoding((Group("level", 6, Categorical((5,))),), decode_grid)
        return {"agents": encoding, "search": grid if self.kind == "real" else encoding}

    def observe(self, slot):
        slot = slot[...]
        both = np.stack([slot.demand, slot.stock, slot.demand - slot.stock], -1).astype(np.float32)
        agents = {
            g.name: np.broadcast_to(both[..., None, : g.observation], (*slot.batch_shape, g.count, g.observation))
            for g in self.groups
        }
        masks = {
            g.name: np.ones((*slot.batch_shape, g.count, g.space.mask_width), bool)
            for g in self.groups
            if isinstance(g.space, Categorical)
        }
        if self.kind == "real":
            masks["level"] = np.ones((*slot.batch_shape, 6, 5), bool)
        return Observation(agents, masks, both)

    def reward(self, slot, outcome):
        return -outcome.objective

    def agent_rewards(self, slot, outcome, n_agents):
        return -outcome.objective[..., None] * np.arange(1, n_agents + 1)

    def exact(self, slot, limits=None, method=None):
        return Certificate(np.nan, np.nan, "unknown", 0.0, "none", "none")

    def reference_model(self, slot):
        raise NotImplementedError


@pytest.fixture(params=list(GROUPS))
def toy(request):
    """A toy problem with mixed, only real, or only categorical agents."""
    return Toy(request.param)


@pytest.fixture
def make_toy():
    """``make_toy("mixed")``: a toy problem of one kind."""
    return Toy

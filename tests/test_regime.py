"""Methods see what their regime allows: sly ones find nothing of the future, honest ones play as before.

The law for all problems: from a policy and the slot that it is handed, no array can be reached that holds the trace.
"""

import dataclasses
import gc
import types

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench import referee
from dtbench.arrays import specs
from dtbench.errors import Declined, InvalidDecision
from dtbench.experiments.job import job_of
from dtbench.experiments.plan import planned
from dtbench.experiments.process import run_cell
from dtbench.experiments.record import CellLimits, Record
from dtbench.experiments.suite import instance_file
from dtbench.learning.network_key import network_key, size_key
from dtbench.library import instances
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem
from dtbench.regime import handed, shown
from dtbench.solver import Solver

PROBLEMS = sorted(all_problems())
COUPLED = {"dnt-spectrum": "tiny", "edge-migration": "tiny", "mec-synchronization": "closed-tiny"}
STIN = problem("stin-deployment")


def tiny(id):
    return problem(id).generate(COUPLED.get(id, "tiny"), 3)


def changing(id, instance):
    """Names of the fields that are not the same in all slots: what a policy must not see."""
    known = shown(problem(id), instance, "global")
    return [n for n, _, v in instance.arrays() if not np.array_equal(v, getattr(known, n))]


@pytest.mark.parametrize("id", PROBLEMS)
def test_a_policys_instance_ends_at_the_first_slot(id):
    owner, instance = problem(id), tiny(id)
    known = shown(owner, instance, "global")
    assert changing(id, instance)  # or this test would prove nothing
    assert known.dims == instance.dims
    for name, spec, value in known.arrays():
        for axis, dim in enumerate(spec.dims):
            if dim in owner.trace_axes:
                first = np.take(getattr(instance, name), [0], axis=axis)
                assert_array_equal(value, np.broadcast_to(first, value.shape))
        if not set(spec.dims) & set(owner.trace_axes):
            assert_array_equal(value, getattr(instance, name))
        assert not value.flags.writeable
    for state in (owner.start(known), owner.start(instance)):
        first = owner.slot(instance, 0, state)
        for name, _, value in owner.slot(known, 0, state).arrays():
            assert_array_equal(value, getattr(first, name))
    assert shown(owner, instance, "future") is instance


@pytest.mark.parametrize("id", PROBLEMS)
def test_every_axis_that_grows_with_the_horizon_is_one_of_the_trace(id):
    owner, short = problem(id), tiny(id)
    longer = {"n_frames": 3, "frame_slots": 7} if id == "mec-synchronization" else {"horizon": short.horizon + 1}
    long = owner.generate(short.size, 3, **longer)
    assert {dim for dim, length in long.dims.items() if length != short.dims[dim]} == set(owner.trace_axes)


def reachable(*roots):
    """Arrays that references lead to from some objects, not through modules, classes, functions' globals or frames."""
    stop = (type, types.ModuleType, types.FrameType, types.FunctionType, types.BuiltinFunctionType)
    seen, todo, arrays = set(), list(roots), []
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, stop):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            arrays.append(item)
            todo.append(item.base)
        todo += gc.get_referents(item)
        if isinstance(item, types.MethodType):
            todo += [item.__self__, *(cell.cell_contents for cell in item.__func__.__closure__ or ())]
    return arrays


class Looks(Solver):
    """Stays where repair puts it, and remembers all that it was given."""

    name = "looks"

    def __init__(self, problem, instance, *, seed=0, **options):
        super().__init__(problem, instance, seed=seed, **options)
        self.given = instance
        self.search = problem.encodings(instance)["search"]
        self.slots = []

    def decide(self, slot):
        self.slots.append(slot)
        return self.search.decode(slot, self.search.sample(self.rng))


@pytest.mark.parametrize("id", PROBLEMS)
def test_nothing_that_a_policy_holds_leads_to_later_slots(id):
    """The last slot of a field that changes is nowhere among the arrays that can be reached from the first slot."""
    owner, instance = problem(id), tiny(id)
    solver = Looks(owner, shown(owner, instance, Looks.regime()))
    played = referee.play(owner, instance, solver)
    for name in changing(id, instance):
        spec = specs(type(instance))[name]
        value = np.asarray(getattr(instance, name))
        future = np.take(value, -1, axis=spec.dims.index(next(d for d in spec.dims if d in owner.trace_axes)))
        if np.array_equal(future, np.take(value, 0, axis=0)):
            continue
        early = reachable(dataclasses.replace(solver.slots[0]), solver.instance, solver.given, solver.search)
        assert early
        assert not any(holds(array, future) for array in early), name
    if owner.coupled:
        assert not any(a.base is not None for a in reachable(*solver.slots) if a.size > 1 and a.flags.writeable)
    assert len(solver.slots) == instance.horizon == len(played.scores.objective)


def holds(array, part):
    """Whether some row of an array, or the array itself, is ``part``."""
    rows = [array] if array.shape == part.shape else list(array) if array.shape[1:] == part.shape else []
    return any(np.array_equal(row, part) for row in rows)


def test_the_walk_along_references_can_find_something():
    instance = tiny("edge-migration")
    assert any(holds(a, instance.user_xy[-1]) for a in reachable(problem("edge-migration").slot(
        instance, 0, problem("edge-migration").start(instance))))  # fmt: skip


@pytest.mark.parametrize("id", PROBLEMS)
def test_the_trace_cannot_be_drawn_again_from_what_a_policy_knows(id):
    owner = problem(id)
    instance = instances.load(f"{id}/tiny-003")
    again = owner.generate(instance.size, instance.seed, **instance.params.asdict())
    name = changing(id, instance)[0]
    assert_array_equal(getattr(again, name), getattr(instance, name))  # who knows the seed, knows the trace
    for known in (
        shown(owner, instance, "global"),
        handed(referee.slots(owner, instance), shown(owner, instance, "global")),
    ):
        assert getattr(known, "seed", -1) == -1
        assert getattr(known, "name", "") == ""
        traces = [n for n, what in owner.seed_params.items() if what == "trace"]
        assert all(getattr(known.params, n) == getattr(type(known.params)(), n) for n in traces)


class Plans(Solver):
    """Plans with the future in view, and does not say so."""

    name = "plans"

    def plan(self, instance):
        raise AssertionError("must not be asked")

    def decide(self, slot):
        return self.problem.repair(slot, self.problem.heuristics["stay"](slot))


class Turns(Plans):
    """Plans, but its class has no plan while it is looked at."""

    name = "turns"
    plan = Solver.plan

    def __init__(self, problem, instance, *, seed=0, **options):
        super().__init__(problem, instance, seed=seed, **options)
        self.plan = super().plan
        self.sees = "future"
        type(self).sees = "future"


@pytest.mark.parametrize("id", ["edge-migration", "stin-deployment"])
def test_who_plans_without_saying_so_is_refused(id):
    with pytest.raises(InvalidDecision, match="'plans' plans the whole horizon but does not say"):
        referee.play(problem(id), tiny(id), Plans(problem(id), tiny(id)))


def test_what_a_class_becomes_later_gives_no_access():
    owner, instance = problem("edge-migration"), tiny("edge-migration")
    regime = Turns.regime()
    solver = Turns(owner, shown(owner, instance, regime))
    assert regime == "global"
    played = referee.play(owner, instance, solver, regime)
    assert len(played.scores.objective) == instance.horizon
    Turns.sees = "global"


SLY = {
    "plans": "    def plan(self, instance):\n        return None\n",
    "peeks": "    def decide(self, slot):\n"
    "        rate = self.instance.rate\n"
    "        assert (rate == rate[0]).all() and slot.rate.base is None and self.instance.seed == -1, 'sees'\n"
    "        return self.problem.heuristics['stay'](slot)\n",
    "plans-openly": "    sees = 'future'\n    def plan(self, instance):\n"
    "        assert (instance.rate != instance.rate[0]).any()\n"
    "        return self.problem.exact_horizon(instance).decision\n",
    "observes": "    sees = 'local'\n    def choose(self, seen, next_mask):\n"
    "        rate = self.instance.rate\n"
    "        assert (rate == rate[0]).all() and seen.state.shape == (0,) and self.instance.seed == -1, 'sees'\n"
    "        return self.problem.encodings(self.instance)['agents'].sample(self.rng)\n",
}


@pytest.mark.parametrize(("name", "status", "regime"), [
    ("plans", "invalid", None), ("peeks", "ok", "global"), ("plans-openly", "ok", "future"),
    ("observes", "ok", "local"),
])  # fmt: skip
def test_a_record_tells_the_regime(name, status, regime, tmp_path):
    text = f'"""Sly."""\nfrom dtbench import Solver\nclass Sly(Solver):\n    name = "{name}"\n{SLY[name]}'
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    instances.save(tmp_path / "mine.nc", tiny("edge-migration"))
    cell = planned(
        discover([tmp_path])[name], instance_file(str(tmp_path / "mine.nc")), seed=0, limits=CellLimits(), options={}
    )
    record = Record.model_validate_json(run_cell(job_of(cell))[0])
    assert (record.status, record.method.get("regime")) == (status, regime), record.traceback
    if name == "plans":
        assert "does not say that it sees the future" in record.reason


def saying(**attributes):
    """A class of these attributes."""
    return type("Says", (Solver,), {"name": "says", **attributes})


def chooses(self, seen, next_mask):
    return self.problem.encodings(self.instance)["agents"].sample(self.rng)


@pytest.mark.parametrize(("attributes", "reason"), [
    ({"sees": "all"}, "'says' sees 'all'; expected one of local, global, future"),
    ({"sees": "local", "decide": Looks.decide, "choose": chooses}, "decides on slots but is local"),
    ({"sees": "local", "plan": Plans.plan, "choose": chooses}, "plans the whole horizon but does not say"),
    ({"sees": "local"}, "is local but does not implement choose"),
])  # fmt: skip
def test_what_a_regime_has_no_use_for_is_refused(attributes, reason):
    with pytest.raises(InvalidDecision, match=reason):
        saying(**attributes).regime()


def test_earlier_files_say_clairvoyant():
    assert saying(clairvoyant=True).regime() == "future"
    assert saying(choose=chooses).regime() == saying().regime() == "global"


class Watches(Solver):
    """A local method that remembers all that it was given."""

    name = "watches"
    sees = "local"

    def __init__(self, problem, instance, *, seed=0, **options):
        super().__init__(problem, instance, seed=seed, **options)
        self.given = []
        self.agents = problem.encodings(instance)["agents"]

    def choose(self, seen, next_mask):
        self.given.append((seen, next_mask))
        x = self.agents.sample(self.rng)
        for agent in range(len(x) if next_mask else 0):
            x[agent] = np.flatnonzero(next_mask(x, agent))[0]
        return x


@pytest.mark.parametrize("id", PROBLEMS)
def test_nothing_that_a_local_method_holds_leads_to_a_slot(id):
    """No slot, and no array of one: not of the present either, nor of the first one."""
    owner, instance = problem(id), tiny(id)
    solver = Watches(owner, shown(owner, instance, "local"))
    solver.decide = None  # nobody asks for it
    played = referee.play(owner, instance, solver)
    assert len(solver.given) == instance.horizon == len(played.scores.objective)
    start = owner.start(instance)
    first = owner.slot(instance, 0, start)
    held = reachable(solver.given, solver.instance, solver.agents, vars(solver))
    assert held
    for name in changing(id, instance):
        value = np.asarray(getattr(instance, name))
        assert not any(np.shares_memory(array, value) for array in held if array.size), name
        part = getattr(first, name, None)
        if part is None or np.size(part) < 2:
            continue
        exact = [a for a in reachable(solver.instance, solver.agents) if a.shape[1:] == part.shape and a.ndim]
        assert not any(np.array_equal(row, part) for a in exact for row in a), name
    for seen, _ in solver.given:
        assert seen.state.size == 0 or [len(a) for a in seen.agents.values()] == [1]
        arrays = [*seen.agents.values(), *seen.masks.values(), seen.state]
        assert all(np.isfinite(a).all() for a in arrays)


def test_masks_of_a_slot_that_is_over_are_not_told():
    owner, instance = STIN, STIN.generate("tiny", 3)
    solver = Watches(owner, shown(owner, instance, "local"))
    referee.play(owner, instance, solver)
    _, next_mask = solver.given[-1]
    with pytest.raises(InvalidDecision, match="a slot that is over"):
        next_mask(np.zeros(instance.params.n_users, int), 0)
    assert not hasattr(next_mask, "__dict__")
    assert not any(isinstance(getattr(next_mask, name), referee.Slot) for name in type(next_mask).__slots__)


@pytest.mark.parametrize(("x", "reason"), [
    ([0], r"shape \(1,\), expected"), ([99] * 5, "out of range"), ([0.5] * 5, "not an integer"), (None, "shape"),
])  # fmt: skip
def test_what_is_no_joint_action_is_refused(x, reason):
    owner, instance = STIN, STIN.generate("tiny", 3)
    cls = saying(sees="local", choose=lambda self, seen, next_mask: x)
    with pytest.raises(InvalidDecision, match=reason):
        referee.play(owner, instance, cls(owner, shown(owner, instance, "local")))


def test_the_time_of_a_local_method_holds_what_is_observed_for_it(monkeypatch):
    """The clock stands still but for observing and decoding: those are what the slot took."""
    owner, instance = STIN, STIN.generate("tiny", 3)
    now = [0.0]

    def late(function, seconds):
        def wrapped(*given):
            now[0] += seconds
            return function(*given)

        return wrapped

    monkeypatch.setattr(referee, "clock", lambda: now[0])
    monkeypatch.setattr(type(owner), "observe", late(type(owner).observe, 2.0))
    played = referee.play(owner, instance, Watches(owner, shown(owner, instance, "local")))
    assert_array_equal(played.seconds, 2.0)


def test_a_global_method_that_chooses_sees_the_state():
    owner, instance = STIN, STIN.generate("tiny", 3)
    lengths = []

    def looks(self, seen, next_mask):
        lengths.append(seen.state.size)
        return chooses(self, seen, next_mask)

    referee.play(owner, instance, saying(choose=looks)(owner, shown(owner, instance, "global")))
    assert lengths == [owner.observe(owner.slot(instance, 0, owner.start(instance))).state.size] * instance.horizon


RULES = [
    (name, id)
    for name, entry in discover().items()
    for id in PROBLEMS
    if entry.takes(id) and not entry.trains and entry.sees != "future"
]


@pytest.mark.parametrize(("name", "id"), RULES)
def test_shipped_methods_decide_as_with_the_whole_instance(name, id):
    owner, instance = problem(id), tiny(id)
    cls = load_solver(discover()[name])
    options = {"generations": 3} if name == "genetic" else {}
    try:
        whole, present = cls(owner, instance, **options), cls(owner, shown(owner, instance, cls.regime()), **options)
        expected = referee.play(owner, instance, whole)
    except Declined:
        return
    found = referee.play(owner, instance, present)
    for field, _, value in expected.decisions.arrays():
        assert_array_equal(value, getattr(found.decisions, field))


@pytest.mark.parametrize("id", PROBLEMS)
def test_policies_are_of_the_same_network(id):
    """What a learner is trained on, and the name of a shipped policy, do not depend on the trace."""
    owner = problem(id)
    for name in [*instances.names(id, "tiny")[:2], *instances.names(id, "paper")[:2]]:
        instance = instances.load(name)
        for known in (shown(owner, instance, regime) for regime in ("local", "global")):
            assert network_key(owner, known) == network_key(owner, instance)
            assert size_key(owner, known) == size_key(owner, instance)


@pytest.mark.parametrize("id", PROBLEMS)
def test_fresh_traces_do_not_depend_on_the_trace(id):
    owner, instance = problem(id), tiny(id)
    one, *others = (
        owner.resample(given, np.random.default_rng(5), (2,))
        for given in (instance, shown(owner, instance, "global"), shown(owner, instance, "local"))
    )
    for name, _, value in one.arrays():
        for other in others:
            assert_array_equal(value, getattr(other, name))

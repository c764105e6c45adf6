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
    known = shown(problem(id), instance, "policy")
    return [n for n, _, v in instance.arrays() if not np.array_equal(v, getattr(known, n))]


@pytest.mark.parametrize("id", PROBLEMS)
def test_a_policys_instance_ends_at_the_first_slot(id):
    owner, instance = problem(id), tiny(id)
    known = shown(owner, instance, "policy")
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
    assert shown(owner, instance, "clairvoyant") is instance


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
        shown(owner, instance, "policy"),
        handed(referee.slots(owner, instance), shown(owner, instance, "policy")),
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
        self.clairvoyant = True
        type(self).clairvoyant = True


@pytest.mark.parametrize("id", ["edge-migration", "stin-deployment"])
def test_who_plans_without_saying_so_is_refused(id):
    with pytest.raises(InvalidDecision, match="'plans' plans the whole horizon but does not say"):
        referee.play(problem(id), tiny(id), Plans(problem(id), tiny(id)))


def test_what_a_class_becomes_later_gives_no_access():
    owner, instance = problem("edge-migration"), tiny("edge-migration")
    regime = Turns.regime()
    solver = Turns(owner, shown(owner, instance, regime))
    assert regime == "policy"
    played = referee.play(owner, instance, solver, regime)
    assert len(played.scores.objective) == instance.horizon
    Turns.clairvoyant = False


SLY = {
    "plans": "    def plan(self, instance):\n        return None\n",
    "peeks": "    def decide(self, slot):\n"
    "        rate = self.instance.rate\n"
    "        assert (rate == rate[0]).all() and slot.rate.base is None and self.instance.seed == -1, 'sees'\n"
    "        return self.problem.heuristics['stay'](slot)\n",
    "plans-openly": "    clairvoyant = True\n    def plan(self, instance):\n"
    "        assert (instance.rate != instance.rate[0]).any()\n"
    "        return self.problem.exact_horizon(instance).decision\n",
}


@pytest.mark.parametrize(("name", "status", "regime"), [
    ("plans", "invalid", None), ("peeks", "ok", "policy"), ("plans-openly", "ok", "clairvoyant"),
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


RULES = [
    (name, id)
    for name, entry in discover().items()
    for id in PROBLEMS
    if entry.takes(id) and not entry.trains and not entry.clairvoyant
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
        known = shown(owner, instance, "policy")
        assert network_key(owner, known) == network_key(owner, instance)
        assert size_key(owner, known) == size_key(owner, instance)


@pytest.mark.parametrize("id", PROBLEMS)
def test_fresh_traces_do_not_depend_on_the_trace(id):
    owner, instance = problem(id), tiny(id)
    one, other = (
        owner.resample(given, np.random.default_rng(5), (2,)) for given in (instance, shown(owner, instance, "policy"))
    )
    for name, _, value in one.arrays():
        assert_array_equal(value, getattr(other, name))

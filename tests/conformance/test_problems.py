"""What every problem must do, whatever it is about. All inputs are read-only arrays: nothing may write to them."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.arrays import specs
from dtbench.core import Certificate, Limits, Outcome
from dtbench.encoding import Categorical, Observation
from dtbench.errors import DtbenchError
from dtbench.params import Params
from dtbench.problems import all_problems

from .cases import (
    MEMBERS,
    arrays,
    assert_batch_equals_loop,
    assert_close,
    disturbed,
    drawn,
    frozen,
    instance_of,
    member,
    readonly,
    walked,
)

SIZES = ("tiny", "small")

problems = pytest.mark.parametrize("problem", all_problems().values(), ids=all_problems())
cases = pytest.mark.parametrize(
    ("problem", "size"), [pytest.param(p, s, id=f"{id}/{s}") for id, p in all_problems().items() for s in SIZES]
)
encoded = pytest.mark.parametrize(
    ("problem", "name"),
    [
        pytest.param(p, name, id=f"{id}-{name}")
        for id, p in all_problems().items()
        for name in p.encodings(p.generate("tiny", 0))
    ],
)
METHODS = [pytest.param(p, m, id=f"{id}-{m}") for id, p in all_problems().items() for m in p.exact_methods]
RULES = [pytest.param(p, r, id=f"{id}-{r}") for id, p in all_problems().items() for r in p.heuristics]
COUPLED = [pytest.param(p, id=id) for id, p in all_problems().items() if p.coupled]
UNCOUPLED = [pytest.param(p, id=id) for id, p in all_problems().items() if not p.coupled]


# Declarations


@problems
def test_declarations(problem):
    assert problem.id == problem.id.lower()
    assert problem.title
    assert problem.unit
    assert problem.sense in ("min", "max")
    assert {"tiny", "small", "paper", "large"} <= set(problem.sizes)
    assert all(isinstance(p, Params) for p in problem.sizes.values())
    assert len(set(problem.exact_methods)) == len(problem.exact_methods) > 0
    assert 0.0 <= problem.target_gap <= 1e-2
    assert all_problems()[problem.id] is problem


@problems
def test_every_number_has_a_unit_and_a_meaning(problem):
    instance = instance_of(problem, "tiny")
    state = problem.start(instance)
    for cls in (type(instance), type(state), problem.Slot, problem.Decision):
        for name, spec in specs(cls).items():
            assert spec.unit, f"{cls.__name__}.{name}"
            assert spec.doc, f"{cls.__name__}.{name}"
    for name, spec, _ in instance.params.items():
        assert spec.unit, name
        assert spec.doc, name


@cases
def test_dimensions_are_declared(problem, size):
    """Those of a decision are an instance's, so that shapes can be checked; those of an instance follow from params."""
    instance = instance_of(problem, size)
    assert dict(problem.dimensions(instance.params)).items() <= instance.dims.items()
    decision = drawn(problem, size)[3]
    assert decision.dims.items() <= instance.dims.items()
    assert isinstance(instance, problem.Instance)
    assert (instance.problem, instance.size, instance.seed) == (problem.id, size, 1)
    assert instance.batch_shape == ()
    for name, spec, value in instance.arrays():
        assert value.dtype.kind == {"float": "f", "int": "i", "bool": "b"}[spec.kind], name
        low, high = (-np.inf if spec.low is None else spec.low), (np.inf if spec.high is None else spec.high)
        assert ((value >= low) & (value <= high)).all(), name


# Instances


@cases
def test_same_seed_same_instance_other_seed_another_trace(problem, size):
    one, again, other = (problem.generate(size, seed) for seed in (5, 5, 6))
    differs = []
    for name, spec, value in one.arrays():
        assert_array_equal(value, getattr(again, name), err_msg=name)
        differs += [(value != getattr(other, name)).any()] if "time" in spec.dims else []
    assert any(differs)


@problems
def test_unknown_sizes_and_parameters_are_refused(problem):
    with pytest.raises(DtbenchError, match="unknown size"):
        problem.generate("huge", 0)
    with pytest.raises(DtbenchError, match="unknown parameter"):
        problem.generate("tiny", 0, no_such_parameter=1)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
@problems
def test_resample_draws_fresh_traces_of_the_declared_shape(problem, batch):
    instance = instance_of(problem, "tiny")
    rng = np.random.default_rng(0)
    one, following = (problem.resample(instance, rng, batch) for _ in range(2))
    again = problem.resample(instance, np.random.default_rng(0), batch)
    assert one.batch_shape == batch
    assert one.dims == instance.dims
    assert one.params == instance.params
    assert_close(again, one)
    moving = [name for name, spec, _ in one.arrays() if "time" in spec.dims]
    assert any((getattr(one, n) != getattr(following, n)).any() for n in moving)
    spread = one[...]
    members = [spread[index] for index in np.ndindex(*batch)]
    for other in members[1:]:
        assert any((getattr(members[0], n) != getattr(other, n)).any() for n in moving)


# A batch equals its loop


@cases
def test_evaluate_repair_and_advance_on_a_batch_equal_the_loop(problem, size):
    slots, _, _, decisions = drawn(problem, size)
    raw = disturbed(decisions)
    batch = (MEMBERS, *slots.batch_shape)
    repaired = frozen(problem.repair(slots, raw))
    for given in (raw, repaired):
        outcome = problem.evaluate(slots, given)
        assert isinstance(outcome, Outcome)
        assert outcome.objective.shape == outcome.feasible.shape == batch
        assert all(v.shape == batch for v in outcome.violations.values())
        assert_batch_equals_loop(outcome, lambda i, d=given: problem.evaluate(slots[i[1]], d[i]), batch)
    assert_batch_equals_loop(repaired, lambda i: problem.repair(slots[i[1]], raw[i]), batch)
    after = problem.advance(slots, repaired)
    assert_batch_equals_loop(after[...], lambda i: problem.advance(slots[i[1]], repaired[i]), batch)


@cases
def test_observe_on_a_batch_equals_the_loop(problem, size):
    slots = walked(problem, size)
    assert_batch_equals_loop(problem.observe(slots), lambda i: problem.observe(slots[i]), slots.batch_shape)
    grid = problem.observe(slots[None, :])
    assert_close(member(grid, 0, (1, *slots.batch_shape)), arrays(problem.observe(slots)), rtol=1e-5)


@encoded
def test_decode_on_a_batch_equals_the_loop(problem, name):
    for size in SIZES:
        slots, encoding, x, decisions = drawn(problem, size, name)
        assert x.dtype == encoding.dtype
        batch = (MEMBERS, *slots.batch_shape)
        assert_batch_equals_loop(decisions, lambda i, e=encoding, s=slots, x=x: e.decode(s[i[1]], x[i]), batch)


@cases
def test_rewards_on_a_batch_equal_the_loop(problem, size):
    slots, _, _, decisions = drawn(problem, size, "agents")
    n_agents = len(problem.encodings(instance_of(problem, size))["agents"].agents)
    batch = (MEMBERS, *slots.batch_shape)
    outcome = problem.evaluate(slots, decisions)
    rewards = problem.agent_rewards(slots, outcome, n_agents)
    assert rewards.shape == (*batch, n_agents)
    assert np.isfinite(rewards).all()

    def one(i):
        return problem.reward(slots[i[1]], problem.evaluate(slots[i[1]], decisions[i]))

    assert_batch_equals_loop(problem.reward(slots, outcome), one, batch)


# Repair and encodings


def assert_feasible(problem, slots, decisions):
    """Feasible, or in a slot of which an exact method says that nothing is."""
    feasible = problem.evaluate(slots, decisions).feasible
    for (t,) in np.argwhere(~feasible.all(axis=0)):
        assert problem.exact(slots[int(t)]).status == "infeasible"
        assert not feasible[:, t].any()


@encoded
def test_decoded_decisions_are_feasible(problem, name):
    for size in SIZES:
        slots, _, _, decisions = drawn(problem, size, name)
        assert_feasible(problem, slots, decisions)


@cases
def test_repair_is_feasible_idempotent_and_leaves_feasible_decisions(problem, size):
    slots, _, _, decisions = drawn(problem, size)
    raw = disturbed(decisions)
    assert not problem.evaluate(slots, raw).feasible.all(), "the test needs decisions to repair"
    once = frozen(problem.repair(slots, raw))
    assert_feasible(problem, slots, once)
    assert_close(problem.repair(slots, once), once)
    good = problem.evaluate(slots, raw).feasible
    for name, _, value in raw.arrays():
        assert_allclose(getattr(once, name)[good], value[good], rtol=1e-12, err_msg=name)
    assert_close(problem.repair(slots, decisions), decisions)


@cases
def test_violations_are_positive_where_and_only_where_infeasible(problem, size):
    slots, _, _, decisions = drawn(problem, size)
    outcome = problem.evaluate(slots, disturbed(decisions))
    worst = np.max([*outcome.violations.values()], axis=0)
    assert (np.array([*outcome.violations.values()]) >= 0).all()
    assert (worst[~outcome.feasible] > 0).all()
    assert not outcome.feasible.all()


@encoded
def test_encode_is_the_inverse_of_decode_on_feasible_decisions(problem, name):
    for size in SIZES:
        slots, encoding, x, decisions = drawn(problem, size, name)
        if encoding.encode is not None:
            back = encoding.encode(slots, decisions)
            assert back.shape == x.shape
            assert_close(encoding.decode(slots, readonly(back)), decisions, rtol=1e-6)


# Observations


@cases
def test_observations_fit_the_groups(problem, size):
    slots = walked(problem, size)
    seen, encodings = problem.observe(slots), problem.encodings(instance_of(problem, size))
    assert isinstance(seen, Observation)
    groups = encodings["agents"].groups
    assert set(seen.agents) == {g.name for g in groups}
    for group in groups:
        value = seen.agents[group.name]
        assert value.shape == (*slots.batch_shape, group.count, group.observation)
        assert value.dtype == np.float32
        assert np.isfinite(value).all()
    assert seen.state.ndim == 2
    assert seen.state.dtype == np.float32
    assert np.isfinite(seen.state).all()


@cases
def test_masks_fit_the_groups_and_allow_something(problem, size):
    slots = walked(problem, size)
    seen, encodings = problem.observe(slots), problem.encodings(instance_of(problem, size))
    choosing = {g.name: g for e in encodings.values() for g in e.groups if isinstance(g.space, Categorical)}
    acting = {g.name for g in encodings["agents"].groups if isinstance(g.space, Categorical)}
    assert acting <= set(seen.masks) <= set(choosing)
    for name, mask in seen.masks.items():
        group = choosing[name]
        assert mask.shape == (*slots.batch_shape, group.count, group.space.mask_width)
        assert mask.dtype == np.bool_
        for entry in np.split(mask, np.cumsum(group.space.n)[:-1], axis=-1):
            assert entry.any(axis=-1).all()


# Heuristics and exact methods


def worse(problem, value, than):
    """How much worse ``value`` is, relative to ``than``."""
    difference = value - than if problem.sense == "min" else than - value
    return difference / max(abs(than), 1e-12)


@cache
def certificate(problem, method, t):
    return problem.exact(walked(problem, "tiny")[t], Limits(seconds=60.0), method)


@pytest.mark.parametrize(("problem", "rule"), RULES)
def test_heuristics_are_feasible_batched_and_no_better_than_the_bound(problem, rule):
    slots = walked(problem, "tiny")
    decide = problem.heuristics[rule]
    decisions = decide(slots)
    decisions = problem.Decision(**{name: np.asarray(value) for name, _, value in decisions.arrays()})
    assert decisions.batch_shape == slots.batch_shape
    assert_feasible(problem, slots, decisions[None])
    objective = problem.evaluate(slots, decisions).objective
    for t in range(3):
        assert_allclose(problem.evaluate(slots[t], decide(slots[t])).objective, objective[t], rtol=1e-9)
        assert worse(problem, objective[t], certificate(problem, None, t).bound) >= -1e-9


@pytest.mark.parametrize("t", range(3))
@problems
def test_default_exact_method_proves_an_optimum(problem, t):
    found = certificate(problem, None, t)
    slot = walked(problem, "tiny")[t]
    assert isinstance(found, Certificate)
    assert found.status == "optimal"
    assert found.method == problem.exact_methods[0]
    assert found.backend
    assert found.seconds >= 0.0
    outcome = problem.evaluate(slot, found.decision)
    assert outcome.feasible
    assert_allclose(found.objective, outcome.objective, rtol=1e-9)
    assert worse(problem, found.objective, found.bound) >= -1e-9  # the bound is on its side
    assert found.gap <= max(problem.target_gap, 1e-9)


@pytest.mark.parametrize(("problem", "method"), METHODS)
def test_exact_methods_agree(problem, method):
    """To 1e-6 relative, or to what the problem's target leaves open."""
    open_gap = max(1e-6, 2 * problem.target_gap)
    for t in range(3):
        default, found = certificate(problem, None, t), certificate(problem, method, t)
        slot = walked(problem, "tiny")[t]
        assert found.method == method
        assert found.status == "optimal"
        assert abs(worse(problem, found.objective, default.objective)) <= open_gap
        assert_allclose(found.objective, problem.evaluate(slot, found.decision).objective, rtol=1e-6)
        assert problem.evaluate(slot, found.decision).feasible
        assert worse(problem, default.objective, found.bound) >= -1e-6


@problems
def test_nothing_random_beats_the_optimum(problem):
    slots, encoding, _, _ = drawn(problem, "tiny")
    for t in range(3):
        slot, best = slots[t], certificate(problem, None, t)
        x = encoding.sample(np.random.default_rng(t), (200,))
        outcome = problem.evaluate(slot, encoding.decode(slot, x))
        assert all(worse(problem, value, best.bound) >= -1e-9 for value in outcome.objective[outcome.feasible])


@problems
def test_an_unknown_exact_method_is_refused(problem):
    with pytest.raises(ValueError, match="no-such-method"):
        problem.exact(walked(problem, "tiny")[0], Limits(), "no-such-method")


@problems
def test_reference_model_is_a_pyomo_model(problem):
    import pyomo.environ as pyo

    model = problem.reference_model(walked(problem, "tiny")[0])
    assert isinstance(model, pyo.ConcreteModel)
    objectives = list(model.component_data_objects(pyo.Objective, active=True))
    assert len(objectives) == 1
    assert objectives[0].sense == {"min": pyo.minimize, "max": pyo.maximize}[problem.sense]
    assert any(True for _ in model.component_data_objects(pyo.Constraint, active=True))


@pytest.mark.parametrize("problem", UNCOUPLED)
def test_uncoupled_slots_need_no_horizon_certificate_and_do_not_see_the_state(problem):
    instance = instance_of(problem, "tiny")
    assert problem.exact_horizon(instance) is None
    met, _, _, decisions = drawn(problem, "tiny")
    fresh = referee.slots(problem, instance)[: met.batch_shape[0]]  # the same slots, each from the first state
    assert_allclose(
        problem.evaluate(fresh, decisions).objective, problem.evaluate(met, decisions).objective, rtol=1e-12
    )


@pytest.mark.parametrize("problem", COUPLED)
def test_horizon_bound_is_not_beaten_by_a_random_policy(problem):
    instance = instance_of(problem, "tiny")
    encoding = problem.encodings(instance)["search"]
    found = problem.exact_horizon(instance, Limits(seconds=20.0))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        _, scores = referee.walk(
            problem, instance, lambda t, slot, rng=rng: encoding.decode(slot, encoding.sample(rng))
        )
        assert worse(problem, scores.mean, found.bound) >= -1e-9

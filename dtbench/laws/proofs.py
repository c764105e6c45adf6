"""Laws of rules and exact methods: what is proved holds, and nothing passes it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from dtbench import referee
from dtbench.core import AnyProblem, Certificate, Decision, Limits, Slot
from dtbench.errors import DtbenchError
from dtbench.laws.cases import drawn, instance_of, walked
from dtbench.laws.compare import arrays, refused, require
from dtbench.laws.decisions import require_feasible
from dtbench.laws.law import CERTIFIED, Laws, coupled, methods, once, rules, slots, uncoupled

LAWS = Laws()
law = LAWS.law


# Heuristics and exact methods


def worse(problem: AnyProblem, value: Any, than: float) -> Any:
    """How much worse ``value`` is, relative to ``than``."""
    difference = value - than if problem.sense == "min" else than - value
    return difference / max(abs(than), 1e-12)


@cache
def certificate(problem: AnyProblem, method: str | None, t: int) -> Certificate:
    """What a method proves of a slot of the size tiny."""
    return problem.exact(walked(problem, "tiny")[t], Limits(seconds=60.0), method)


@law(rules)
def heuristics_take_batches(problem: AnyProblem, rule: str) -> None:
    """Heuristics are feasible, take batches, and are no better than the bound."""
    met = walked(problem, "tiny")
    decide = problem.heuristics[rule]
    decisions = decide(met)
    decisions = problem.Decision(**{name: np.asarray(value) for name, _, value in decisions.arrays()})
    shape = decisions.batch_shape
    require(shape == met.batch_shape, f"decisions have leading axes {shape}, expected {met.batch_shape}")
    require_feasible(problem, met, decisions[None])
    objective = problem.evaluate(met, decisions).objective
    for t in range(CERTIFIED):
        assert_allclose(problem.evaluate(met[t], decide(met[t])).objective, objective[t], rtol=1e-9)
        bound = certificate(problem, None, t).bound
        require(worse(problem, objective[t], bound) >= -1e-9, f"slot {t}: {objective[t]} passes the bound {bound}")


@law(slots)
def default_exact_method_proves_an_optimum(problem: AnyProblem, t: int) -> None:
    """The first exact method proves an optimum, which the referee scores as it says."""
    proved = certificate(problem, None, t)
    require(isinstance(proved, Certificate), f"exact gives {type(proved).__name__}")
    require(proved.status == "optimal", f"the status is '{proved.status}'")
    require(proved.method == problem.exactness.methods[0], f"the method is '{proved.method}'")
    require(proved.backend, "the back end has no name")
    require(proved.seconds >= 0.0, "the time is negative")
    outcome = problem.evaluate(walked(problem, "tiny")[t], proved.decision)
    require(outcome.feasible, "its decision is infeasible")
    assert_allclose(proved.objective, outcome.objective, rtol=1e-9)
    require(worse(problem, proved.objective, proved.bound) >= -1e-9, "the bound is on the wrong side")
    require(
        proved.gap <= max(problem.exactness.target_gap, 1e-9),
        f"the gap is {proved.gap}, promised {problem.exactness.target_gap}",
    )


@law(methods)
def exact_methods_agree(problem: AnyProblem, method: str) -> None:
    """Exact methods, the reference among them, agree to 1e-6 relative (or to what the target gap leaves open)."""
    open_gap = max(1e-6, 2 * problem.exactness.target_gap)
    for t in range(CERTIFIED):
        default, proved = certificate(problem, None, t), certificate(problem, method, t)
        outcome = problem.evaluate(walked(problem, "tiny")[t], proved.decision)
        require(proved.method == method, f"the method is '{proved.method}'")
        require(proved.status == "optimal", f"the status of slot {t} is '{proved.status}'")
        difference = abs(worse(problem, proved.objective, default.objective))
        require(difference <= open_gap, f"slot {t}: {proved.objective} is not {default.objective}")
        assert_allclose(proved.objective, outcome.objective, rtol=1e-6)
        require(outcome.feasible, f"the decision of slot {t} is infeasible")
        require(worse(problem, default.objective, proved.bound) >= -1e-6, f"slot {t}: the bound passes the optimum")


@law(slots)
def nothing_random_beats_the_optimum(problem: AnyProblem, t: int) -> None:
    """No random decision beats the proven bound."""
    met, encoding, _, _ = drawn(problem, "tiny")
    slot, best = met[t], certificate(problem, None, t)
    x = encoding.sample(np.random.default_rng(t), (200,))
    outcome = problem.evaluate(slot, encoding.decode(slot, x))
    better = [v for v in outcome.objective[outcome.feasible] if worse(problem, v, best.bound) < -1e-9]
    require(not better, f"{better[:1]} passes the bound {best.bound}")


@law(once)
def an_unknown_exact_method_isrefused(problem: AnyProblem) -> None:
    """An unknown exact method is refused with a ValueError that names it."""
    slot = walked(problem, "tiny")[0]
    refused(ValueError, "no-such-method", lambda: problem.exact(slot, Limits(), "no-such-method"))


@law(once)
def reference_model_is_a_pyomo_model(problem: AnyProblem) -> None:
    """The reference model is a Pyomo model of the problem's sense, with constraints."""
    import pyomo.environ as pyo

    model = problem.reference_model(walked(problem, "tiny")[0])
    require(isinstance(model, pyo.ConcreteModel), f"reference_model gives {type(model).__name__}")
    objectives = list(model.component_data_objects(pyo.Objective, active=True))
    require(len(objectives) == 1, f"it has {len(objectives)} objectives")
    sense = {"min": pyo.minimize, "max": pyo.maximize}[problem.sense]
    require(objectives[0].sense == sense, f"its sense is not '{problem.sense}'")
    require(any(True for _ in model.component_data_objects(pyo.Constraint, active=True)), "it has no constraint")


@law(once)
def models_for_other_solvers_are_what_they_say(problem: AnyProblem) -> None:
    """Models for other solvers have the optimum, or are bounds and say so; columns and decisions agree both ways."""
    from dtbench.exact.form import EXACT_GAP, form_of, start_of
    from dtbench.exact.highs import solve_highs

    slot, proved = walked(problem, "tiny")[0], certificate(problem, None, 0)

    def no_worse(what: str, value: float, than: float) -> None:
        require(worse(problem, value, than) <= EXACT_GAP, f"{what} is {value}, which is worse than {than}")

    for formulation in ("reference", "strong"):
        try:
            form = form_of(problem, slot, formulation, Limits(seconds=60.0))
        except DtbenchError:
            continue  # there is none, and it says so
        result = solve_highs(form.model, Limits(seconds=60.0, gap=1e-9 if form.exact else 0.05))
        no_worse(f"bound of the {formulation} model", result.bound, proved.objective)
        if not form.exact or result.x is None:
            continue
        no_worse("proven bound", proved.bound, result.objective)
        if form.decision is not None:
            outcome = problem.evaluate(slot, form.decision(np.where(form.model.integer, result.x.round(), result.x)))
            require(bool(outcome.feasible), f"the {formulation} model's optimum is no feasible decision")
            no_worse(f"decision of the {formulation} model", float(outcome.objective), result.objective)
        if form.decision is not None and form.chosen is not None:
            back = problem.evaluate(slot, form.decision(start_of(form, proved.decision)))
            no_worse(f"optimal decision in the {formulation} model", float(back.objective), proved.objective)


@law(uncoupled)
def uncoupled_slots_do_not_see_the_state(problem: AnyProblem, size: str) -> None:
    """Where slots are not coupled, objectives do not depend on the state, and no horizon is certified."""
    instance = instance_of(problem, size)
    require(problem.exact_horizon(instance) is None, "exact_horizon gives a certificate")
    met, _, _, decisions = drawn(problem, size)
    anew = referee.slots(problem, instance)[: met.batch_shape[0]]  # the same slots, each from the first state
    one, other = (problem.evaluate(each, decisions).objective for each in (anew, met))
    assert_allclose(one, other, rtol=1e-12)


@law(coupled)
def coupled_slots_see_the_state(problem: AnyProblem, size: str) -> None:
    """Where slots are coupled, they differ by the state: otherwise whole horizons could be decided at once."""
    instance = instance_of(problem, size)
    met = walked(problem, size, instance.horizon)
    anew = referee.slots(problem, instance)[: met.batch_shape[0]]
    require(any((value != arrays(met)[path]).any() for path, value in arrays(anew).items()), "they do not")


@law(coupled)
def horizon_bound_is_not_beaten(problem: AnyProblem, size: str) -> None:
    """Where slots are coupled, no random policy beats the bound of the horizon."""
    instance = instance_of(problem, size)
    encoding = problem.encodings(instance)["search"]
    proved = problem.exact_horizon(instance, Limits(seconds=20.0))
    if proved is None:
        raise AssertionError("exact_horizon gives nothing")
    for seed in range(5):
        rng = np.random.default_rng(seed)

        def decide(_: int, slot: Slot, rng: np.random.Generator = rng) -> Decision:
            decision: Decision = encoding.decode(slot, encoding.sample(rng))
            return decision

        scores = referee.walk(problem, instance, decide)[1]
        require(worse(problem, scores.mean, proved.bound) >= -1e-9, f"{scores.mean} passes the bound {proved.bound}")

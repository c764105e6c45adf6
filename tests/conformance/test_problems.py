"""Every shipped problem, and the one that `dtbench new-problem` writes, keeps every law; each law can be broken."""

import dataclasses

import numpy as np
import pytest

from dtbench.cli.toy_problem.problem import ToyProblem
from dtbench.core import Outcome
from dtbench.encoding import Observation
from dtbench.laws.check import LAWS, name_of, tried
from dtbench.problems import all_problems

CASES = [
    pytest.param(law, problem, case, id="-".join(filter(None, [law.holds.__name__, id, name_of(case)])))
    for id, problem in all_problems().items()
    for law in LAWS
    for case in law.cases(problem)
]


@pytest.mark.parametrize(("law", "problem", "case"), CASES)
def test_law(law, problem, case):
    law.holds(problem, *case)


def test_every_law_has_a_sentence_and_a_case():
    """None is written that no problem meets."""
    assert len({law.sentence for law in LAWS}) == len(LAWS)
    assert {law.holds.__name__ for law in LAWS} == {case.values[0].holds.__name__ for case in CASES}


# Laws that are broken


class Renamed(ToyProblem):
    unit = ""


class Forgetful(ToyProblem):
    def generate(self, size, seed, **overrides):
        return super().generate(size, np.random.default_rng().integers(2**30), **overrides)


class Sleepy(ToyProblem):
    def resample(self, instance, rng, batch=()):
        return dataclasses.replace(instance, rate=np.broadcast_to(instance.rate, (*batch, *instance.rate.shape)))


class Single(ToyProblem):
    """Scores a batch as its first member."""

    def evaluate(self, slot, decision):
        whole = super().evaluate(slot, decision)
        first = whole.objective.ravel()[0]
        return dataclasses.replace(whole, objective=np.full_like(whole.objective, first))


class Careless(ToyProblem):
    def repair(self, slot, decision):
        return decision


class Restless(ToyProblem):
    """Feasible, but another decision each time."""

    def repair(self, slot, decision):
        again = super().repair(slot, decision)
        return dataclasses.replace(again, server=np.roll(again.server, 1, axis=-1))


class Lenient(ToyProblem):
    def evaluate(self, slot, decision):
        whole = super().evaluate(slot, decision)
        return Outcome(whole.objective, whole.feasible, {"capacity": np.zeros(whole.objective.shape)}, {})


class Writer(ToyProblem):
    def reward(self, slot, outcome):
        slot.load[...] = 0.0
        return super().reward(slot, outcome)


class Blind(ToyProblem):
    def observe(self, slot):
        seen = super().observe(slot)
        return Observation({"user": seen.agents["user"][..., :-1]}, seen.masks, seen.state)


class Locked(ToyProblem):
    def observe(self, slot):
        seen = super().observe(slot)
        return Observation(seen.agents, {"user": np.zeros_like(seen.masks["user"])}, seen.state)


class Narrow(ToyProblem):
    def observation_bounds(self, instance):
        return {"user": ((2, -2.0, -1.0),)}


class Boastful(ToyProblem):
    """Claims half of what is proved."""

    def exact(self, slot, limits=None, method=None):
        proved = super().exact(slot, limits, method)
        return dataclasses.replace(proved, bound=2.0 * proved.bound) if method != "reference" else proved


class Contrary(ToyProblem):
    """The reference model is of another problem."""

    def exact(self, slot, limits=None, method=None):
        other = dataclasses.replace(slot, load=slot.load[::-1]) if method == "reference" else slot
        return super().exact(other, limits, method)


class Upside(ToyProblem):
    def reference_model(self, slot):
        model = super().reference_model(slot)
        model.mean_delay.sense = -model.mean_delay.sense
        return model


BROKEN = [
    (Renamed, "declarations", "not the registered problem"),
    (Forgetful, "same_seed_same_instance", "tiny: Arrays are not equal"),
    (Sleepy, "resample_draws_fresh_traces", "two draws gave the same trace"),
    (Single, "decisions_in_a_batch", "/objective"),
    (Careless, "repair_is_feasible_and_idempotent", "tiny: decisions of slot 0 break"),
    (Restless, "repair_is_feasible_and_idempotent", "/server"),
    (Lenient, "violations_say_what_is_infeasible", "an infeasible decision has no violation"),
    (Writer, "inputs_stay_as_they_are", "slot/load"),
    (Blind, "observations_fit_the_groups", "group 'user' observes (5, 4, 1), expected (5, 4, 2)"),
    (Locked, "masks_fit_the_groups", "mask 'user' forbids everything somewhere"),
    (Narrow, "observations_stay_within_their_bounds", "'user' observes"),
    (Boastful, "default_exact_method_proves_an_optimum", "the bound is on the wrong side"),
    (Boastful, "nothing_random_beats_the_optimum", "passes the bound"),
    (Contrary, "exact_methods_agree", "reference: slot 0"),
    (Upside, "reference_model_is_a_pyomo_model", "its sense is not 'min'"),
]


@pytest.mark.parametrize(("problem", "name", "words"), BROKEN, ids=[f"{p.__name__}-{name}" for p, name, _ in BROKEN])
def test_a_broken_law_is_named(problem, name, words):
    (law,) = (law for law in LAWS if law.holds.__name__ == name)
    assert law.sentence
    verdict = tried(law, problem())
    assert not verdict.passed
    assert words in verdict.detail
    if name != "declarations":
        assert tried(law, ToyProblem()).passed

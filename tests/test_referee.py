"""Playing, scoring and scoring again."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import check_decision, gap_to, relative_gap
from dtbench.errors import InvalidDecision
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem
from dtbench.problems.stin_deployment.model import StinDecision
from dtbench.solver import Solver

STIN = problem("stin-deployment")
INSTANCE = STIN.generate("tiny", 1)


class Overfull(Solver):
    """Everybody on the first device."""

    name = "overfull"

    def decide(self, slot):
        return StinDecision(node=np.ones(slot.n_users, dtype=np.int64))


def test_infeasible_decisions_are_kept_as_given_and_scored_after_repair():
    played = referee.play(STIN, INSTANCE, Overfull(STIN, INSTANCE))
    assert played.scores.repaired.all()
    assert played.scores.feasible.all()
    assert (played.decisions.node == 1).all()
    slots = referee.slots(STIN, INSTANCE)
    repaired = STIN.evaluate(slots, STIN.repair(slots, played.decisions))
    assert_allclose(played.scores.objective, repaired.objective)
    assert_allclose(played.scores.mean, repaired.objective.mean())


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_stored_decisions_score_the_same_again(id):
    owner = problem(id)
    instance = owner.generate("tiny", 1)
    played = referee.play(owner, instance, load_solver(discover()["random"])(owner, instance, seed=4))
    again = referee.rescore(owner, instance, played.decisions)
    assert_allclose(again.objective, played.scores.objective, rtol=1e-12)
    assert_array_equal(again.repaired, played.scores.repaired)


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_many_runs_are_scored_at_once_as_one_by_one(id):
    """Decisions of other slots among them, which must be repaired on some problems; equal to the last bit."""
    owner = problem(id)
    instance = owner.generate("closed-tiny" if id == "mec-synchronization" else "tiny", 1)
    random = load_solver(discover()["random"])
    runs = [referee.play(owner, instance, random(owner, instance, seed=seed)).decisions for seed in range(3)]
    runs += [run[::-1] for run in runs]
    many = referee.rescore(owner, instance, type(runs[0]).stack(runs))
    assert many.objective.shape == (6, instance.horizon)
    for row, run in enumerate(runs):
        one = referee.rescore(owner, instance, run)
        for name in ("objective", "repaired", "feasible"):
            assert_array_equal(getattr(many, name)[row], getattr(one, name))
    if id == "edge-migration":
        assert many.repaired.any()


def test_decisions_that_do_not_fit_are_not_scored_again():
    played = referee.play(STIN, INSTANCE, Overfull(STIN, INSTANCE))
    with pytest.raises(InvalidDecision, match=r"'node' has shape \(9, 5\), expected \(10, 5\)"):
        referee.rescore(STIN, INSTANCE, played.decisions[:9])


def test_a_batched_solver_scores_as_slot_by_slot():
    whole = referee.play(STIN, INSTANCE, load_solver(discover()["greedy"])(STIN, INSTANCE))
    solver = load_solver(discover()["greedy"])(STIN, INSTANCE)
    type(solver).batched = False
    stepwise = referee.play(STIN, INSTANCE, solver)
    assert_array_equal(whole.decisions.node, stepwise.decisions.node)
    assert_allclose(whole.scores.objective, stepwise.scores.objective, rtol=1e-12)


class Planner(Solver):
    """Sees the whole horizon."""

    name = "planner"
    sees = "future"

    def plan(self, instance):
        return StinDecision(node=np.zeros((instance.horizon, instance.dims["user"]), dtype=np.int64))


def test_planned_horizons():
    played = referee.play(STIN, INSTANCE, Planner(STIN, INSTANCE))
    assert played.decisions.node.shape == (INSTANCE.horizon, 5)
    assert not played.scores.repaired.any()


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (StinDecision(node=np.zeros(4, dtype=int)), r"'node' has shape \(4,\), expected \(5,\)"),
        (StinDecision(node=np.full(5, np.nan)), "'node' holds 5 NaN or inf"),
        (StinDecision(node=np.full(5, 0.5)), "'node' holds fractions"),
        (StinDecision(node=np.array(["a"] * 5)), "'node' holds <U1, expected int"),
        (StinDecision(node=[[0], [0, 1]]), "'node' is ragged"),
        (np.zeros(5), "returned ndarray, expected StinDecision"),
        (None, "returned NoneType"),
    ],
)
def test_what_is_no_decision_is_refused_by_name(decision, words):
    slot = STIN.slot(INSTANCE, 0, STIN.start(INSTANCE))
    with pytest.raises(InvalidDecision, match=words):
        check_decision(STIN, INSTANCE, slot, decision)


def test_gaps_by_hand():
    assert_allclose(gap_to("min", 11.0, 10.0), 0.1)
    assert_allclose(gap_to("max", 9.0, 10.0), 0.1)
    assert_allclose(gap_to("max", -11.0, -10.0), 0.1)
    assert relative_gap(2.0, 2.0) == 0.0
    assert relative_gap(2.0, 1.0) == 0.5


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_metric_means_are_those_of_the_scored_decisions(id):
    """A metric that is a number per slot, averaged; what is infeasible is measured after repair."""
    owner = problem(id)
    instance = owner.generate("tiny", 1)
    played = referee.play(owner, instance, load_solver(discover()["random"])(owner, instance, seed=4))
    means = referee.metric_means(owner, instance, played.decisions)
    assert means
    assert np.isfinite(list(means.values())).all()
    if id == "stin-deployment":
        assert_allclose(means["comm"] + means["comp"], played.scores.mean)

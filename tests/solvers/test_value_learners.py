"""IQL, VDN and QMIX as solvers: presets, both problems, and that their policies are found again."""

import numpy as np
import pytest

from dtbench.errors import Declined, DtbenchError
from dtbench.learning.qlearning.options import ValueOptions
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.training import Validation, fit
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import play

SOLVERS = ("iql", "vdn", "qmix")
PROBLEMS = ("stin-deployment", "dnt-spectrum")
QUICK = {"episodes": 4, "parallel": 2, "warmup": 2, "updates": 1, "batch": 8, "traces": 2, "hidden": 8}


def make(name, instance, **options):
    solver = load_solver(discover()[name])(problem(instance.problem), instance, seed=1, **options)
    solver.tell = lambda _: None
    return solver


@pytest.mark.parametrize("preset", ["paper", "tuned"])
@pytest.mark.parametrize("id", PROBLEMS)
@pytest.mark.parametrize("name", SOLVERS)
def test_trains_and_decides(name, id, preset):
    instance = problem(id).generate("tiny", 3)
    solver = make(name, instance, preset=preset, **QUICK)
    solver.train()
    scores = play(problem(id), instance, solver).scores
    assert np.isfinite(scores.objective).all()
    assert scores.feasible.all()
    assert not scores.repaired.any()
    assert isinstance(solver.policy, ValuePolicy)
    assert solver.training["episodes"] == 4
    assert make(name, instance, preset=preset, **QUICK).obtain()[1] == "cache"


@pytest.mark.parametrize("name", SOLVERS)
def test_the_presets_paper_are_those_of_the_cards(name):
    stin = make(name, problem("stin-deployment").generate("tiny", 3), preset="paper").options
    assert (stin.episodes, stin.parallel, stin.updates, stin.batch, stin.length) == (1000, 1, 8, 8, 8)
    assert (stin.hidden, stin.layers, stin.memory, stin.share) == (64, 1, 64, False)
    assert stin.buffers == "agent"
    assert (stin.gamma, stin.learning_rate, stin.target_every, stin.warmup, stin.clip) == (0.9, 1e-4, 10, 16, 10)
    assert (stin.epsilon, stin.last_epsilon, stin.exploring, stin.reward_scale) == (1.0, 0.05, 0.5, 10.0)
    dnt = make(name, problem("dnt-spectrum").generate("tiny", 3), preset="paper").options
    assert (dnt.episodes, dnt.parallel, dnt.updates, dnt.batch, dnt.length) == (750, 10, 100, 32, 0)
    assert dnt.env == "obs=paper,predictor=gru"
    assert (dnt.hidden, dnt.layers, dnt.memory, dnt.share) == (128, 1, 128, False)
    assert (dnt.gamma, dnt.learning_rate, dnt.target_every, dnt.warmup, dnt.clip) == (0.2, 1e-4, 50, 0, 10)
    assert (dnt.epsilon, dnt.last_epsilon, dnt.exploring, dnt.reward_scale) == (1.0, 0.05, 0.6, 1.0)


def test_rewards_of_independent_agents():
    """Local ones are stored, and only then."""
    instance = problem("dnt-spectrum").generate("tiny", 3)
    for rewards in ("local", "team"):
        solver = make("iql", instance, rewards=rewards, **QUICK)
        learner = solver.learner(solver.template)
        assert ("agent_rewards" in learner.replay.arrays) == (rewards == "local")


def test_actions_may_have_a_value_each():
    """2^(U + 1) outputs, as Yu et al. (2025) count them, and the policy brings its encoding along."""
    instance = problem("dnt-spectrum").generate("tiny", 3)
    solver = make("vdn", instance, encoding="joint", **QUICK)
    solver.train()
    assert solver.policy.networks["joint"].outputs == 2 ** (1 + instance.params.n_users)
    scores = play(problem("dnt-spectrum"), instance, solver).scores
    assert scores.feasible.all()
    assert not scores.repaired.any()


def test_other_problems_are_declined():
    with pytest.raises(Declined, match="'vdn' does not take problem 'edge-placement'"):
        make("vdn", problem("edge-placement").generate("tiny", 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", SOLVERS)
def test_tuned_agents_beat_the_selfish_rule(name):
    """On the paper's size of stin-deployment, at a tenth of the training: selfish greedy is at 1.17 of the optimum."""
    stin = problem("stin-deployment")
    solver = make(name, stin.generate("paper", 10_000), episodes=480)
    learner, validation = solver.learner(solver.template), Validation(stin, solver.template)
    trained = fit(learner, validation, every=15)
    validation.env.reset(seed=validation.seed)
    traces, state = validation.env.instances, stin.start(validation.env.instances)
    slots = [stin.slot(traces, t, state) for t in range(validation.env.horizon)]
    greedy = np.mean([stin.evaluate(slot, stin.heuristics["greedy"](slot)).objective for slot in slots])
    assert trained.best.objective < greedy


def test_a_buffer_that_is_less_than_a_round_is_refused():
    with pytest.raises(DtbenchError, match=r"'capacity' is 10, less than 'parallel' = 16"):
        ValueOptions(capacity=10, parallel=16)

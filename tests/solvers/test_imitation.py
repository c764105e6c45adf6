"""Imitation as a solver: it sees the whole slot, and plays networks of other sizes than its own."""

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem

from .training import train_and_play

QUICK = {"episodes": 4, "parallel": 2, "slots": 2, "updates": 2, "batch": 4, "hidden": 8, "layers": 2, "traces": 2}


@pytest.mark.parametrize("id", ["stin-deployment", "edge-migration", "mec-synchronization", "satellite-offloading"])
def test_a_policy_plays_other_sizes(id, tmp_path):
    """One file for all networks of a size, and for others: what is asked for needs no repair."""
    owner = problem(id)
    solver, objectives = train_and_play("imitation", owner.generate("tiny", 90_003), **QUICK)
    assert type(solver).regime() == "global"
    assert solver.identity.scope == "size"
    assert np.isfinite(objectives).all()
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    larger, objectives = train_and_play("imitation", owner.generate("small", 90_003), checkpoint=str(file))
    assert larger.training["source"] == "file"
    assert np.isfinite(objectives).all()


@pytest.mark.parametrize("name", ["imitation", "imitation-ppo"])
def test_presets_are_taken(name):
    """Every problem that it takes has settings, and every value fits its option."""
    entry = discover()[name]
    cls = load_solver(entry)
    assert set(cls.presets["tuned"]) == set(cls.problems)
    for id in cls.problems:
        made = cls(problem(id), problem(id).generate("tiny", 3))
        assert made.encoding in problem(id).encodings(made.instance)


def test_an_encoding_without_sets_is_refused():
    with pytest.raises(DtbenchError, match="no layout of sets"):
        train_and_play("imitation", problem("stin-deployment").generate("tiny", 3), **QUICK, encoding="agents")


FEW = {"episodes": 4, "parallel": 4, "alike": 2, "minibatches": 2, "hidden": 8, "layers": 2, "traces": 2}


def test_reward_goes_on_from_imitation(tmp_path):
    """From the policy of its file; that of rewards is kept apart, and the file of another solver is refused."""
    instance = problem("stin-deployment").generate("tiny", 90_003)
    train_and_play("imitation", instance, **QUICK)
    (file,) = (tmp_path / "cache").rglob("imitation--*.safetensors")
    solver, objectives = train_and_play("imitation-ppo", instance, **FEW, start=str(file))
    assert np.isfinite(objectives).all()
    assert solver.policy.network.hidden == QUICK["hidden"]
    (own,) = (tmp_path / "cache").rglob("imitation-ppo--*.safetensors")
    with pytest.raises(DtbenchError, match="of solver 'imitation-ppo' on 'stin-deployment', expected 'imitation'"):
        train_and_play("imitation-ppo", instance, **FEW, start=str(own))


def test_other_first_weights_are_another_training(tmp_path):
    instance = problem("stin-deployment").generate("tiny", 90_003)
    cls = load_solver(discover()["imitation-ppo"])
    for seed in (0, 1):
        load_solver(discover()["imitation"])(problem("stin-deployment"), instance, seed=seed, **QUICK).train()
    first, second = (tmp_path / "cache").rglob("imitation--*.safetensors")
    keys = {cls(problem("stin-deployment"), instance, start=str(file)).place.key for file in (first, second, first)}
    assert len(keys) == 2


def test_reward_from_nothing():
    _, objectives = train_and_play(
        "imitation-ppo", problem("edge-migration").generate("tiny", 3), **FEW, start="nothing"
    )
    assert np.isfinite(objectives).all()

"""Local searches from what a rule or a learned agent decides."""

import numpy as np
import pytest

from dtbench.errors import Declined, DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import play, slots

STARTS = {
    "dnt-spectrum": "greedy", "edge-placement": "nearest", "mec-synchronization": "silent",
    "satellite-offloading": "greedy", "stin-deployment": "greedy-marginal",
}  # fmt: skip
STIN = problem("stin-deployment")


def made(name, owner, instance, **options):
    solver = load_solver(discover()[name])(owner, instance, **options)
    solver.train()
    return solver


def objectives(owner, instance, solver):
    scores = play(owner, instance, solver).scores
    assert scores.feasible.all()
    assert not scores.repaired.any()
    return scores.objective


@pytest.mark.parametrize("id", STARTS)
def test_a_slot_is_never_worse_than_its_start(id):
    """In all slots, decided together and alone; a start that a search has left is where the next one ends."""
    owner = problem(id)
    instance = owner.generate("small" if id == "dnt-spectrum" else "tiny", 31)
    slot = slots(owner, instance)
    search, rule = made("local-search", owner, instance, start=STARTS[id]), owner.heuristics[STARTS[id]]
    begun, ended = owner.evaluate(slot, rule(slot)), owner.evaluate(slot, search.decide(slot))
    assert ended.feasible.all()
    worse = ended.objective - begun.objective if owner.sense == "min" else begun.objective - ended.objective
    assert (worse <= 1e-9).all()
    assert (worse < -1e-9).any(), "nothing was searched"
    alone = owner.evaluate(slot[1], search.decide(slot[1])).objective
    assert alone == pytest.approx(ended.objective[1], rel=1e-9)
    again = owner.heuristics["local-search"](slot, start=search.decide(slot))
    assert owner.evaluate(slot, again).objective == pytest.approx(ended.objective, rel=1e-9)


def test_a_policy_is_improved():
    instance = STIN.generate("paper", 600_001, horizon=3)
    policy = objectives(STIN, instance, made("imitation", STIN, instance))
    improved = objectives(STIN, instance, made("local-search", STIN, instance, start="imitation"))
    assert (improved <= policy + 1e-12).all()
    own = objectives(STIN, instance, made("local-search", STIN, instance))
    assert not np.array_equal(improved, own)


def test_a_local_agent_is_a_start_too_where_slots_are_coupled():
    owner = problem("dnt-spectrum")
    instance = owner.generate("tiny", 0)
    objectives(owner, instance, made("local-search", owner, instance, start="vdn"))


def test_a_named_file_is_played(tmp_path):
    from dtbench.learning.checkpoint import shipped_files

    entry = discover()["imitation"]
    file = shipped_files(entry.file, "stin-deployment", "imitation", "paper", 1)[0]
    instance = STIN.generate("tiny", 3)  # a policy of another size
    scores = objectives(STIN, instance, made("local-search", STIN, instance, start="imitation", checkpoint=str(file)))
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": "gredy"}, "option 'start' names 'gredy'; 'stin-deployment' has .* Did you mean 'greedy'"),
        ({"start": "random"}, "option 'start' names 'random'"),
        ({"checkpoint": "some.safetensors"}, "name the agent with the option start"),
        ({"start": "greedy", "checkpoint": "some.safetensors"}, "is the policy of one learned start"),
    ],
)
def test_what_is_no_start_is_refused(given, words):
    with pytest.raises(DtbenchError, match=words):
        made("local-search", STIN, STIN.generate("tiny", 3), **given)


def test_nothing_is_trained_for_a_start():
    with pytest.raises(Declined, match="no trained policy of 'imitation' for stin-deployment, size tiny, is at hand"):
        made("local-search", STIN, STIN.generate("tiny", 3), start="imitation")


def test_genetic_begins_with_a_policy():
    """The best of the first population survives, so it is never worse."""
    instance = STIN.generate("paper", 600_002, horizon=2)
    policy = objectives(STIN, instance, made("imitation", STIN, instance))
    quick = {"population": 6, "generations": 1, "elitism": 1}
    found = objectives(STIN, instance, made("genetic", STIN, instance, start="imitation", **quick))
    blind = objectives(STIN, instance, made("genetic", STIN, instance, start="", **quick))
    assert (found <= policy + 1e-9).all()
    assert (blind > found).all()

import json

import numpy as np
import pytest

from dtbench.core import Limits
from dtbench.experiments import decisions
from dtbench.library import instances
from dtbench.library.best_known import best_known
from dtbench.problems import problem

from .test_export import solved

TINY = "stin-deployment/tiny-000"
BEST = best_known("stin-deployment")[TINY]


@pytest.fixture
def solution(dtbench, tmp_path):
    """The strong model of slot 3, solved by HiGHS."""
    model, file = tmp_path / "m.lp", tmp_path / "m.sol"
    dtbench("export", TINY, "--slot", 3, "--formulation", "strong", "-o", model)
    solved(model, file)
    return file


@pytest.fixture
def optimal():
    """Decisions of all slots, and the owner."""
    owner, instance = problem("stin-deployment"), instances.load(TINY)
    slots = [owner.slot(instance, t, owner.start(instance)) for t in range(instance.horizon)]
    return owner, owner.Decision.stack([owner.exact(slot, Limits()).decision for slot in slots])


def test_a_solution_is_scored(dtbench, solution):
    table = dtbench("score", TINY, "--slot", 3, "--solution", solution)
    assert table.code == 0
    assert "HiGHS on the strong model" in table.out
    facts = json.loads(dtbench("score", TINY, "--slot", 3, "--solution", solution, "--json").out)
    assert facts["objective"] == pytest.approx(BEST["3"].objective, rel=1e-6)
    assert facts["model_value"] == pytest.approx(facts["objective"], rel=1e-6)
    assert facts["gap_to_best_known"] == pytest.approx(0.0, abs=1e-6)
    assert facts["feasible"]
    assert len(facts["decision"]["node"]) == 5


def test_a_solution_of_another_model_is_refused(dtbench, solution):
    for words, said in (
        (("--slot", 3, "--formulation", "reference"), "is not in the model; it is of another slot"),
        ((), "are not coupled: take them one by one"),
        (("--slot", 10), "has slots 0 to 9"),
    ):
        result = dtbench("score", TINY, *words, "--solution", solution)
        assert result.code == 2
        assert said in result.err
        assert result.err.count("\n") == 1


def test_a_solution_of_another_slot_is_noticed_by_its_value(dtbench, solution):
    result = dtbench("score", TINY, "--slot", 4, "--formulation", "strong", "--solution", solution)
    assert "it may be the solution of another slot or instance" in result.err
    assert result.err.count("\n") == 1


def test_the_horizon_of_coupled_slots_is_scored_as_a_whole(dtbench, tmp_path):
    name, model, file = "edge-migration/tiny-000", tmp_path / "m.mps", tmp_path / "m.sol"
    dtbench("export", name, "--horizon", "-o", model)
    solved(model, file)
    facts = json.loads(dtbench("score", name, "--solution", file, "--json").out)
    assert facts["objective"] == pytest.approx(best_known("edge-migration")[name]["horizon"].objective, rel=1e-5)
    assert facts["repaired_slots"] == []
    assert facts["objective"] == pytest.approx(np.mean(facts["slots"]))


def test_decisions_of_a_slot_in_json(dtbench, tmp_path, optimal):
    file = tmp_path / "d.json"
    file.write_text(json.dumps({"node": optimal[1].node[3].tolist()}))
    facts = json.loads(dtbench("score", TINY, "--slot", 3, "--decisions", file, "--json").out)
    assert facts["objective"] == pytest.approx(BEST["3"].objective, rel=1e-6)
    file.write_text(json.dumps({"node": [1] * 5}))
    result = dtbench("score", TINY, "--slot", 3, "--decisions", file)
    assert result.code == 1
    assert "after repair" in result.out
    assert "no: capacity" in result.out


def test_decisions_of_a_horizon(dtbench, tmp_path, optimal):
    owner, every = optimal
    written, listed = tmp_path / "d.nc", tmp_path / "d.json"
    decisions.write(written, owner, every)
    listed.write_text(json.dumps({"node": every.node.tolist()}))
    for file in (written, listed):
        facts = json.loads(dtbench("score", TINY, "--decisions", file, "--json").out)
        assert facts["objective"] == pytest.approx(BEST["horizon"].objective, rel=1e-6)
    facts = json.loads(dtbench("score", TINY, "--slot", 3, "--decisions", written, "--json").out)
    assert facts["objective"] == pytest.approx(BEST["3"].objective, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "expected an object with the fields node"),
        ('{"nodes": [1]}', "unknown field 'nodes'; expected node"),
        ("{}", "field 'node' is missing (a_i, node in [0, J+2)"),
        ('{"node": ["a"]}', "field 'node' is ['a'], expected numbers"),
        ('{"node": [[1], [1, 2]]}', "expected numbers in lists of equal lengths"),
        ('{"node": [1, 2]}', "decision field 'node' has shape (2,), expected (5,)"),
        ('{"node": [0.5, 1, 1, 1, 1]}', "decision field 'node' holds fractions"),
        ('{"node": [NaN, 1, 1, 1, 1]}', "NaN is not a number of JSON"),
        ("{", "is truncated or not JSON"),
    ],
)
def test_decisions_that_are_none(dtbench, tmp_path, text, words):
    file = tmp_path / "d.json"
    file.write_text(text)
    result = dtbench("score", TINY, "--slot", 3, "--decisions", file)
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1


def test_mistakes(dtbench, tmp_path, solution):
    for arguments, words in (
        ((), "give either --solution or --decisions"),
        (("--solution", solution, "--decisions", "a.nc"), "give either --solution or --decisions"),
        (("--decisions", "a.txt"), "expected a name that ends in .nc or .json"),
        (("--decisions", "a.json", "--formulation", "strong"), "--formulation belongs to --solution"),
        (("--solution", tmp_path / "no.sol"), "does not exist"),
    ):
        result = dtbench("score", TINY, "--slot", 3, *arguments)
        assert result.code == 2
        assert words in result.err

"""The one rule of who is paid what, and the facts about proofs and files."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.cli.toy_problem.problem import ToyProblem
from dtbench.core import Exactness, LibraryFacts, Problem


class Paid(ToyProblem):
    """Agents of the problem earn 1, 2, 3, 4."""

    def reward(self, slot, outcome):
        return np.full(outcome.objective.shape, 10.0)

    def agent_rewards(self, slot, outcome, n_agents):
        return np.broadcast_to(np.arange(1.0, n_agents + 1), (*outcome.objective.shape, n_agents))


ASKED = {"reward": lambda slot, x: np.full(x.shape[:-1], 20.0)}
EACH = {"agent_rewards": lambda slot, x, outcome: 100.0 + x}


@pytest.mark.parametrize(
    ("own", "team", "agents"),
    [
        ({}, 10.0, [1.0, 2.0, 3.0, 4.0]),
        (ASKED, 20.0, [20.0, 20.0, 20.0, 20.0]),
        (EACH, 10.0, [100.0, 101.0, 100.0, 101.0]),
        (ASKED | EACH, 20.0, [100.0, 101.0, 100.0, 101.0]),
    ],
    ids=["problem", "encoding", "encoding-agents", "encoding-both"],
)
def test_the_encoding_is_asked_before_the_problem(own, team, agents):
    problem = Paid()
    instance = problem.generate("tiny", 0)
    slot = problem.slot(instance, 0, problem.start(instance))
    encoding = dataclasses.replace(problem.encodings(instance)["agents"], **own)
    x = np.tile([0, 1, 0, 1], (3, 1))
    outcome = problem.evaluate(slot, encoding.decode(slot, x))
    paid, each = problem.rewards(encoding, slot, x, outcome)
    assert_allclose(paid, np.full(3, team))
    assert_allclose(each, np.tile(agents, (3, 1)))


def test_target_gap_of_a_size():
    exactness = Exactness(methods=("strong",), target_gap=1e-6, target_gaps={"large": 1e-4})
    assert exactness.target_gap_of("large") == 1e-4
    assert exactness.target_gap_of("tiny") == 1e-6
    assert Problem.library == LibraryFacts(generator_version=1, counts={}, bracket_sizes=())


def test_what_a_problem_must_implement_is_listed():
    """Every abstract method, and every other method that a problem may have, stands in the class's docstring."""
    for name in Problem.__abstractmethods__:
        assert f":meth:`{name}`" in Problem.__doc__.partition("*What may be there*")[0], name
    public = {n for n, value in vars(Problem).items() if callable(value) and not n.startswith("_")}
    for name in public - Problem.__abstractmethods__ - {"params", "slot", "rewards"}:
        assert f":meth:`{name}`" in Problem.__doc__.partition("*What may be there*")[2], name
    for name in Problem.__annotations__:
        assert f"``{name}``" in Problem.__doc__, name

"""Every shipped solver passes the conformance tests on every problem it takes.

A cell of an agent that learns is a process that imports torch, and this costs more than its short training. So
``make test`` tries each of them on one problem, another for each, and ``make test-slow`` on the others. That they learn
on every problem, the tests of the folder ``solvers`` show.
"""

from itertools import count

import pytest

from dtbench.experiments.conformance import check
from dtbench.plugins.discovery import discover
from dtbench.problems import all_problems

SHIPPED = discover()


def cases():
    """Pairs of a solver and a problem; of learners, all but one are slow."""
    turns = count()
    for name, entry in SHIPPED.items():
        taken = [id for id in all_problems() if entry.takes(id)]
        kept = taken[next(turns) % len(taken)] if entry.trains else None
        for id in taken:
            marks = [pytest.mark.slow] if kept not in (None, id) else []
            yield pytest.param(name, id, marks=marks, id=f"{name}-{id}")


CASES = list(cases())


@pytest.mark.parametrize(("name", "id"), CASES)
def test_conformance(name, id):
    checks = list(check(SHIPPED[name], problems=[id]))
    assert {c.problem for c in checks} == {"", id}
    assert not [c for c in checks if not c.passed]
    assert not SHIPPED[name].error


def test_conformance_leaves_no_problem_and_no_solver_out():
    """What ``make test`` tries of agents that learn covers all problems, and all of them."""
    now = [case.values for case in CASES if not case.marks and SHIPPED[case.values[0]].trains]
    assert {name for name, _ in now} == {name for name, entry in SHIPPED.items() if entry.trains}
    assert {id for _, id in now} == set(all_problems())


def test_every_problem_that_a_solver_takes_is_tried():
    entry = SHIPPED["random"]
    assert {c.problem for c in check(entry)} == {"", *(id for id in all_problems() if entry.takes(id))}


WRONG = {
    "unseeded": (
        "import numpy as np\nfrom dtbench import Solver\nclass A(Solver):\n    name = 'unseeded'\n"
        "    problems = ('stin-deployment',)\n    def decide(self, slot):\n"
        "        return self.problem.Decision(node=np.random.default_rng().integers(0, 2, slot.n_users))\n",
        "same seed, same decisions",
    ),
    "writes": (
        "from dtbench import Solver\nclass A(Solver):\n    name = 'writes'\n    problems = ('stin-deployment',)\n"
        "    def decide(self, slot):\n        self.instance.data_bits[:] = 0.0\n",
        "solves a fresh instance",
    ),
    "speechless": (
        "import numpy as np\nfrom dtbench import Solver\nclass A(Solver):\n    name = 'speechless'\n"
        "    problems = ('stin-deployment',)\n"
        "    def decide(self, slot):\n        return self.problem.Decision(node=np.zeros(slot.n_users, int))\n",
        "the file's first line says what it is for",
    ),
    "pretends": (
        '"""Draws."""\nfrom dtbench import Solver\nclass A(Solver):\n    name = "pretends"\n'
        "    problems = ('stin-deployment',)\n    deterministic = True\n    def decide(self, slot):\n"
        "        return self.problem.Decision(node=self.rng.integers(0, 2, slot.n_users))\n",
        "deterministic: the seed changes nothing",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_check_can_fail(name, tmp_path):
    text, what = WRONG[name]
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    failed = [c.what for c in check(discover([tmp_path])[name]) if not c.passed]
    assert what in failed

"""Every shipped solver passes the conformance tests on every problem it takes."""

import pytest

from dtbench.experiments.conformance import check
from dtbench.plugins.discovery import discover

SHIPPED = discover()


@pytest.mark.parametrize("name", SHIPPED)
def test_conformance(name):
    failed = [c for c in check(SHIPPED[name]) if not c.passed]
    assert not failed
    assert not SHIPPED[name].error


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

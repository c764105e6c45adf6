"""A learned agent out of numpy, and an empty cache for every test."""

from pathlib import Path

import pytest

from dtbench.learning import cache
from dtbench.plugins.discovery import discover, load_solver

SOLVERS = Path(__file__).parent / "solvers"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """The folder of trained policies of this test."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "policies"


@pytest.fixture(scope="session")
def hill():
    """The solver class."""
    return load_solver(discover([SOLVERS])["hill"])

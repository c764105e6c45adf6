"""Imitation as a solver: it sees the whole slot, and plays networks of other sizes than its own."""

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem

from .training import train_and_play

QUICK = {"episodes": 4, "parallel": 2, "slots": 2, "updates": 2, "batch": 4, "hidden": 8, "layers": 2, "traces": 2}


@pytest.mark.parametrize("id", ["stin-deployment", "edge-migration"])
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


def test_presets_are_taken():
    """Every problem that it takes has settings, and every value fits its option."""
    entry = discover()["imitation"]
    cls = load_solver(entry)
    assert set(cls.presets["tuned"]) == set(cls.problems)
    for id in cls.problems:
        made = cls(problem(id), problem(id).generate("tiny", 3))
        assert made.encoding in problem(id).encodings(made.instance)


def test_an_encoding_without_sets_is_refused():
    with pytest.raises(DtbenchError, match="no layout of sets"):
        train_and_play("imitation", problem("stin-deployment").generate("tiny", 3), **QUICK, encoding="agents")

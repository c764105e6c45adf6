"""Trains a learned agent and lets the referee play it."""

from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import play


def train_and_play(name, instance, **options):
    """Train, decide every slot; the solver and the referee's objectives. Only what is asked for may need repair."""
    owner = problem(instance.problem)
    solver = load_solver(discover()[name])(owner, instance, seed=1, **options)
    solver.train()
    scores = play(owner, instance, solver).scores
    assert scores.feasible.all()
    if owner.encodings(instance)[solver.encoding].ask is None:
        assert not scores.repaired.any()
    return solver, scores.objective

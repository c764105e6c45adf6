"""The genetic algorithm in the encodings that problems have."""

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import play

PLACEMENT = problem("edge-placement")
QUICK = {"population": 8, "generations": 2, "elitism": 1}


def search(**options):
    instance = PLACEMENT.generate("tiny", 3, horizon=2)
    return play(PLACEMENT, instance, load_solver(discover()["genetic"])(PLACEMENT, instance, **QUICK, **options))


@pytest.mark.parametrize("encoding", PLACEMENT.encodings(PLACEMENT.generate("tiny", 3)))
def test_every_encoding_is_searched(encoding):
    """Also where genes are choices and reals side by side, so that none can be relabelled."""
    scores = search(encoding=encoding).scores
    assert scores.feasible.all()
    assert np.isfinite(scores.objective).all()


def test_relabelling_of_unlike_genes_is_refused_if_it_is_asked_for():
    with pytest.raises(DtbenchError, match="'relabel' needs genes of one kind; those of 'edge-placement' differ"):
        search(encoding="hybrid", relabel=0.1)


def genetic(owner, instance, **options):
    return load_solver(discover()["genetic"])(owner, instance, **options)


def test_a_chromosome_that_is_known_is_not_scored_again(monkeypatch):
    """Without crossover and mutation every child equals its parent."""
    instance = PLACEMENT.generate("tiny", 3, horizon=1)
    slot = PLACEMENT.slot(instance, 0, PLACEMENT.start(instance))
    solver, scored, evaluate = genetic(PLACEMENT, instance, population=8, generations=5), [], PLACEMENT.evaluate
    solver.options = solver.options.replace({"crossover": 0.0, "mutation": 0.0, "relabel": 0.0})
    monkeypatch.setattr(
        type(PLACEMENT), "evaluate", lambda self, slot, x: scored.append(x.batch_shape) or evaluate(slot, x)
    )
    solver.decide(slot)
    assert len(scored) == 1
    assert scored[0] <= (8,)


def test_known_and_unknown_chromosomes_have_the_referees_objectives():
    owner = problem("mec-synchronization")
    instance = owner.generate("small", 3)
    slot = owner.slot(instance, 0, owner.start(instance))
    solver = genetic(owner, instance, seed=1)
    genes = solver.encoding.sample(np.random.default_rng(0), (6,))[[0, 1, 1, 2, 3, 0]]
    before, worth = solver.score(slot, genes[:2], {})
    known = {row.tobytes(): value for row, value in zip(before, worth, strict=True)}
    members, objective = solver.score(slot, np.concatenate([genes, before]), known)
    decisions = solver.encoding.decode(slot, members)
    np.testing.assert_allclose(objective, owner.evaluate(slot, decisions).objective, rtol=1e-12)


def test_operators_change_as_many_genes_as_they_should():
    """Of both kinds, within their bounds; parents stay as they are."""
    owner = problem("satellite-offloading")
    instance = owner.generate("small", 0)
    solver = genetic(owner, instance, mutation=2.0)
    encoding = solver.encoding
    parents = encoding.sample(np.random.default_rng(0), (4000,))
    children = parents.copy()
    solver.mutate(children)
    changed = children != parents
    real = ~encoding.discrete
    assert 0 < real.sum() < len(real)
    assert changed[:, real].mean() == pytest.approx(2.0 / encoding.size, rel=0.1)
    choices = (encoding.high - encoding.low + 1)[~real]
    assert changed[:, ~real].mean() == pytest.approx(2.0 / encoding.size * np.mean(1 - 1 / choices), rel=0.1)
    assert (children >= encoding.low).all()
    assert (children <= encoding.high).all()
    moved = np.abs(children - parents)[:, real][changed[:, real]]
    assert np.median(moved) < 0.1 * (encoding.high - encoding.low)[real].max()  # near the parent


def test_crossing_swaps_genes_of_neighbours_only():
    instance = PLACEMENT.generate("tiny", 3)
    solver = genetic(PLACEMENT, instance, crossover=1.0)
    parents = solver.encoding.sample(np.random.default_rng(0), (401,))
    children = parents.copy()
    solver.cross(children)
    pairs = (400 // 2, 2, -1)
    assert (np.sort(children[:400].reshape(pairs), axis=1) == np.sort(parents[:400].reshape(pairs), axis=1)).all()
    assert (children[400] == parents[400]).all()
    assert (children != parents).any()


def test_a_seed_gives_the_same_decisions_again():
    first, again = (search(seed=1).scores.objective for _ in range(2))
    np.testing.assert_array_equal(first, again)

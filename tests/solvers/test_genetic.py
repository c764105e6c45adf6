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

"""The model on sets of served users: its rows hold for every set, and together they are exact."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dtbench.core import Limits
from dtbench.exact.highs import solve_highs
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.forms import Sets, closed
from dtbench.problems.mec_synchronization.sets import Prices

from .hand import slots_of


@pytest.mark.parametrize("seed", range(4))
def test_no_row_takes_more_than_a_set_costs(seed):
    """Every set of at most six users, fixed: the model is not above E(S), and equal to it where all sets have rows."""
    slot = slots_of("tiny", seed)[seed]
    candidates = Candidates.of(slot, slot.host)
    candidates = candidates.only(np.flatnonzero(candidates.valid)[:6])
    sets = Sets(Prices(candidates), 1.0)
    closed(sets, Limits(gap=1e-7))
    whole = Sets(Prices(candidates), 1.0)
    members = np.array(list(itertools.product([False, True], repeat=len(sets.part))))
    every = np.zeros((len(members), candidates.count), dtype=bool)
    every[:, sets.part] = members
    for member in every:
        whole.add(member)
    for member in every:
        cost = sets.prices.total(member)
        assert value_at(sets, member) <= cost * (1 + 1e-6)
        assert value_at(whole, member) == pytest.approx(cost, rel=1e-6)


def value_at(sets, member):
    """The model's least value with exactly these users served; infinite if there is none."""
    model = sets.model()
    n = len(sets.part)
    lower, upper = model.lower.copy(), model.upper.copy()
    lower[:n] = upper[:n] = member[sets.part]
    result = solve_highs(replace(model, lower=lower, upper=upper), Limits(gap=1e-9))
    return np.inf if result.x is None else result.objective

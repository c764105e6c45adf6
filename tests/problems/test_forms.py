"""Models for other solvers in other readings and over horizons; the laws of problems hold the usual ones."""

from dataclasses import replace

import numpy as np
import pytest

from dtbench import referee
from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.exact.export import column_names
from dtbench.exact.form import form_of, start_of
from dtbench.exact.highs import solve_highs
from dtbench.library import instances
from dtbench.problems import problem

SOLVED = Limits(gap=1e-9, seconds=30.0)
PROBLEMS = (
    "stin-deployment", "edge-placement", "edge-migration",
    "dnt-spectrum", "satellite-offloading", "mec-synchronization",
)  # fmt: skip


def slot_of(id, t=0, size="tiny", **overrides):
    owner = problem(id)
    instance = owner.generate(size, 5, **overrides) if overrides else instances.load(f"{id}/{size}-000")
    return owner, owner.slot(instance, t, owner.start(instance))


def require_both_ways(owner, slot, form, best):
    """The model's optimum is ``best``, and so is the decision that it says."""
    result = solve_highs(form.model, SOLVED)
    assert result.objective == pytest.approx(best.objective, rel=1e-6)
    x = np.where(form.model.integer, np.round(result.x), result.x)
    outcome = owner.evaluate(slot, form.decision(x))
    assert outcome.feasible
    assert outcome.objective == pytest.approx(best.objective, rel=1e-6)
    start = start_of(form, best.decision)
    assert owner.evaluate(slot, form.decision(start)).objective == pytest.approx(best.objective, rel=1e-6)


@pytest.mark.parametrize("formulation", ["reference", "strong"])
@pytest.mark.parametrize("id", PROBLEMS)
def test_which_models_are_exact(id, formulation):
    owner, slot = slot_of(id)
    form = form_of(owner, slot, formulation, Limits(seconds=30.0))
    assert form.exact == ((id, formulation) != ("mec-synchronization", "reference"))
    assert len(set(column_names(form.model))) == form.model.n_columns
    assert all(len(line) < 200 for line in form.legend)


@pytest.mark.parametrize(
    ("id", "formulation", "overrides"),
    [
        ("stin-deployment", "strong", {"split": "optimal"}),
        ("stin-deployment", "reference", {"split": "optimal", "sat_share": "all"}),
        ("dnt-spectrum", "strong", {"interference": "printed"}),
        ("edge-placement", "reference", {"objective": "latency"}),
        ("mec-synchronization", "strong", {"interference": "printed", "n_users": 12, "n_bs": 2}),
    ],
)
def test_other_readings(id, formulation, overrides):
    owner, slot = slot_of(id, **overrides)
    form = form_of(owner, slot, formulation, Limits(seconds=30.0))
    assert form.exact
    require_both_ways(owner, slot, form, owner.exact(slot, Limits(gap=1e-8)))


@pytest.mark.parametrize("id", ["edge-migration", "dnt-spectrum"])
def test_models_of_the_horizon(id):
    owner, instance = problem(id), instances.load(f"{id}/tiny-000")
    best = owner.exact_horizon(instance)
    form = owner.horizon_form(instance, Limits(seconds=60.0))
    assert form.exact
    result = solve_highs(form.model, SOLVED)
    assert result.objective == pytest.approx(best.objective, rel=1e-6)
    for x in (result.x, start_of(form, best.decision)):
        scores = referee.rescore(owner, instance, form.decision(x))
        assert not scores.repaired.any()
        assert scores.mean == pytest.approx(best.objective, rel=1e-6)


def test_without_time_for_tangents_a_model_is_a_bound_and_says_so():
    for id in ("edge-placement", "satellite-offloading"):
        owner, slot = slot_of(id, size="small")
        form = form_of(owner, slot, "strong", Limits(seconds=0.0))
        assert not form.exact
        assert "lower bound" in form.kind
        value, best = solve_highs(form.model, SOLVED).objective, owner.exact(slot).objective
        assert value <= best * (1 + 1e-9)
        assert np.isnan(form.gap) or value >= best * (1 - form.gap)


def test_decisions_that_a_model_cannot_express():
    owner, slot = slot_of("edge-migration")
    everybody_on_one = owner.Decision(assoc=np.zeros(slot.n_users, dtype=np.int64))
    with pytest.raises(DtbenchError, match="the model cannot express the start"):
        start_of(form_of(owner, slot, "strong", None), everybody_on_one)


def test_problems_without_such_a_model():
    owner, slot = slot_of("dnt-spectrum", interference="printed")
    with pytest.raises(DtbenchError, match="use --formulation strong"):
        form_of(owner, slot, "reference", None)
    owner, slot = slot_of("satellite-offloading", train_delay="max")
    with pytest.raises(DtbenchError, match="no MILP with train_delay 'max'"):
        form_of(owner, slot, "strong", None)
    owner = problem("dnt-spectrum")
    instance = instances.load("dnt-spectrum/tiny-000")
    joint = replace(instance, params=instance.params.replace({"predictor": "gru"}))
    with pytest.raises(DtbenchError, match="no model of the whole horizon with predictor 'gru'"):
        owner.horizon_form(joint, None)

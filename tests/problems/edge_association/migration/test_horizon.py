"""The clairvoyant optimum: equal to dynamic programming, above every policy, with a bound that holds."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import Limits
from dtbench.errors import Declined
from dtbench.problems.edge_association.migration import arcs, heuristics, horizon
from dtbench.problems.edge_association.migration.horizon import Search, myopic_trajectories
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationState
from dtbench.problems.edge_association.migration.paths import Columns, Graph

from .hand import MIGRATION, all_associations


def dynamic_program(instance):
    """Optimal horizon mean over all joint associations (81 at size tiny), slot by slot, by the referee alone."""
    joint = all_associations(instance.dims["user"], instance.dims["server"])
    decisions = MigrationDecision(assoc=joint)
    begin = MIGRATION.evaluate(MIGRATION.slot(instance, 0, MIGRATION.start(instance)), decisions)
    value = np.where(begin.feasible, begin.objective, -np.inf)
    for t in range(1, instance.horizon):
        state = MigrationState(prev=joint, prev_xy=np.broadcast_to(instance.user_xy[t - 1], (*joint.shape, 2)))
        verdict = MIGRATION.evaluate(MIGRATION.slot(instance, t, state)[:, None], decisions[None])
        value = (value[:, None] + np.where(verdict.feasible, verdict.objective, -np.inf)).max(axis=0)
    return value.max() / instance.horizon


@pytest.mark.parametrize("seed", range(24))
def test_equals_dynamic_programming_on_tiny(seed):
    instance = MIGRATION.generate("tiny", seed, mig_size=1.0 + seed % 2)
    certificate = MIGRATION.exact_horizon(instance, Limits(gap=1e-9))
    assert_allclose(certificate.objective, dynamic_program(instance), rtol=1e-12)
    assert certificate.status == "optimal"
    assert certificate.bound >= certificate.objective


@pytest.mark.parametrize(("size", "seed"), [("tiny", 0), ("small", 1), ("paper", 0), ("paper", 3)])
def test_bound_optimum_and_policies_in_order(size, seed):
    """The trajectory is feasible and scores as certified; no policy passes it; the bound is within 1e-5."""
    instance = MIGRATION.generate(size, seed)
    certificate = MIGRATION.exact_horizon(instance)
    scores = referee.rescore(MIGRATION, instance, certificate.decision)
    assert certificate.decision.assoc.shape == (instance.horizon, instance.dims["user"])
    assert scores.feasible.all()
    assert not scores.repaired.any()
    assert scores.mean == certificate.objective <= certificate.bound
    assert certificate.status == "optimal"
    assert certificate.gap <= 1e-5
    for rule in MIGRATION.heuristics.values():
        assert heuristics.play(MIGRATION, instance, rule)[1].mean <= certificate.objective + 1e-12


def test_free_moves_decouple_the_slots():
    """mig = 0: the horizon's optimum is the mean of the slots' optima."""
    instance = MIGRATION.generate("paper", 2, mig=0.0, n_users=50, horizon=10)
    slots = referee.slots(MIGRATION, instance)
    means = [MIGRATION.exact(slots[t]).objective for t in range(10)]
    assert_allclose(MIGRATION.exact_horizon(instance).objective, np.mean(means), rtol=1e-12)


def test_dearer_moves_are_worth_less():
    """The optimum falls with mig."""
    instance = MIGRATION.generate("small", 4)
    values = []
    for mig in (0.0, 0.5, 1.0, 2.0):
        dearer = dataclasses.replace(instance, params=instance.params.replace({"mig": mig}))
        values.append(MIGRATION.exact_horizon(dearer).objective)
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("options", [{}, {"interaction": "update"}, {"mig_size": 2.0}, {"energy_term": "total"}])
def test_arcs_agree_with_paths(options):
    instance = MIGRATION.generate("small", 0, **options)
    paths, naive = MIGRATION.exact_horizon(instance), arcs.solve(MIGRATION, instance, Limits())
    assert naive.status == "optimal"
    assert_allclose(paths.objective, naive.objective, rtol=2e-5)
    assert naive.bound >= paths.objective - 1e-9
    assert paths.bound >= naive.objective - 1e-9


def test_arcs_close_the_gap_that_paths_leave():
    """The LP bound of this instance lies 2.3e-5 above its optimum, 0.9816056, which the arc MILP confirms."""
    certificate = MIGRATION.exact_horizon(MIGRATION.generate("paper", 0))
    assert certificate.details["arcs"] > 0
    assert_allclose(certificate.objective, 0.9816056307, rtol=1e-9)


def test_out_of_time_the_bound_still_holds():
    """No seconds: the myopic trajectory and the bound at zero prices."""
    instance = MIGRATION.generate("small", 0)
    hasty, best = (MIGRATION.exact_horizon(instance, Limits(seconds=s)) for s in (0.0, 60.0))
    assert hasty.status == "feasible"
    assert hasty.objective <= best.objective <= best.bound <= hasty.bound
    assert np.isfinite(hasty.bound)


def test_infeasible_instances_are_certified():
    instance = MIGRATION.generate("tiny", 0)
    late = dataclasses.replace(instance, deadline=np.full_like(instance.deadline, 1e-6))
    for certificate in (MIGRATION.exact_horizon(late), arcs.solve(MIGRATION, late, Limits())):
        assert certificate.status == "infeasible"
        assert certificate.decision is None


def test_batches_are_refused():
    batch = MIGRATION.resample(MIGRATION.generate("tiny", 0), np.random.default_rng(0), (2,))
    with pytest.raises(ValueError, match="leading axes"):
        MIGRATION.exact_horizon(batch)


def test_prices_by_hand():
    """One user, two slots, two servers; worth 1 on server 0, 2 on 1, moves cost 3; then 1 is priced at 1.5 a slot."""
    step = np.array([[[1.0, -1.0]], [[-2.0, 2.0]]])[None]
    graph = Graph(first=np.array([[1.0, 2.0]]), step=step, cap=np.array([1, 1]))
    values, paths = graph.price(np.zeros((2, 2)))
    assert_allclose(values, [4.0])
    assert_array_equal(paths, [[1, 1]])
    values, paths = graph.price(np.array([[0.0, 1.5], [0.0, 1.5]]))
    assert_allclose(values, [2.0])
    assert_array_equal(paths, [[0, 0]])
    assert_allclose(graph.worth(np.array([0, 0]), np.array([[0, 0], [1, 0]])), [2.0, 0.0])


def test_every_price_bounds_every_trajectory():
    """Random prices bound the optimum; arcs beyond the loss carry no better trajectory."""
    instance = MIGRATION.generate("tiny", 3)
    graph, best = Graph.of(MIGRATION, instance), MIGRATION.exact_horizon(instance)
    total, rng = best.objective * best.decision.assoc.size, np.random.default_rng(0)
    users = np.arange(4)
    assert_allclose(graph.worth(users, best.decision.assoc.T).sum(), total)
    for _ in range(50):
        mu = rng.exponential(0.2, (4, 3)) * (rng.random((4, 3)) < 0.5)
        bound = graph.price(mu)[0].sum() + (mu * graph.cap).sum()
        assert bound >= total - 1e-12
        kept = graph.within(mu, bound - total + 1e-9)
        assert_allclose(kept.worth(users, best.decision.assoc.T).sum(), total)
        assert not np.isfinite(graph.within(mu, -1.0).first).any()


def test_columns_are_distinct():
    graph = Graph.of(MIGRATION, MIGRATION.generate("tiny", 3))
    columns, paths = Columns(graph), graph.price(np.zeros((4, 3)))[1]
    assert (columns.add(paths), columns.add(paths)) == (4, 0)
    other = paths.copy()
    other[2, 1] = (other[2, 1] + 1) % 3
    assert columns.add(other) == 1
    assert_array_equal(columns.index(other), [0, 1, 4, 3])


def test_search_keeps_the_better_start():
    instance = MIGRATION.generate("small", 3)
    myopic, ahead = starts = myopic_trajectories(MIGRATION, instance, np.inf)
    for order in (starts, starts[::-1]):
        search = Search(Graph.of(MIGRATION, instance), order, Limits(), np.inf)
        assert_array_equal(search.incumbent, ahead)
    assert not np.array_equal(myopic, ahead)


def test_without_time_for_a_vast_graph_there_is_a_trajectory_and_a_bound(monkeypatch):
    monkeypatch.setattr(horizon, "VAST", 0)
    for seed in range(3):
        instance = MIGRATION.generate("small", seed)
        best, none = (MIGRATION.exact_horizon(instance, Limits(seconds=s)) for s in (60.0, 0.0))
        assert none.objective <= best.objective <= best.bound + 1e-9 <= none.bound + 2e-9
        scores = referee.rescore(MIGRATION, instance, none.decision)
        assert not scores.repaired.any()
        assert none.objective == pytest.approx(scores.mean, rel=1e-12)


def test_too_many_arcs_are_declined(monkeypatch):
    monkeypatch.setattr(arcs, "MOST_ARCS", 10)
    with pytest.raises(Declined, match="take 'paths'"):
        MIGRATION.exact_horizon(MIGRATION.generate("tiny", 0), Limits(), "arcs")

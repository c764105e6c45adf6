"""Values and effects by hand."""

import math
from dataclasses import replace

import pytest

from dtbench.reports.claims.measure import Runs, better_by
from tests.reports.claims.conftest import LEARNER, RIVAL, STUDY

T2 = 4.302652729911275  # t_2(0.975)


def test_half_widths_of_seeds_and_instances_add_up_in_squares(make_study, make_bundle):
    """Values i + 10 s, i and s in 0, 1, 2: the mean is 11; t intervals of 0, 1, 2 and of 0, 10, 20."""
    runs = Runs(make_study(), make_bundle(lambda title, n, i, s: i + 10.0 * s))
    found = runs.value(LEARNER, (3,), "objective")
    over_instances, over_seeds = T2 * 1 / math.sqrt(3), T2 * 10 / math.sqrt(3)
    assert found.mean == pytest.approx(11.0)
    assert found.upper - found.mean == pytest.approx(math.hypot(over_instances, over_seeds))
    assert found.n == 3


def test_where_nothing_is_learned_instances_alone_spread(make_study, make_bundle):
    runs = Runs(make_study(), make_bundle(lambda title, n, i, s: float(i)))
    found = runs.value("greedy", (3,), "objective")
    assert found.upper - found.mean == pytest.approx(T2 / math.sqrt(3))


def test_what_instances_have_in_common_drops_out(make_study, make_bundle):
    """Instances differ tenfold; the learner takes 0.8 of the rival's latency on each."""
    runs = Runs(make_study(), make_bundle(lambda title, n, i, s: 10.0**i * (0.8 if title == LEARNER else 1.0)))
    found = runs.effect([(LEARNER, (3,)), (RIVAL, (3,))], "objective", better_by("less"))
    assert (found.mean, found.lower, found.upper) == pytest.approx((0.2, 0.2, 0.2))


def test_an_effect_is_that_of_the_means(make_study, make_bundle):
    """Greedy 1, 1, 4 (mean 2), optimum 1, 1, 1: worse by 1, not by the mean of 0, 0, 3."""
    greedy = {0: 1.0, 1: 1.0, 2: 4.0}
    runs = Runs(make_study(), make_bundle(lambda title, n, i, s: greedy[i] if title == "greedy" else 1.0))
    found = runs.effect([("greedy", (3,)), ("optimum", (3,))], "objective", better_by("less"))
    assert found.mean == pytest.approx(-1.0)


def test_instances_without_a_score_count_for_nobody(make_study, make_bundle):
    runs = Runs(make_study(), make_bundle(lambda t, n, i, s: None if t == "greedy" and i == 2 else 1.0 + i))
    found = runs.effect([("greedy", (3,)), ("optimum", (3,))], "objective", lambda values: values[1])
    assert (found.mean, found.n) == (1.5, 2)


def test_a_metric_is_divided_by_its_parameters(make_study, make_bundle):
    runs = Runs(make_study(), make_bundle(lambda *_: 1.0))
    assert [runs.value("greedy", (n,), "comm").mean for n in (3, 4, 5)] == pytest.approx([2.0, 1.5, 1.2])


def test_one_seed_has_no_interval(make_study, make_bundle):
    runs = Runs(make_study(), make_bundle(lambda t, n, i, s: 1.0 if s == 0 or t != LEARNER else None))
    found = runs.value(LEARNER, (3,), "objective")
    assert (found.n, found.lower) == (1, None)


def test_times_do_not_spread_over_instances(make_study, make_bundle):
    runs = Runs(make_study(), make_bundle(lambda *_: 1.0))
    found = runs.value(LEARNER, (3,), "decide_seconds")
    assert (found.n, found.mean, found.lower, found.upper) == (3, 0.5, 0.5, 0.5)


def test_a_metric_is_a_part_of_what_another_method_has(make_study, make_bundle):
    """On each instance of its own whole: 4 of 8 and of 10, 6 of 12; a run without a whole does not count."""
    text = STUDY.replace('per = ["n_users"]', 'part_of = "RD"')
    bundle = make_bundle(lambda *_: 1.0, points=(3,))
    whole = {20000: 8.0, 20001: 10.0, 20002: 0.0}
    runs = tuple(
        replace(run, values=run.values | {"comm": whole[run.instance] if run.method == "RD" else 4.0})
        for run in bundle.runs
    )
    found = Runs(make_study(text=text), replace(bundle, runs=runs)).value(LEARNER, (3,), "comm")
    assert found.mean == pytest.approx((4 / 8 + 4 / 10) / 2)


def test_what_a_bound_leaves_open(make_study, make_bundle):
    def gap(bound):
        return Runs(make_study(), make_bundle(lambda *_: 2.0, bound=bound)).unproven("optimum")

    assert gap(1.0) == 0.0
    assert gap(0.75) == pytest.approx(0.25)
    assert gap(None) is None

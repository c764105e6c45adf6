"""Gaps after some time and primal integrals by hand, of curves and of records without one; the figure."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.drawing.style import pixels
from dtbench.errors import DtbenchError
from dtbench.experiments.record import Anytime
from dtbench.reports import anytime
from dtbench.reports.anytime import Steps, primal_gap, primal_integral
from dtbench.reports.cells import as_dicts
from dtbench.reports.columns import chosen, shown
from dtbench.reports.leaderboard import build
from dtbench.reports.render import as_data, document, leaderboard_rows
from dtbench.reports.scores import collect

from .conftest import FACTS, record

BEST = {"lights/tiny-000": 10.0, "lights/tiny-001": 10.0, "harvest/tiny-000": 10.0}


def curve(*points, of="slot", bound=None):
    seconds, incumbent = zip(*points, strict=True)
    return Anytime(of=of, seconds=list(seconds), incumbent=list(incumbent), bound=[bound] * len(points))


def searched(number=0, label="search", problem="lights", **more):
    """20 after 0.5 s, 12.5 after 1 s, 10 from 20 s on."""
    points = curve((0.25, None), (0.5, 20.0), (1.0, 12.5), (20.0, 10.0))
    return record(label, number, 10.0, seconds=20.0, problem=problem, anytime=points, **more)


def runs(*records):
    return collect(list(records), BEST, FACTS)


def test_gap_at_by_hand():
    """100 % from 0.5 s on, 25 % from 1 s on, 0 from 20 s on."""
    (group,) = runs(searched())
    (run,) = group.runs
    found = [anytime.gap_at(run, "min", seconds) for seconds in (0.3, 0.5, 0.99, 1.0, 19.0, 20.0, 1e6)]
    assert found == [None, 1.0, 1.0, 0.25, 0.25, 0.0, 0.0]


def test_primal_integral_by_hand():
    """1 for 0.5 s, 0.5 for 0.5 s, 0.2 for 19 s, then 0: 0.5 + 0.25 + 3.8 = 4.55 s; up to 2 s it is 0.95 s."""
    steps = Steps(np.array([0.5, 1.0, 20.0]), np.array([20.0, 12.5, 10.0]))
    assert_allclose(primal_integral("min", steps, 10.0), 4.55)
    assert_allclose(primal_integral("min", steps, 10.0, until=2.0), 0.95)
    assert_allclose(primal_integral("min", steps, 10.0, until=0.25), 0.25)


def test_a_method_that_ends_after_the_interval_is_worth_nothing():
    assert_allclose(primal_integral("min", Steps(np.array([150.0]), np.array([10.0])), 10.0), 100.0)


@pytest.mark.parametrize("sense", ["min", "max"])
def test_primal_integral_agrees_with_a_sum_over_small_steps(sense):
    rng = np.random.default_rng(1)
    values = np.sort(rng.uniform(-3.0, 9.0, 6))[:: 1 if sense == "max" else -1]
    steps = Steps(np.sort(rng.uniform(0.0, 90.0, 6)), values)
    best = values[-1] + (0.5 if sense == "max" else -0.5)
    times = (np.arange(200_000) + 0.5) * 5e-4
    gaps = [1.0 if (v := steps.at(t)) is None else primal_gap(sense, v, best) for t in times[::100]]
    assert_allclose(primal_integral(sense, steps, best), np.mean(gaps) * 100.0, rtol=1e-3)


@pytest.mark.parametrize(
    ("sense", "value", "best", "gap"),
    [
        ("min", 10.0, 10.0, 0.0),
        ("min", 12.5, 10.0, 0.2),
        ("max", 8.0, 10.0, 0.2),
        ("max", -12.5, -10.0, 0.2),
        ("min", 1.0, -1.0, 1.0),
        ("min", 0.0, -1.0, 1.0),
        ("min", 0.0, 0.0, 0.0),
        ("min", 9.0, 10.0, 0.0),
        ("max", 11.0, 10.0, 0.0),
    ],
)
def test_primal_gap_by_hand(sense, value, best, gap):
    assert primal_gap(sense, value, best) == pytest.approx(gap)


def test_a_record_without_a_curve_is_its_slowest_decision():
    (group,) = runs(record("rule", 0, [11.0, 13.0], seconds=0.5))
    (run,) = group.runs
    assert anytime.gap_at(run, "min", 0.49) is None
    assert anytime.gap_at(run, "min", 0.5) == pytest.approx(0.2)
    assert anytime.integral(run, "min") == pytest.approx(0.5 + 99.5 / 6.0)


def test_a_plan_without_a_curve_takes_the_seconds_of_all_slots():
    (group,) = runs(record("plan", 0, [11.0, 13.0], seconds=0.5, method={"regime": "future"}))
    (run,) = group.runs
    assert anytime.gap_at(run, "min", 0.99) is None
    assert anytime.gap_at(run, "min", 1.0) == pytest.approx(0.2)


def test_the_board_tells_means_over_instances():
    """25 % and 5 % after 1 s: 15 %; after 0.1 s one of them has nothing."""
    quick = record("search", 1, 10.5, seconds=0.01, anytime=curve((0.01, 10.5)))
    board = build([searched(), quick], BEST, FACTS)
    (row,) = leaderboard_rows(board)
    assert row["gap_at_0_1s_ratio"] is None
    assert row["gap_at_1s_ratio"] == pytest.approx(0.15)
    assert row["gap_at_100s_ratio"] == pytest.approx(0.025)
    assert row["primal_integral_s"] == pytest.approx((4.55 + 0.01 + 99.99 * 0.5 / 10.5) / 2.0)


def test_columns_are_there_where_they_are_asked_for():
    board = build([searched()], BEST, FACTS)
    (section,) = board.sections
    assert not {"gap_at_1s", "primal_integral"} & {column.name for column in shown(section).columns}
    assert "primal integral" not in document(board)
    asked = chosen(board, ["solver", "gap_at_0_1s", "gap_at_1s", "primal_integral"])
    (section,) = asked.sections
    assert [value.text for value in shown(section).rows[0]] == ["search", "–", "25.0 %", "4.55 s"]
    assert "primal integral" in document(asked)
    (told,) = as_data(asked)["sections"]
    assert told["rows"] == [
        {
            "solver": "search",
            "gap_at_0_1s_ratio": None,
            "gap_at_1s_ratio": 0.25,
            "primal_integral_s": pytest.approx(4.55),
        }
    ]


def test_cells_tell_them():
    (cell,) = as_dicts(build([searched()], BEST, FACTS).cells)
    assert cell["gap_at_0_1s_ratio"] is None
    assert cell["gap_at_1s_ratio"] == pytest.approx(0.25)
    assert cell["primal_integral_s"] == pytest.approx(4.55)


def test_nothing_is_ranked_by_them():
    """The later method is as good in the end: both are first."""
    late = record("late", 0, 10.0, seconds=30.0)
    rows = leaderboard_rows(build([searched(), late], BEST, FACTS))
    assert [row["rank"] for row in rows] == [1, 1]


def test_times_of_another_machine_are_scaled():
    (group,) = runs(searched())
    (run,) = group.runs
    halved = anytime.steps_of(run.record, 0.5)
    assert halved.seconds.tolist() == [0.25, 0.5, 10.0]


def test_quartiles_by_hand():
    """Three runs; the third has nothing before 2 s: the upper quartile is not known until then."""
    others = [
        record("search", 0, 10.0, seed=1, seconds=1.0, anytime=curve((1.0, 10.0))),
        record("search", 0, 15.0, seed=2, seconds=2.0, anytime=curve((2.0, 15.0))),
    ]
    (group,) = runs(searched(), *others)
    (band,) = anytime.bands(group)
    assert band.seconds.tolist() == [0.5, 1.0, 2.0, 20.0]
    assert band.gap.tolist() == [[1.0, 0.0, 0.0, 0.0], [math.inf, 0.25, 0.25, 0.0], [math.inf, math.inf, 0.5, 0.5]]


def test_the_figure_draws_a_line_for_each_solver():
    rule = record("rule", 0, 12.0, seconds=0.001)
    page = anytime.figure(runs(searched(), rule, searched(problem="harvest")), "Title")
    _, first = page.axes
    assert sorted(line.get_label() for line in first.lines if not line.get_label().startswith("_")) == [
        "rule",
        "search",
    ]
    assert (first.get_xscale(), first.get_yscale()) == ("log", "log")
    line = next(line for line in first.lines if line.get_label() == "search")
    assert_allclose(line.get_ydata()[:3], [100.0, 25.0, 100.0 * anytime.LEAST])
    assert (pixels(page) < 250).any()


def test_without_gaps_there_is_no_figure():
    with pytest.raises(DtbenchError, match="no gaps to draw"):
        anytime.figure(collect([searched()], {}, FACTS), "Title")

"""Two solvers in pairs: what is paired with what, hand-computed advantages, what is named as missing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.drawing.style import encoded
from dtbench.errors import DtbenchError
from dtbench.experiments.verify import Lacking
from dtbench.reports.comparison import compare
from dtbench.reports.comparison_output import figure, latex
from dtbench.reports.scores import collect

BEST = {f"lights/tiny-{n:03d}": 10.0 for n in range(9)}


@pytest.fixture
def runs(make_record, facts):
    """Groups of records given as (label, instance, objective, seed)."""

    def make(*rows, best=BEST, lacking=(), **more):
        records = [make_record(label, number, value, seed=seed, **more) for label, number, value, seed in rows]
        missing = [Lacking(make_record(label, n, 1.0, seed=seed, **more).cell, "not run") for label, n, seed in lacking]
        return collect(records, best, facts, missing)

    return make


def test_seeds_are_paired_by_hand(runs):
    """Per cent of the best known 10: 12 - 11 and 14 - 12 give 10 and 20; the means lead by 15."""
    groups = runs(("a", 0, 11.0, 0), ("a", 0, 12.0, 1), ("b", 0, 12.0, 0), ("b", 0, 14.0, 1))
    (duel,) = compare(groups, "a", "b").duels
    (on,) = duel.instances
    assert_allclose(on.advantages, [0.1, 0.2])
    assert_allclose(duel.advantage.value, 0.15)
    assert duel.outcomes == (1, 0, 0)
    assert duel.probability.value == (1 + 1 + 0.5 + 1) / 4  # 12 against 12 ties


def test_one_run_stands_for_every_seed(runs):
    """11 against 10, 11 and 13: behind by 10 per cent, equal, ahead by 20."""
    groups = runs(("a", 0, 11.0, 0), ("b", 0, 10.0, 0), ("b", 0, 11.0, 1), ("b", 0, 13.0, 2))
    for first, second, sign in (("a", "b", 1.0), ("b", "a", -1.0)):
        (on,) = compare(groups, first, second).duels[0].instances
        assert_allclose(on.advantages, [-0.1 * sign, 0.0, 0.2 * sign], atol=1e-12)


def test_no_seed_in_common_is_named(runs):
    rows = [("a", 0, 11.0, 0), ("a", 0, 12.0, 1), ("b", 0, 12.0, 2), ("b", 0, 15.0, 3), ("a", 1, 11.0, 0)]
    duel = compare(runs(*rows, ("b", 1, 12.0, 0)), "a", "b").duels[0]
    assert [each.instance for each in duel.instances] == ["lights/tiny-001"]
    assert "No seed in common on: lights/tiny-000." in duel.notes


def test_only_seeds_that_both_have(runs):
    groups = runs(("a", 0, 11.0, 0), ("a", 0, 12.0, 1), ("b", 0, 12.0, 1), ("b", 0, 15.0, 2))
    (on,) = compare(groups, "a", "b").duels[0].instances
    assert on.advantages == (0.0,)


def test_turned_round_the_signs_turn(runs):
    rng = np.random.default_rng(1)
    rows = [(s, n, float(rng.uniform(10, 20)), seed) for s in "ab" for n in range(7) for seed in range(2)]
    groups = runs(*rows)
    (one,), (other,) = compare(groups, "a", "b").duels, compare(groups, "b", "a").duels
    assert_allclose(one.advantage.value, -other.advantage.value)
    assert one.outcomes == other.outcomes[::-1]
    assert_allclose([one.probability.value, one.test.p], [1 - other.probability.value, other.test.p])


def test_more_is_better_where_the_problem_says_so(runs):
    groups = runs(("a", 0, 12.0, 0), ("b", 0, 10.0, 0), problem="harvest", best={"harvest/tiny-000": 20.0})
    assert_allclose(compare(groups, "a", "b").duels[0].advantage.value, 0.1)


def test_without_a_best_known_value_the_better_mean_is_the_scale(runs):
    duel = compare(runs(("a", 0, 5.0, 0), ("b", 0, 4.0, 0), best={}), "a", "b").duels[0]
    assert_allclose(duel.advantage.value, -0.25)
    assert "No best known value, hence relative to the better one's mean: lights/tiny-000." in duel.notes


def test_what_differs_in_the_last_digits_ties(runs):
    duel = compare(runs(("a", 0, 11.0, 0), ("b", 0, 11.0 + 1e-9, 0)), "a", "b").duels[0]
    assert (duel.advantage.value, duel.outcomes, duel.probability.value) == (0.0, (0, 1, 0), 0.5)


def test_six_won_of_six_are_shown_and_adjusted(runs, make_record, facts):
    """p = 2 / 64 on each of two sizes; adjusted 4 / 64 is above 5 %, alone it is below."""
    rows = [(s, n, x + 0.1 * n) for s, x in (("a", 11.0), ("b", 12.0)) for n in range(6)]
    rows[0] = ("a", 0, 10.9)  # so that no two differences are equal
    records = [make_record(s, n, x + (0.01 * n if s == "b" else 0.0), size=size) for size in ("tiny", "small")
               for s, n, x in rows]  # fmt: skip
    groups = collect(records, {}, facts)
    both, alone = compare(groups, "a", "b"), compare(groups, "a", "b", size="tiny")
    assert_allclose([duel.test.p for duel in both.duels], 2 / 64)
    assert_allclose(both.p, 4 / 64)
    assert both.better(0) == ""
    assert alone.better(0) == "a"
    assert compare(groups, "b", "a", problem="lights", size="small").better(0) == "a"


def test_what_is_missing_is_named(runs):
    groups = runs(("a", 0, 11.0, 0), ("a", 1, 11.0, 0), ("b", 0, 12.0, 0), lacking=[("b", 1, 0)])
    duel = compare(groups, "a", "b").duels[0]
    assert [each.instance for each in duel.instances] == ["lights/tiny-000"]
    assert "b has no score in 1 of its 2 runs (1 not run); they are left out, which flatters it." in duel.notes
    assert "Instances that differ: 1; with fewer than 6 no p-value can be below 0.05." in duel.notes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("a", "xyz"), "no results of solver 'xyz'. There: a, b, c."),
        (("a", "a"), "'a' is compared with itself; name two solvers. There: a, b, c."),
        (
            ("a", "c"),
            "'a' and 'c' have no pair of runs: no instance on which both have a score of one seed, or one of them a "
            "single run.",
        ),
    ],
)
def test_what_cannot_be_compared(runs, given, said):
    groups = runs(("a", 0, 1.0, 0), ("b", 0, 1.0, 0), ("c", 1, 1.0, 0), lacking=[])
    with pytest.raises(DtbenchError) as error:
        compare(groups, *given)
    assert str(error.value) == said


def test_a_name_with_one_label_will_do(runs, make_record, facts):
    def made(label, value):
        return make_record(label, 0, value, cell={"solver": "genetic" if "genetic" in label else label})

    records = [made("greedy", 12.0), made("genetic (a=1, b=2)", 11.0)]
    assert compare(collect(records, BEST, facts), "genetic", "greedy").first == "genetic (a=1, b=2)"
    both = collect([*records, made("genetic", 11.5), made("genetic (a=2)", 11.5)], BEST, facts)
    assert compare(both, "genetic", "greedy").first == "genetic"
    several = collect([*records, made("genetic (a=2)", 11.5)], BEST, facts)
    with pytest.raises(DtbenchError, match=r"several labels: name one of 'genetic \(a=1, b=2\)', genetic \(a=2\)"):
        compare(several, "genetic", "greedy")


def test_an_unknown_size_names_what_there_is(runs):
    with pytest.raises(DtbenchError, match=r"no results of any problem, size paper\. There: lights tiny\."):
        compare(runs(("a", 0, 1.0, 0), ("b", 0, 1.0, 0)), "a", "b", size="paper")


def test_formats_say_the_same(runs):
    """A hostile label is shown as it is; the figure has a diamond for each row, and the same bytes each time."""
    name = "b_$x$ & <i>"
    rows = [(s, n, 11.0 + n * (s == "a"), 0) for s in ("a", name) for n in range(3)]
    found = compare(runs(*rows), "a", name)
    (row,) = found.as_data()["rows"]
    assert (row["wins"], row["ties"], row["losses"], row["unit"]) == (0, 1, 2, "seconds")
    assert [each["advantage_ratio"] for each in row["on"]] == pytest.approx([0.0, -0.1, -0.2])
    assert "0/1/2" in latex(found)
    assert r"b\_{\upshape\char36}x{\upshape\char36} \& \textless{}i\textgreater{}" in latex(found)
    drawn = figure(found)
    (left, _) = drawn.axes
    assert left.get_xlabel() == "advantage of a [%], right: better"
    assert encoded(drawn, "png") == encoded(figure(found), "png")


def test_labels_with_a_comma_are_quoted_in_messages(runs):
    groups = runs(("a, quick", 0, 1.0, 0), ("b", 0, 1.0, 0), lacking=[])
    with pytest.raises(DtbenchError) as error:
        compare(groups, "c", "b")
    assert str(error.value) == "no results of solver 'c'. There: 'a, quick', b."


def test_the_terminal_does_not_break_the_first_column():
    from rich.console import Console

    from dtbench.reports.model import Column, Table, Text
    from dtbench.reports.terminal import grid

    names = [Column(name, name, numeric=False) for name in ("problem", "remark")]
    console = Console(width=40, record=True, file=io.StringIO())
    console.print(grid(Table(tuple(names), ((Text("satellite-offloading"), Text("a remark of many words " * 4)),))))
    assert "satellite-offloading" in console.export_text()

"""Charts: places follow the numbers."""

import re
import xml.etree.ElementTree as ET

import pytest

from dtbench.learning.log import Row
from dtbench.reports.curves import OBJECTIVE, Training
from dtbench.reports.model import Estimate
from dtbench.reports.site import charts


@pytest.fixture(scope="module")
def rows(two_days):
    return charts.series(two_days.groups[0], ())


def test_all_scored_have_a_colour_while_there_are_enough(rows):
    assert sorted(each.colour for each in rows) == [1, 2]
    assert {each.standing.name.label: (each.mark, each.kind) for each in rows} == {
        "greedy": ("circle", "hollow"),
        "vdn": ("diamond", "dot"),
    }


def test_the_front_joins_those_that_are_not_beaten(two_days, rows):
    """``vdn`` is faster, ``greedy`` better: both are on the line."""
    svg = charts.pareto(two_days.groups[0], rows)
    assert 'class="front"' in svg
    said = re.search(r'aria-label="([^"]*)"', svg).group(1)
    assert "vdn" in said
    assert "greedy" in said


def test_a_beaten_method_is_not_on_the_front(make_site, some):
    best = {"stin-deployment/tiny-000": 1.0}
    site = make_site([some("slow", 0, 2.0, seconds=0.1), some("fast", 0, 1.5, seconds=0.01)], best)
    svg = charts.pareto(site.groups[0], charts.series(site.groups[0], ()))
    assert "front" not in svg


def test_profiles_count_planned_runs(two_days):
    """Gaps of ``greedy`` are 9.5, 14.5 and 19.5 %: one third within 10 %, all within 50 %."""
    greedy = next(each for each in two_days.standings if each.name.label == "greedy")
    assert charts.within(greedy) == pytest.approx([0.0, 0.0, 0.0, 0.0, 1 / 3, 1.0])


def test_means_by_instance(two_days):
    vdn = next(each for each in two_days.standings if each.name.label == "vdn")
    assert charts.means(vdn, two_days.groups[0].runs.instances) == pytest.approx([1.0, 0.5, -0.05])


def test_no_gaps_no_charts(make_site, some):
    site = make_site([some("greedy")])
    group = site.groups[0]
    rows = charts.series(group, ())
    assert charts.pareto(group, rows) is charts.profiles(group, rows) is charts.per_instance(group, rows) is None


def test_many_methods_leave_most_grey(make_site, some):
    site = make_site([some(f"s{k:02d}", 0, 1.0 + k) for k in range(12)], {"stin-deployment/tiny-000": 1.0})
    colours = [each.colour for each in charts.series(site.groups[0], ("s11",))]
    assert sorted(colours) == [0] * 5 + list(range(1, 8))
    named = {each.standing.name.label for each in charts.series(site.groups[0], ("s11",)) if each.colour}
    assert {"s00", "s11"} <= named


def test_an_interval_in_a_table():
    axis = charts.strip_axis([Estimate(0.1, 0.01, 1.0)])
    svg = ET.fromstring(charts.strip(Estimate(0.1, 0.01, 1.0), axis, True, "local"))
    ((low, high),) = [re.findall(r"M([\d.]+) .*H([\d.]+)", e.get("d"))[0] for e in svg if e.get("class") == "range"]
    assert float(low) == pytest.approx(6 + 138 * axis.place(0.01), abs=0.06)
    assert float(high) == pytest.approx(6 + 138 * axis.place(1.0), abs=0.06)
    assert charts.strip(Estimate(None), axis, False, "") == ""


def test_learning_curves(tmp_path):
    rows = tuple(Row(k, k, 100 * k, 1.0, OBJECTIVE, 5.0 - k) for k in range(4))
    made = charts.learning([Training(tmp_path, "p", "tiny", "<vdn>", 0, rows, kept=2)], "s", "t")
    assert made is not None
    svg, names = made
    assert names == [("<vdn>", 1)]
    assert "<vdn>" not in svg
    assert len(re.findall(r"<circle", svg)) == 1  # the kept policy
    assert charts.learning([], "s", "t") is None

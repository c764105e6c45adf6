"""The chart of gaps as time goes by."""

import re

from dtbench.experiments.record import Anytime
from dtbench.reports.site import charts
from dtbench.reports.site.anytime import falling
from dtbench.reports.site.problem import pages

CURVE = Anytime(of="slot", seconds=[0.1, 1.0], incumbent=[3.0, 2.0], bound=[None, None])


def drawn(site):
    (group,) = site.groups
    return falling(group, charts.series(group, ()))


def test_a_line_falls_where_a_better_decision_is_found(make_site, some):
    """Gaps of 50 % and 0 at 0.1 and 1 s: the line goes right, then down to the foot, then right to the edge."""
    records = [some("search", 0, 2.0, seconds=1.0, anytime=CURVE), some("greedy", 0, 2.2, seconds=0.01)]
    svg = drawn(make_site(records, {"stin-deployment/tiny-000": 2.0}))
    found = re.findall(r'<polyline points="([^"]+)" class="line"><title>([^<]+)', svg)
    lines = {title: places for places, title in found}
    assert set(lines) == {"search", "greedy"}
    x, y = zip(*(map(float, point.split(",")) for point in lines["search"].split()), strict=True)
    assert len(x) == 4
    assert x[0] < x[1] == x[2] < x[3]
    assert y[0] == y[1] < y[2] == y[3]


def test_without_curves_there_is_no_chart(make_site, some):
    assert drawn(make_site([some("greedy", 0, 2.2)], {"stin-deployment/tiny-000": 2.0})) is None


def test_without_best_known_values_there_is_no_chart(make_site, some):
    assert drawn(make_site([some("search", 0, 2.0, seconds=1.0, anytime=CURVE)])) is None


def test_the_page_of_a_problem_holds_it(make_site, some):
    records = [some("search", 0, 2.0, seconds=1.0, anytime=CURVE)]
    (page,) = pages(make_site(records, {"stin-deployment/tiny-000": 2.0}))
    (part,) = page.context["parts"]
    assert [name for name, _, _ in part.charts][:2] == ["Gap against time", "Gap as time goes by"]

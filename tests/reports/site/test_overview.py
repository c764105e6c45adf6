"""The first page: heat map, best of each regime, what is new."""

import pytest

from dtbench.reports.site.overview import heat, news


def test_the_heat_map_has_those_with_gaps(two_days):
    (made,) = [heat(two_days, size) for size in two_days.sizes]
    assert made.problems == ("stin-deployment",)
    assert [(row.name.label, row.sees, row.learned) for row in made.rows] == [
        ("greedy", "global", False),
        ("vdn", "local", True),
    ]
    assert made.rows[0].cells[0].entry.gap.value == pytest.approx(0.145)


def test_who_takes_more_problems_comes_first(make_site, some):
    best = {"stin-deployment/tiny-000": 1.0, "edge-placement/tiny-000": 1.0}
    records = [some("special", 0, 1.0), some("general", 0, 2.0), some("general", 0, 2.0, problem="edge-placement")]
    made = heat(make_site(records, best), "tiny")
    assert [row.name.label for row in made.rows] == ["general", "special"]
    assert made.rows[1].cells[made.problems.index("edge-placement")] is None


def test_news_by_day(two_days):
    last, first = news(two_days)
    assert (last.day, last.records, [n.label for n in last.solvers]) == ("2025-01-02", 3, ["vdn"])
    assert [(instance, name.label) for instance, name in last.better] == [("stin-deployment/tiny-002", "vdn")]
    assert (first.day, first.records, [n.label for n in first.solvers]) == ("2025-01-01", 3, ["greedy"])
    assert first.better == ()


def test_a_day_that_is_none_is_left_out(make_site, some):
    assert news(make_site([some("a", origin={"started": "<script>yesterday"})])) == []

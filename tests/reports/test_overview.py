"""The figure of results says what the leaderboard says."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.legend import Legend

from dtbench.drawing.style import pixels
from dtbench.errors import DtbenchError
from dtbench.reports.overview import overview, profile
from dtbench.reports.scores import collect

BEST = {"lights/tiny-000": 1.0, "lights/tiny-001": 2.0, "lights/small-000": 1.0}


@pytest.fixture
def groups(make_record, facts):
    records = [
        make_record("fast", 0, 1.5), make_record("fast", 1, 2.2), make_record("slow", 0, 1.0, seconds=0.1),
        make_record("slow", 1, status="timeout"), make_record("fast", 0, 1.25, size="small"),
    ]  # fmt: skip
    return collect(records, BEST, facts)


def test_gaps_times_and_instances_are_the_boards(groups):
    figure = overview(groups, "Results: mine")
    assert len(figure.axes) == 6  # three plots of tiny, three of small
    against, _, instances = figure.axes[:3]
    shown = {c.get_label(): c[0].get_xydata()[0] for c in against.containers if isinstance(c, ErrorbarContainer)}
    entries = {entry.label: entry for entry in groups[0].entries}
    for label, (seconds, gap) in shown.items():
        assert seconds == entries[label].slot_seconds
        assert gap == pytest.approx(100.0 * entries[label].gap.value)
    assert {line.get_label(): line.get_ydata().tolist() for line in instances.lines} == {
        "fast": pytest.approx([50.0, 10.0]), "slow": [0.0],
    }  # fmt: skip
    assert [tick.get_text() for tick in instances.get_xticklabels()] == ["000", "001"]


def test_a_run_without_a_score_never_finishes(groups):
    by_label = {entry.label: profile(entry) for entry in groups[0].entries}
    assert by_label["fast"][0] == pytest.approx([0.1, 0.5])
    assert by_label["fast"][1].tolist() == [0.5, 1.0]
    assert by_label["slow"][1].tolist() == [0.5]  # one of two runs


def test_a_solver_looks_the_same_in_every_row(groups):
    legends = overview(groups, "").findobj(Legend)
    colours = {}
    for legend in legends:
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
            colours.setdefault(text.get_text(), set()).add(handle.get_color())
    assert {label: len(found) for label, found in colours.items()} == {"fast": 1, "slow": 1}


def test_without_best_known_values_it_says_so(make_record, facts):
    figure = overview(collect([make_record("fast", 0)], {}, facts), "")
    assert pixels(figure).dtype == np.uint8
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["no gaps: no best known value"] * 3


def test_nothing_to_draw():
    with pytest.raises(DtbenchError, match="there are no results to draw"):
        overview([], "")

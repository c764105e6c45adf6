import re
import threading

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.legend import Legend

from dtbench.core import Limits
from dtbench.drawing.figure import FRAME, Panel, compose, frame
from dtbench.drawing.style import encoded, pixels
from dtbench.picture import Picture, Table, term
from dtbench.problems import problem
from dtbench.referee import judge

SIX = ("dnt-spectrum", "edge-migration", "edge-placement", "mec-synchronization", "satellite-offloading",
       "stin-deployment")  # fmt: skip


def legend(figure):
    return [text.get_text() for each in figure.findobj(Legend) for text in each.get_texts()]


def words(figure):
    return [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]


def boxes(figure, axes):
    """Extents of the words inside of a pair of axes."""
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]


def test_a_panel_says_who_what_it_costs_and_what_is_broken(picture):
    panels = [Panel("greedy", "3 s, gap 50.0 %", picture, "violates room (1)"), Panel("optimum", "2 s", picture)]
    figure = compose("tiny-000, slot 0", "less is better", panels, "s")
    said = words(figure)
    for text in ("tiny-000, slot 0", "less is better", "greedy", "3 s, gap 50.0 %", "violates room (1)", "optimum"):
        assert said.count(text) == 1
    assert len(figure.axes) == 6  # map, bars and terms of two panels
    assert sorted(legend(figure)) == ["far", "most users", "near", "radio", "station", "user"]


def test_what_is_drawn_is_what_the_picture_says(picture):
    figure = compose("", "", [Panel("a", "", picture)], "s")
    space, bars, terms = figure.axes
    (links,) = (c for c in space.collections if isinstance(c, LineCollection))
    assert np.array_equal(links.get_segments(), [[[0, 0], [1, 5]], [[9, 9], [8, 5]]])
    assert [len(line.get_xdata()) for line in space.lines] == [2, 2]
    assert [(bar.get_height(), bar.get_y()) for bar in bars.patches] == [(1, 0), (0, 0), (0, 1), (2, 0)]
    assert [t.get_text() for t in bars.texts] == ["1/2", "2"]  # 1 of at most 2; 2 of any number
    assert [(bar.get_x(), bar.get_width()) for bar in terms.patches] == [(0, 2), (2, 1)]
    assert [t.get_text() for t in terms.texts] == ["2", "1"]
    assert terms.get_title(loc="left") == "terms of the objective [s]"


def test_terms_below_zero_lie_to_the_left():
    both = Picture((Table("words", (("a", "1"),)),), (term("gain", 5.0, "blue"), term("loss", -2.0, "orange")))
    figure = compose("", "", [Panel("a", "", both)], "1")
    assert [(bar.get_x(), bar.get_width()) for bar in figure.axes[-1].patches] == [(0, 5), (-2, 2)]
    low, high = figure.axes[-1].get_xlim()
    assert low < -2.0
    assert high > 5.0


def test_panels_share_the_scales_of_bars_and_terms(picture):
    longer = Picture(picture.plots, (term("near", 20.0, "blue"),))
    figure = compose("", "", [Panel("a", "", picture), Panel("b", "", longer)], "s")
    assert figure.axes[2].get_xlim() == figure.axes[5].get_xlim()
    assert figure.axes[1].get_ylim() == figure.axes[4].get_ylim()


@pytest.fixture(scope="module")
def drawn():
    """`drawn(id, size)`: figure, slot, decision and picture of a greedy and the optimal decision."""

    def make(id, size):
        owner = problem(id)
        instance = owner.generate(size, 1)
        slot = owner.slot(instance, 0, owner.start(instance))
        decision, *_ = judge(owner, slot, owner.heuristics["greedy"](slot))
        best = owner.exact(slot, Limits(seconds=20.0)).decision if size == "tiny" else decision
        pictures = [owner.picture(slot, each) for each in (decision, best)]
        panels = [Panel(name, "", each) for name, each in zip(("greedy", "optimum"), pictures, strict=True)]
        note = f"{owner.title}; less is better; slots are coupled: gaps are to the optimum of each one's own slot"
        return compose(f"{id}/{size}-000, slot 100 (0 to 1000)", note, panels, owner.unit), slot, decision, pictures[0]

    return make


@pytest.mark.parametrize(("id", "size"), [*((id, "large") for id in SIX), ("stin-deployment", "tiny")])
def test_no_word_lies_over_another_or_leaves_its_axes(drawn, id, size):
    figure, *_ = drawn(id, size)
    pixels(figure)
    page = figure.bbox
    for axes in figure.axes:
        around = axes.get_window_extent()
        found = boxes(figure, axes)
        for number, box in enumerate(found):
            inside = page if not axes.get_xlabel() else around
            assert inside.x0 - 12 <= box.x0
            assert box.x1 <= inside.x1 + 12
            for other in found[number + 1 :]:
                assert min(box.x1, other.x1) - max(box.x0, other.x0) < 2.0 or (
                    min(box.y1, other.y1) - max(box.y0, other.y0) < 3.0  # room of letters that reach below
                )
    for text in figure.texts:
        box = text.get_window_extent()
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
    entries = [each.get_window_extent() for each in figure.findobj(Legend)]
    for number, box in enumerate(entries):
        assert box.x1 <= page.x1
        assert not any(box.overlaps(other) for other in entries[number + 1 :])


def test_the_same_content_gives_the_same_bytes_in_any_thread(picture):
    def made(form, found):
        found.append(encoded(compose("a", "b", [Panel("c", "d", picture)], "s"), form))

    for form, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        found = []
        threads = [threading.Thread(target=made, args=(form, found)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found[0] == found[1]
        assert found[0].startswith(magic)
        assert not re.search(rb"20\d\d-?\d\d-?\d\d", found[0])  # no date


def test_settings_of_the_process_stay_as_they_are(picture):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 33.0, "axes.facecolor": "red"}):
        figure = compose("a", "", [Panel("c", "", picture)], "s")
        assert mpl.rcParams["font.size"] == 33.0
    assert figure.axes[0].get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_frames_have_one_size_whatever_is_in_them(picture):
    width, height = (round(100 * side) for side in FRAME)
    for content in (picture, Picture(picture.plots[:1]), Picture((Table("words", (("a", "1"),)),))):
        image = pixels(frame("a", "b", Panel("c", "d", content), "s"))
        assert image.shape == (height, width, 3)
        assert image.dtype == np.uint8
        assert 0.0 < (image != 255).mean() < 0.5  # neither empty nor full
    assert width % 2 == height % 2 == 0  # what codecs of videos ask for

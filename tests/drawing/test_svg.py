"""Pictures as SVG: places by hand, words escaped, every problem drawn."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from dtbench.drawing.general import picture_of
from dtbench.drawing.svg import BARS, LEFT, RIGHT, TOP, WIDTH, figures, legend, round_steps
from dtbench.library import instances
from dtbench.picture import Bars, Grid, Map, Part, Picture, Points, Table, term
from dtbench.problems import all_problems

ATTACK = "<script>alert(1)</script>"


def elements(svg, name):
    return [e for e in ET.fromstring(svg).iter() if e.tag.rpartition("}")[2] == name]


def test_points_lie_where_the_axes_say():
    """A square map of side 10: its lower left corner and its middle."""
    xy = np.array([[0.0, 0.0], [5.0, 5.0]])
    (figure,) = figures(Picture((Map("m", (Points("p", xy),), (0.0, 10.0), (0.0, 10.0)),)), "1")
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in elements(figure.svg, "circle")]
    side = min(WIDTH - LEFT - RIGHT, 440.0)
    assert circles == [pytest.approx(at, abs=0.06) for at in ((LEFT, TOP + side), (LEFT + side / 2, TOP + side / 2))]


def test_bars_stack():
    """Parts of 1 and 3 on an axis to 4 and 14 % more: heights of 1/4.56 and 3/4.56."""
    parts = (Part("a", np.array([1.0]), "blue"), Part("b", np.array([3.0]), "orange"))
    (figure,) = figures(Picture((Bars("t", "s", "x", ("n",), parts),)), "1")
    rects = elements(figure.svg, "rect")
    heights = [float(r.get("height")) for r in rects]
    assert heights == pytest.approx([BARS / 4.56, 3 * BARS / 4.56], abs=0.06)
    assert float(rects[1].get("y")) + heights[1] == pytest.approx(float(rects[0].get("y")), abs=0.2)


def test_terms_lie_beside_zero():
    (figure,) = figures(Picture((), (term("gain", 3.0, "blue"), term("loss", -1.0, "orange"))), "1")
    gain, loss = ({k: float(r.get(k)) for k in ("x", "width")} for r in elements(figure.svg, "rect"))
    assert gain["width"] == pytest.approx(3 * loss["width"], abs=0.2)
    assert loss["x"] + loss["width"] == pytest.approx(gain["x"], abs=0.2)


def test_words_are_escaped():
    cells = np.array([[0]])
    plots = (
        Grid(ATTACK, ATTACK, (ATTACK,), (ATTACK,), ((ATTACK, "blue"),), cells, np.array([[ATTACK]])),
        Bars(ATTACK, ATTACK, ATTACK, (ATTACK,), (Part(ATTACK, np.array([1.0]), "blue"),)),
        Map(ATTACK, (Points(ATTACK, np.zeros((1, 2)), names=(ATTACK,)),), (-1.0, 1.0), (-1.0, 1.0), ATTACK),
    )
    picture = Picture(plots, (term(ATTACK, 1.0, "blue"),))
    drawn = "".join(figure.svg for figure in figures(picture, ATTACK)) + "".join(key for _, key in legend(picture))
    assert "<script" not in drawn
    assert "&lt;script" in drawn


def test_tables_stay_words():
    (figure,) = figures(Picture((Table("t", (("a", "b"),)),)), "1")
    assert (figure.rows, figure.svg) == ((("a", "b"),), "")


def test_the_legend_names_what_is_drawn():
    bars = Bars("t", "", "x", ("n",), (Part("seen", np.array([1.0]), "blue"), Part("unseen", np.array([0.0]), "green")))
    assert [label for label, _ in legend(Picture((bars,)))] == ["seen"]


@pytest.mark.parametrize("id", all_problems())
def test_every_problem(id):
    owner = all_problems()[id]
    instance = instances.load(f"{id}/tiny-000")
    slot = owner.slot(instance, 0, owner.start(instance))
    decision = owner.repair(slot, owner.random_decision(instance, slot, np.random.default_rng(0)))
    drawn = figures(picture_of(owner, slot, decision, None), owner.unit)
    assert len(drawn) > 1
    for figure in drawn:
        ET.fromstring(figure.svg)
        assert not re.search(r"nan|inf(?!o)", re.sub(r">[^<]*<", "><", figure.svg))


def test_round_steps():
    assert round_steps(0.0, 1.0, 4) == pytest.approx([0.0, 0.5, 1.0])
    assert round_steps(3.0, 3.0, 4) == []

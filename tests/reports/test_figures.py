import io

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from dtbench.reports.figures import Curve, Figure, Panel, is_logarithmic, positions, set_logarithmic, write_png

WHITE = 255


def figure(*panels, x_values=(1, 2, 4), **changes):
    given = {"title": "A title", "note": "a note", "x_label": "n: users", "y_label": "objective [s]"}
    return Figure(**given | changes, x_values=x_values, panels=panels or (Panel("", curves()),))


def curves(*means, x=(1, 2, 4), half=0.1):
    means = means or ((1.0, 2.0, 3.0), (2.0, 2.5, 3.5))
    return tuple(Curve(f"solver {n}", x, mean, (half,) * len(x)) for n, mean in enumerate(means))


def pixels(png):
    image = Image.open(io.BytesIO(png))
    return image, np.asarray(image.convert("RGB"), dtype=float)


def ink(png, colour):
    """Number of pixels of a colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(pixels(png)[1] - wanted).max(axis=-1) < 8).sum())


def test_png_is_drawn_at_200_dots_per_inch_and_says_no_date():
    image, values = pixels(write_png(figure()))
    assert image.size == (round(200 * (2.2 + 3.6 * 1.3)), 800)
    assert round(image.info["dpi"][0]) == 200
    assert set(image.info) == {"dpi"}
    assert values.var() > 100
    assert (values[0] == WHITE).all()  # nothing runs over the edge
    assert (values[:, -1] == WHITE).all()
    assert (values[-1] == WHITE).all()


def test_same_content_same_bytes():
    assert write_png(figure()) == write_png(figure())
    assert write_png(figure()) != write_png(figure(Panel("", curves((1.0, 2.0, 3.1)))))


def test_a_users_matplotlib_settings_change_nothing():
    import matplotlib as mpl

    plain = write_png(figure())
    with mpl.rc_context({"lines.linewidth": 9.0, "figure.facecolor": "red"}):
        assert write_png(figure()) == plain
        assert mpl.rcParams["lines.linewidth"] == 9.0


def test_each_curve_has_its_colour():
    png = write_png(figure(Panel("", curves((1.0, 2.0, 3.0), (2.0, 3.0, 4.0), (5.0, 5.0, 5.0)))))
    assert all(ink(png, colour) > 200 for colour in ("#0072B2", "#D55E00", "#009E73"))
    assert ink(png, "#CC79A7") == 0


def test_bars_are_drawn_where_there_are_intervals():
    bare, barred = (write_png(figure(Panel("", curves((1.0, 2.0, 3.0), half=half)))) for half in (0.0, 1.5))
    assert ink(barred, "#0072B2") > ink(bare, "#0072B2") + 300


def test_panels_stand_side_by_side():
    image, values = pixels(write_png(figure(Panel("left", curves()), Panel("right", curves()))))
    assert image.size[0] == round(200 * (2.2 + 3.6 * 2))
    assert all((part < WHITE).any() for part in np.array_split(values, 4, axis=1))


def test_texts_gaps_single_points_and_odd_names_can_be_drawn():
    texts = Curve("a $curve_{", ("even", "odd"), (1.0, 2.0), (0.0, 0.0))
    empty = Curve("without a score", (), (), ())
    part = Curve("partly", ("odd",), (1.5,), (0.2,))
    png = write_png(figure(Panel("$", (texts, empty, part)), x_values=("even", "odd"), title="long " * 40))
    assert pixels(png)[1].var() > 100
    assert pixels(write_png(figure(Panel("", curves((1.0,), x=(7,))), x_values=(7,))))[1].var() > 100
    many = Panel("", curves(*[(float(n), n + 1.0, n + 2.0) for n in range(30)]))
    assert pixels(write_png(figure(many)))[1].var() > 100


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((18, 20, 24), [18, 20, 24]),
        ((0.0, 0.5, 100.0), [0.0, 0.5, 100.0]),
        ((1e-3, 1e-2, 1e-1), [-3, -2, -1]),
        (("even", "odd"), [0, 1]),
        ((False, True), [0, 1]),
    ],
)
def test_positions(values, expected):
    assert_allclose(positions(values), expected)


def test_logarithmic_only_if_all_is_positive_and_far_apart():
    assert is_logarithmic(figure(Panel("", curves((1.0, 2.0, 21.0)))))
    assert not is_logarithmic(figure(Panel("", curves((1.0, 2.0, 3.0)))))
    assert not is_logarithmic(figure(Panel("", curves((1.0, 2.0, 21.0), half=1.5))))
    assert not is_logarithmic(figure(Panel("", curves((-1.0, 2.0, 21.0)))))
    assert not is_logarithmic(figure(Panel("", (Curve("none", (), (), ()),))))


def test_ticks_of_a_logarithmic_axis_are_plain_numbers():
    from matplotlib.figure import Figure as Canvas

    axes = Canvas().subplots()
    axes.set_ylim(0.05, 200.0)
    set_logarithmic(axes)
    axes.figure.canvas.draw()
    shown = [label.get_text() for label in axes.yaxis.get_majorticklabels()]
    assert {"0.1", "1", "10", "100"} <= set(shown)
    assert not any("$" in text for text in shown)

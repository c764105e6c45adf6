import numpy as np
import pytest

from dtbench.drawing.labels import Word, place
from dtbench.drawing.style import canvas, styled


@pytest.fixture
def axes():
    with styled():
        figure = canvas(2.0, 2.0)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, 200.0)  # a pixel each
        axes.set_ylim(0.0, 200.0)
    return axes


def test_words_stand_beside_their_points_where_there_is_room(axes):
    words = [Word("7", np.array([x, 100.0]), 6.0, False) for x in (50.0, 150.0)]
    assert place(axes, words, [], 8.0) == 2
    at = [text.get_position() for text in axes.texts]
    assert [round(y) for _, y in at] == [100, 100]
    assert [x > point for (x, _), point in zip(at, (50.0, 150.0), strict=True)] == [True, True]


def test_a_word_that_finds_no_room_is_left_out_unless_it_is_needed(axes):
    crowd = np.array([[x, y] for x in range(60, 150, 8) for y in range(60, 150, 8)], dtype=float)
    here = np.array([100.0, 100.0])
    assert place(axes, [Word("17", here, 6.0, False)], [(crowd, 8.0)], 8.0) == 0
    assert place(axes, [Word("17", here, 6.0, True)], [(crowd, 8.0)], 8.0) == 1


def test_a_word_at_the_edge_stays_inside(axes):
    place(axes, [Word("station", np.array([198.0, 100.0]), 6.0, True)], [], 8.0)
    box = axes.texts[0].get_window_extent(axes.figure.canvas.get_renderer())
    assert box.x1 <= 200.0


def test_in_schemes_words_stand_above_the_upper_and_below_the_lower_points(axes):
    words = [Word("up", np.array([100.0, 150.0]), 6.0, False), Word("down", np.array([100.0, 50.0]), 6.0, False)]
    place(axes, words, [], 8.0, middle=100.0)
    (_, above), (_, below) = (text.get_position() for text in axes.texts)
    assert above > 150.0
    assert below < 50.0

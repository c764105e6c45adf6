import numpy as np

from dtbench.core import Outcome
from dtbench.drawing.text import LONGEST, broken, text_of
from dtbench.picture import Bars, Part, Picture


def test_a_picture_in_a_few_lines(picture):
    outcome = Outcome(np.float64(3.0), np.True_, {"room": np.float64(0.0)}, {})
    assert text_of("tiny, slot 0", picture, outcome, "s").splitlines() == [
        "tiny, slot 0",
        "objective 3 s = near 2; far 1",
        "feasible",
        "users at each station: S0: 1/2, S1: 2",
    ]
    assert text_of("tiny, slot 0", picture, None, "s").splitlines()[1] == "users at each station: S0: 1/2, S1: 2"


def test_what_is_broken_is_named_with_its_size_where_the_referee_says_infeasible():
    violations = {"room": np.float64(2.0), "delay": np.float64(0.0), "power": np.float64(0.123456)}
    assert broken(Outcome(np.float64(3.0), np.False_, violations, {})) == "violates room (2), power (0.123)"
    rounding = {"room": np.float64(2e-16)}
    assert broken(Outcome(np.float64(3.0), np.True_, rounding, {})) == ""


def test_long_lines_are_cut():
    many = Bars("x", "", "", tuple(map(str, range(500))), (Part("a", np.ones(500), "blue"),))
    line = text_of("t", Picture((many,)), None, "1").splitlines()[1]
    assert len(line) == LONGEST
    assert line.endswith("…")

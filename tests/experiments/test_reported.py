"""What a solver says of its training: plain facts with ``seconds``, or the cell is invalid."""

import math

import numpy as np
import pytest

from dtbench.errors import InvalidDecision
from dtbench.experiments import reported


def test_nothing_is_nothing():
    assert reported.training(None) is None


@pytest.mark.parametrize("seconds", [0, 5, 5.0, np.float64(5), np.float32(5), np.int64(5)])
def test_seconds_alone_will_do(seconds):
    found = reported.training({"seconds": seconds})
    assert found == {"seconds": float(seconds)}
    assert type(found["seconds"]) is float


def test_more_facts_are_kept_as_plain_values():
    facts = {"seconds": 1.5, "frames": np.int64(7), "source": "shipped", "split": {"update": np.float32(0.5)}}
    facts |= {"curve": (1, 2.0, None), "good": np.bool_(True)}
    found = reported.training(facts)
    assert found == {
        "seconds": 1.5, "frames": 7, "source": "shipped", "split": {"update": 0.5}, "curve": [1, 2.0, None],
        "good": True,
    }  # fmt: skip
    assert type(found["frames"]) is int


class Unprintable:
    def __repr__(self):
        raise SystemExit("no")


LOOP: dict = {"seconds": 1.0}
LOOP["self"] = LOOP


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "has no 'seconds'"),
        ({"frames": 3}, "has no 'seconds'"),
        ({"seconds": -1.0}, "'seconds' of 'training' is -1.0; expected a finite number of at least 0"),
        ({"seconds": math.nan}, "'seconds' of 'training' is nan"),
        ({"seconds": math.inf}, "'seconds' of 'training' is inf"),
        ({"seconds": "5"}, "'seconds' of 'training' is '5'"),
        ({"seconds": True}, "'seconds' of 'training' is True"),
        ({"seconds": None}, "'seconds' of 'training' is None"),
        ({"seconds": np.array([1.0])}, "'seconds' of 'training' is array([1.])"),
        ({"seconds": 10**400}, "'seconds' of 'training' is 1000"),
        ({"seconds": 1.0, "frames": "many"}, "'frames' of 'training' is 'many'; expected a whole number"),
        ({"seconds": 1.0, "frames": -1}, "'frames' of 'training' is -1"),
        ({"seconds": 1.0, "split": {"update": math.nan}}, "'split.update' of 'training' is nan"),
        ({"seconds": 1.0, "what": Unprintable()}, "'what' of 'training' is (its message cannot be made"),
        ({"seconds": 1.0, 3: "three"}, "expected a finite number, a text"),
        ({"seconds": 1.0, "text": "x" * 10**6}, "longer than 20000 characters"),
        (5.0, "'training' is 5.0; expected a dict with 'seconds'"),
        ([("seconds", 5.0)], "expected a dict with 'seconds'"),
        (LOOP, "expected a finite number, a text"),
    ],
)
def test_anything_else_is_refused_with_field_and_value(given, words):
    with pytest.raises(InvalidDecision) as refused:
        reported.training(given)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 400

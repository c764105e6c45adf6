"""A linear model checks itself, measures points, and grows by rows and columns."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from .models import knapsack, model


def test_value_and_violation_by_hand():
    m = knapsack()
    assert m.value(np.array([0.0, 1.0, 1.0])) == 21.0
    assert m.violation(np.array([0.0, 1.0, 1.0])) == 0.0
    assert m.violation(np.array([1.0, 1.0, 0.0])) == 1.0  # 7 in a row of 6
    assert m.violation(np.array([0.0, 0.0, 1.5])) == 0.5  # beyond its bound, and half an integer
    assert m.violation(np.array([0.25, 0.0, 0.0])) == 0.25


def test_more_rows_and_columns():
    m = knapsack().with_columns([5.0], [2.0], integer=False).with_rows(np.array([[1.0, 0.0, 0.0, 1.0]]), [0.0], [1.0])
    assert (m.n_columns, m.n_rows) == (4, 2)
    assert m.value(np.array([1.0, 0.0, 1.0, 2.0])) == 28.0
    assert m.violation(np.array([1.0, 0.0, 1.0, 2.0])) == 2.0
    assert_allclose(m.upper, [1.0, 1.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": [1.0, np.inf]}, "finite"),
        ({"row_lower": np.nan}, "row_lower holds NaN"),
        ({"names": ["a"]}, "1 names for 2"),
    ],
)
def test_bad_models_are_refused(change, message):
    given = {"cost": [1.0, 1.0], "rows": [1.0, 1.0], "row_lower": 0.0, "row_upper": 1.0} | change
    with pytest.raises(ValueError, match=message):
        model(**given)

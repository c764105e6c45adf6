"""Rows of studies: written, read again, and their means."""

import pytest

from dtbench.reports import rows


def test_rows_come_back(tmp_path):
    """As text, but for whole numbers; commas and negative numbers do not suffer, also when written again."""
    first, second = {"case": "paper, n_users 10", "network": 3}, {"case": "", "network": 4}
    given = [first | {"objective": -1.5}, second | {"objective": 2.0}]
    for _ in range(2):
        rows.write(tmp_path / "a.csv", given)
        given = rows.read(tmp_path / "a.csv", ["network"])
    assert given == [first | {"objective": "-1.5"}, second | {"objective": "2.0"}]
    assert rows.read(tmp_path / "none.csv") == []


def test_intervals_by_hand():
    """1 and 3: t of one degree of freedom is 12.706, the standard error 1. One value has no interval."""
    found = rows.interval([1.0, 3.0])
    assert found == {
        "ratio": 2.0,
        "low": pytest.approx(2.0 - 12.7062, abs=1e-4),
        "high": pytest.approx(14.7062, abs=1e-4),
    }
    assert rows.interval([0.5]) == {"ratio": 0.5, "low": 0.5, "high": 0.5}

"""Numbers and words for people."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtbench.reports import numbers
from dtbench.reports.numbers import format_ratio, format_seconds, format_share, one_line


def test_doctests():
    result = doctest.testmod(numbers)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (-1e-10, "0.000"),
        (1e-9, "0.000"),
        (1.1e-9, "<0.001"),
        (-1e-6, ">−0.001"),
        (1e-5, "0.001"),
        (0.5, "50.0"),
        (-0.5, "−50.0"),
        (12.0, "1200"),
    ],
)
def test_format_ratio(ratio, text):
    assert format_ratio(ratio) == text


@given(st.floats(-100, 100))
def test_only_zero_looks_like_zero(ratio):
    looks_zero = format_ratio(ratio).strip("0.") == ""
    assert looks_zero == (abs(ratio) <= 1e-9)


@given(st.floats(0, 1))
def test_only_none_and_all_look_like_it(share):
    assert (format_share(share) == "0") == (share == 0)
    assert (format_share(share) == "100") == (share == 1)


@given(st.floats(1e-9, 1e6))
def test_seconds_are_within_half_a_percent(seconds):
    number, unit = format_seconds(seconds).split(" ")
    assert float(number) * {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit] == pytest.approx(seconds, rel=0.0051)


@given(st.text())
def test_one_line_is_one_printable_line(text):
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 300
    assert one_line(line) == line

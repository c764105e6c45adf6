"""Scales: numbers by hand, and laws."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtbench.reports.site.scale import BINS, bin_names, gap_axis, gap_class, stretched, time_axis

GAPS = st.floats(-1e3, 1e6, allow_nan=False)


@given(GAPS, GAPS)
def test_worse_is_never_shown_better(a, b):
    low, high = sorted((a, b))
    axis = gap_axis([low, high])
    assert 0.0 <= axis.place(low) <= axis.place(high) <= 1.0
    assert gap_class(low) <= gap_class(high)


def test_one_bad_method_does_not_flatten_the_others():
    """Beside 4831 % lie 0.75 % and 7.5 % an eighth of the axis apart, not a thousandth."""
    axis = gap_axis([0.0075, 0.075, 48.31])
    assert axis.place(0.075) - axis.place(0.0075) > 0.12


def test_zero_has_a_number():
    assert "0" in [text for _, text in gap_axis([0.2]).ticks]
    assert [text for _, text in gap_axis([-0.5, 0.5], apart=0.2).ticks] == ["−10", "0", "10"]


@given(st.lists(GAPS, min_size=1), st.sampled_from((0.05, 0.16)))
def test_numbers_have_room(gaps, apart):
    places = [place for place, _ in gap_axis(gaps, apart).ticks]
    assert all(b - a >= apart - 1e-12 for a, b in pairwise(places))


def test_classes_end_where_they_say():
    assert [gap_class(end) for end in BINS] == list(range(len(BINS)))
    assert len(bin_names()) == len(BINS) + 1


def test_stretched_is_odd():
    assert stretched(-0.3) == -stretched(0.3)


def test_times_span_powers_of_ten():
    axis = time_axis([1e-4, 2.0])
    assert [text for _, text in axis.ticks] == ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]
    assert axis.place(1e-2) == pytest.approx((-2 + 4.2) / (0.30103 + 0.25 + 4.2), abs=1e-4)

"""CSV that a spreadsheet shows and does not run, and that programs read back."""

import csv
import io
import math

import pytest

from dtbench.files import csv_text


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-fast", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "=cmd|' /C calc'!A0", '="a,b"', "-"],
)
def test_a_formula_becomes_a_text(text):
    """A spreadsheet takes what an apostrophe begins as a text; for programs it is one character more."""
    (row,) = csv.reader(io.StringIO(csv_text([[text, 1]]), newline=""))
    assert row == [f"'{text}", "1"]


@pytest.mark.parametrize(
    "text", ["exact", "a, b", 'say "a"', "two\nlines", "a;=1+1", "a|b", " a", "x=1", "a-b", "", "'a"]
)
def test_other_texts_come_back_as_they_are(text):
    (row,) = csv.reader(io.StringIO(csv_text([[text, 1]]), newline=""))
    assert row == [text, "1"]


def test_a_separator_of_another_locale_does_not_start_a_cell():
    """Read with semicolons, ``a;=1+1`` is one cell that does not begin like a formula."""
    ((first, *_),) = csv.reader(io.StringIO(csv_text([["a;=1+1"]])), delimiter=";")
    assert first == "a;=1+1"


def test_numbers_are_no_formulas_and_keep_their_digits():
    assert csv_text([[-1, -0.1, 1e-300, math.inf, None, True]]) == "-1,-0.1,1e-300,inf,,True\n"

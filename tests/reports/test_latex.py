"""Words and tables in LaTeX."""

from __future__ import annotations

import doctest
import re

import pytest

from dtbench.reports import latex
from dtbench.reports.latex import Block, Head, PaperTable, Part, breakable, latex_escape, plain, width


def test_doctests():
    result = doctest.testmod(latex)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("words", "escaped"),
    [
        ("50 % & #1 x_{i}$", r"50 \% \& \#1 x\_\{i\}{\upshape\char36}"),
        (r"a\b^c~d", r"a\textbackslash{}b\textasciicircum{}c\textasciitilde{}d"),
        ("a--b-c", "a-{}-b-c"),
        ("−1.2 µs – ü", r"$-$1.2 $\mu$s -- ü"),
        ("中 ð", "{[}U+4E2D] {[}U+00F0]"),
        ("<a>", r"\textless{}a\textgreater{}"),
    ],
)
def test_escape_by_hand(words, escaped):
    assert latex_escape(words) == escaped


def test_long_words_may_break_and_lose_no_letter():
    word = "genetic_" + "x" * 40
    assert breakable(word).count(latex.BREAK) == 3  # after the underscore, and after 15 and 30 letters
    assert breakable(word).replace(latex.BREAK, "") == latex_escape(word)
    assert breakable("a b--c") == "a b-{}-c"


def test_numbers_and_marks_by_hand():
    assert plain("1.2 ms (3k)") == Part(r"1.2\,ms (3k)", pytest.approx(width("1.2 ms (3k)")))
    assert plain("1.2", "bold").tex == r"\textbf{1.2}"
    assert plain("1.2", "bold").em == pytest.approx(1.15 * (0.5 + 0.28 + 0.5))
    assert plain("1.2", "underline").tex == r"\underline{1.2}"


ONE, FIVE = (Part("1", 0.5),), (Part("5", 0.5),)
TABLE = PaperTable(
    key="a b",
    caption=r"Of 50 \%",
    heads=(Head(("#",)), Head(("Method",), "name"), Head(("Gap [%]",), "interval"), Head(("Time", "per slot"))),
    blocks=(
        Block("One", ((ONE, (Part("greedy"),), (Part("2.0", 1.28), Part("{[}1, 3]", 2.5)), FIVE),)),
        Block("Two", ((ONE, (Part("random"),), (Part("9.0", 1.28), Part()), FIVE),)),
    ),
    notes=("A note.",),
    comments=("A comment.",),
)  # fmt: skip


def test_a_table_by_hand():
    assert TABLE.text().splitlines()[:4] == ["% A comment.", r"\begin{table}",
        r"  \centering\footnotesize\setlength{\belowcaptionskip}{4pt}", r"  \caption{Of 50 \%}"]  # fmt: skip
    assert r"\label{tab:dtbench-a-b}" in TABLE.text()
    assert r"1 & \raggedright\hangindent=1em\hspace{0pt}greedy & 2.0 & {[}1, 3] & 5 \tabularnewline" in TABLE.text()
    assert r" &  & \multicolumn{2}{c}{} & Time \tabularnewline" in TABLE.text()
    assert r"\multicolumn{5}{@{}l@{}}{\emph{Two}} \tabularnewline" in TABLE.text()
    assert TABLE.length == 4


def test_names_take_what_is_left():
    """By hand: # 0.85, the interval 1.28 + 0.35 + 2.5 = 4.13, 'per slot' 3.44, three gaps of 0.7."""
    heading = width("per slot")
    assert TABLE.taken == pytest.approx(0.85 + max(4.13, width("Gap [%]")) + heading + 3 * 0.7)
    assert rf"p{{\dimexpr\linewidth-{TABLE.taken:.2f}em\relax}}" in TABLE.text()
    assert TABLE.least == pytest.approx(TABLE.taken + width("random"))


def test_forms():
    assert TABLE.text(wide=True).count("{table*}") == 2
    bare = TABLE.text(bare=True)
    assert r"\caption" not in bare
    assert "{table" not in bare
    assert "% A note." in bare
    assert bare.count("{") == bare.count("}")


def test_environments_are_closed_in_order_and_rows_are_of_one_length():
    open_environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", TABLE.text()):
        if kind == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert open_environments == []

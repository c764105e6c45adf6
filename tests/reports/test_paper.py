"""Tables for papers, of records out of thin air."""

from __future__ import annotations

import doctest
import re

import pytest

from dtbench.errors import DtbenchError
from dtbench.reports import paper, paper_rows, paper_summary
from dtbench.reports.columns import chosen
from dtbench.reports.leaderboard import build
from dtbench.reports.paper import Wanted, tables
from dtbench.reports.paper_rows import marked

BEST = {f"{problem}/{size}-{n:03d}": 10.0 for problem in ("lights", "harvest") for size in ("tiny", "paper")
        for n in range(3)}  # fmt: skip


@pytest.mark.parametrize("module", [paper_rows, paper_summary])
def test_doctests(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.fixture
def board(facts, make_record):
    """`lights`: b and c tie behind a, which knows the future; d lacks an instance. `harvest`: a and b only."""

    def made(label, gap, *, regime="global", problem="lights", numbers=(0, 1), **more):
        sign = 1.0 if problem == "lights" else -1.0
        method = {"regime": regime}
        return [
            make_record(label, n, 10.0 * (1.0 + sign * gap), problem=problem, method=method, **more) for n in numbers
        ]

    records = made("a", 0.0, regime="future") + made("b", 0.1) + made("c", 0.1 + 1e-12) + made("e", 0.5, regime="local")
    records += [*made("d", 0.0, numbers=(0,)), make_record("d", 1, status="timeout")]
    records += made("a", 0.0, problem="harvest", regime="future") + made("b", 0.2, problem="harvest")
    return build(records, BEST, facts)


def rows_of(table):
    """Cells of each row of a table, by the name in its row."""
    lines = [line.strip().removesuffix(r" \tabularnewline") for line in table.tabular() if r"\hangindent" in line]
    rows = [[cell.replace(r"\raggedright\hangindent=1em\hspace{0pt}", "") for cell in x.split(" & ")] for x in lines]
    at = [head.kind for head in table.heads].index("name")
    return {re.sub(r"\$.*", "", row[at]): row for row in rows}


def test_one_table_for_each_problem_and_a_summary(board, facts, make_record):
    assert [table.key for table in tables(board)] == ["harvest", "lights", "summary"]
    alone = build([make_record("a"), make_record("b")], BEST, facts)
    assert [table.key for table in tables(alone)] == ["lights"]


def test_a_problem_by_hand(board):
    lights = tables(board)[1]
    rows = rows_of(lights)
    assert rows["a"][:3] == ["1", r"a$^{\dagger}$", "0.000"]
    assert rows["b"][:4] == ["2", "b", r"\textbf{10.0}", "{[}10.0, 10.0]"]
    assert rows["c"][:3] == ["2", "c", r"\textbf{10.0}"]
    assert rows["e"][:3] == ["4", r"e$^{\ast}$", r"\underline{50.0}"]
    assert rows["d"][:3] == ["--", r"d$^{\ddagger}$", "0.000"]
    assert lights.caption == r"Gap to the best known value on \mbox{lights}, size tiny"
    notes = "\n".join(lights.notes)
    assert "Street lights; objective in seconds, less is better. 2 instances, 1 seed." in notes
    assert r"{[}95\,\% interval of a bootstrap over instances and, within each, seeds]" in notes
    assert "Time: median of one decision, on Abacus 9 (4 cores)." in notes
    assert "No decision needed repair." in notes
    assert r"$^{\ddagger}$Without a score on everything planned: d (1 timeout)." in notes
    assert r"methods with $^{\ddagger}$ are not compared" in notes
    assert r"$^{\dagger}$Knows the whole trace in advance; for reference, not compared." in notes


def test_the_summary_by_hand(board):
    summary = tables(board)[-1]
    rows = rows_of(summary)
    assert set(rows) == {"a", "b"}  # the others are of one problem
    assert rows["a"] == [r"a$^{\dagger}$", "0.000", "0.000"]
    assert rows["b"] == ["b", "20.0", "10.0"]  # compared with nobody: no bold
    assert [head.lines for head in summary.heads] == [("Method",), ("harv.",), ("ligh.",)]
    assert "Methods of one problem only are in its own table." in summary.notes


def test_a_summary_marks_each_column_by_itself(facts, make_record):
    records = [
        make_record(label, n, 10.0 * (1.0 + (1.0 if problem == "lights" else -1.0) * gap), problem=problem, size=size)
        for label, gaps in {"a": (0.1, 0.2, 0.3), "b": (0.2, 0.1, 0.3), "c": (0.3, None, None)}.items()
        for (problem, size), gap in zip(
            (("lights", "tiny"), ("harvest", "tiny"), ("lights", "paper")), gaps, strict=True
        )
        if gap is not None
        for n in range(2)
    ] + [make_record("c", n, 8.0, problem="harvest", size="paper") for n in range(2)]
    summary = tables(build(records, BEST, facts))[-1]
    assert [block.title for block in summary.blocks] == ["Size tiny", "Size paper"]
    tiny, large = ([[parts[0].tex for parts in row] for row in block.rows] for block in summary.blocks)
    assert tiny == [
        ["a", r"\underline{20.0}", r"\textbf{10.0}"],
        ["b", r"\textbf{10.0}", r"\underline{20.0}"],
        ["c", "--", "30.0"],
    ]
    assert large == [["a", "--", r"\textbf{30.0}"], ["b", "--", r"\textbf{30.0}"], ["c", "20.0", "--"]]


def test_what_prints_alike_is_marked_alike():
    assert marked([(0.1, "10.0"), (0.1001, "10.0"), (0.2, "20.0"), (0.2001, "20.0"), (0.3, "30.0")]) == [
        "bold", "bold", "underline", "underline", "",
    ]  # fmt: skip
    assert marked([(1.0, "1"), (2.0, "2"), (None, "9")], more_is_better=True) == ["underline", "bold", ""]
    assert marked([(1.0, "1"), (None, "-")]) == ["", ""]


def test_columns_are_those_that_are_wanted(board, facts, make_record):
    lights = tables(board, Wanted(("mean_rank", "gap", "train_time", "marks"), intervals=False))[1]
    assert [head.lines[0] for head in lights.heads] == ["Method", "Mean", "Gap [%]", "Training", "Remarks"]
    assert rows_of(lights)["b"] == ["b", r"\textbf{3.00}", r"\textbf{10.0}", "--", ""]
    assert not any("bootstrap" in note for note in lights.notes)
    with pytest.raises(DtbenchError, match="unknown column 'gaps'. Did you mean 'gap'"):
        Wanted(("gaps",))


def test_default_columns_say_something(facts, make_record):
    """Without best known values there are objectives instead of gaps; repaired slots are shown where there are any."""
    repaired = build([make_record("a", repaired=[True, False]), make_record("b", 0, 2.0)], {}, facts)
    (table,) = tables(repaired)
    assert [head.lines[0] for head in table.heads] == ["#", "Method", "Mean", "Rep.", "Time"]
    assert rows_of(table)["a"][2:4] == [r"\textbf{1.00000}", "50.0"]
    assert table.caption.startswith(r"Results on \mbox{lights}")
    assert "No decision needed repair." not in table.notes


def test_a_method_without_any_score_is_a_note(facts, make_record):
    records = [make_record("a"), make_record("b", 0, 2.0), make_record("c", status="crash")]
    (table,) = tables(build(records, BEST, facts))
    assert "c" not in rows_of(table)
    assert "Left out, without any score: c (1 crash)." in table.notes


def test_seeds_that_differ_are_told(facts, make_record):
    records = [make_record("a", 0, 11.0, seed=s) for s in range(3)] + [make_record("b", 0, 12.0)]
    (table,) = tables(build(records, BEST, facts))
    assert table.notes[0].endswith(" 1 instance, 1 to 3 seeds per method.")


def test_frames_are_short(facts, make_record):
    training = {"training": {"frames": 1_310_720}}
    records = [make_record("a", 0, 11.0, train_seconds=90.0, method=training), make_record("b")]
    (table,) = tables(build(records, BEST, facts), Wanted(("train_time",)))
    assert rows_of(table)["a"] == ["a", r"90.0\,s (1.3M)"]


def test_the_whole_board_takes_columns_and_digits(board):
    text = paper.document(chosen(board, ["gap"], 2))
    assert r"Method & \multicolumn{2}{c}{Gap {[}\%]} \tabularnewline" in text
    assert r"b & \textbf{10} & {[}10, 10] \tabularnewline" in text


def test_the_whole_board_in_one_file_names_what_failed(board):
    text = paper.document(board)
    assert text.count(r"\begin{table}") == 3
    assert text.index("tab:dtbench-summary") < text.index("tab:dtbench-harvest")
    assert "% failure: lights/tiny-001, d, 0, timeout, no reason was recorded" in text

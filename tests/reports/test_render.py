"""Markdown, CSV, terminal, and the files of a folder."""

from __future__ import annotations

import csv
import doctest
import io
import os
import re

import pytest
from rich.console import Console

from dtbench.errors import DtbenchError
from dtbench.reports import render
from dtbench.reports.leaderboard import build
from dtbench.reports.render import FORMATS, leaderboard_csv, markdown_escape, write
from dtbench.reports.terminal import terminal

EVIL = r"[a]_b|c & 50% <i>*`$^~\#{}--"


@pytest.fixture
def board(facts, make_record):
    """One solver whose label is as bad as can be, one that failed, one whose gap is tiny."""
    records = [make_record(EVIL, i, 3.0) for i in range(2)] + [make_record("good", i, 2.0 + 4e-6) for i in range(2)]
    records += [make_record("bad", 0, 3.0), make_record("bad", 1, status="crash", reason=f"{EVIL} [bold]x[/bold]")]
    return build(records, {f"lights/tiny-{i:03d}": 2.0 for i in range(2)}, facts)


def test_doctests():
    result = doctest.testmod(render)
    assert result.attempted > 0
    assert result.failed == 0


class TestMarkdown:
    def test_escape_by_hand(self):
        assert markdown_escape("a|b &lt; [x](y) _c_") == r"a\|b &amp;lt; \[x\](y) \_c\_"

    def test_tables_keep_their_shape(self, board):
        """As many bars that are not escaped in every line as in the head; the label does not add one."""
        lines = [line for line in FORMATS["md"](board).splitlines() if line.startswith("|")]
        bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
        assert bars == [13] * 5 + [6] * 3

    def test_content(self, board):
        text = FORMATS["md"](board)
        assert "<0.001 %".replace("<", r"\<") in text
        assert "50.0 %" in text
        assert markdown_escape(EVIL) in text
        assert "<i>" not in text.replace(r"\<i\>", "")
        assert "## Failures" in text


class TestCsv:
    def test_reads_back(self, board):
        rows = list(csv.DictReader(io.StringIO(leaderboard_csv(board))))
        assert [row["solver"] for row in rows] == ["good", EVIL, "bad"]
        assert [row["rank"] for row in rows] == ["1", "2", ""]
        assert [float(row["gap_ratio"]) for row in rows] == pytest.approx([2e-6, 0.5, 0.5])
        assert float(rows[0]["decision_time_s"]) == 0.001


class TestTerminal:
    def shown(self, board, **options):
        console = Console(width=100, file=io.StringIO(), color_system=None)
        console.print(terminal(board, **options))
        return console.file.getvalue()

    def test_fits_and_shows_words_as_they_are(self, board):
        text = self.shown(board)
        assert max(map(len, text.splitlines())) <= 100
        assert "[bold]x[/bold]" in re.sub(r"\s+", "", text)
        assert "bad: 1 crash." in text

    def test_cells_are_shown_only_where_some_are_missing(self, board, facts, make_record):
        complete = build([make_record("a"), make_record("b")], {}, facts)
        assert "cells" not in self.shown(complete)
        assert "1/2" in self.shown(board)

    def test_long_lists_are_cut(self, facts, make_record):
        records = [make_record("a", i, status="error", reason=f"reason {i}") for i in range(5)]
        text = self.shown(build(records, {}, facts), most=2)
        assert "reason 1" in text
        assert "reason 2" not in text
        assert "... and 3 more" in text


class TestWrite:
    def test_files(self, board, tmp_path):
        folder = tmp_path / "new" / "results"
        names = [f"leaderboard.{name}" for name in ("md", "csv", "tex", "html")] + ["instances.csv", "cells.csv"]
        assert write(folder, board) == [folder / name for name in names]
        assert sorted(os.listdir(folder)) == sorted(names)
        assert (folder / "leaderboard.md").read_bytes() == FORMATS["md"](board).encode()
        before = {name: (folder / name).read_bytes() for name in names}
        write(folder, board)
        assert {name: (folder / name).read_bytes() for name in names} == before

    def test_some_formats(self, board, tmp_path):
        write(tmp_path, board, ["tex"])
        assert sorted(os.listdir(tmp_path)) == ["cells.csv", "instances.csv", "leaderboard.tex"]

    def test_unknown_format(self, board, tmp_path):
        with pytest.raises(DtbenchError, match="unknown format 'pdf'. Known: md, csv, tex, html"):
            write(tmp_path, board, ["md", "pdf"])
        assert os.listdir(tmp_path) == []

    def test_a_folder_that_cannot_be_written(self, board, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DtbenchError, match="cannot write"):
            write(tmp_path / "file", board)

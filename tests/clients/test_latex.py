"""Tables for papers compile in the classes that papers use, and no line is wider than its column."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dtbench.reports.latex import LATEX_SPECIAL, Block, Head, PaperTable, Part, breakable, plain

PACKAGES = (Path(__file__).parent / "debian.txt").read_text(encoding="utf-8").split()
TEX = " ".join(name for name in PACKAGES if name.startswith("texlive-"))
CLASSES = {
    "IEEEtran": (r"\documentclass[conference]{IEEEtran}", r"\title{T}\author{A}\maketitle"),
    "acmart": (  # in Computer Modern, as the class does without the fonts of ACM: those take 1.5 GB to install
        r"\documentclass[sigconf,nonacm]{acmart}",
        r"\title{T}\author{A}\affiliation{\institution{B}\country{C}}\maketitle",
    ),
    "article": (r"\documentclass[twocolumn]{article}", r"\title{T}\author{A}\maketitle"),
}
TEXT = "Words of the paper between its tables, which fill a few lines of the column. " * 12
EVIL = r"[a]_b|c & 50% <i>*`$^~\#{}-- 'q' \"Q\""
SUITE = f"""
name = "paper"
title = "All problems"
description = "A label as bad as can be, a long one, policies, one that knows the future"
instances = ["*/tiny-00[01]"]
seeds = 1

[[solvers]]
name = "greedy"
label = '''{EVIL}'''

[[solvers]]
name = "random"
label = "random_with_a_label_that_is_much_longer_than_any_column=of-a-paper/can,hold"

[[solvers]]
name = "random-set"

[[solvers]]
name = "nearest"

[[solvers]]
name = "clairvoyant"

[[solvers]]
name = "vdn"
"""


@pytest.fixture(scope="module")
def dtbench(tmp_path_factory):
    """Runs a command where the suite's results are; one of them is missing."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / "paper.toml").write_text(SUITE, encoding="utf-8")

    def run(*command):
        program = Path(sys.executable).with_name("dtbench")
        return subprocess.run([program, *command], cwd=folder, check=True, capture_output=True, timeout=300, text=True)

    run("run", "paper.toml", "--results", "results")
    next((folder / "results" / "records").glob("*vdn*.json")).unlink()
    return folder, run


@pytest.fixture
def compiled(program, tmp_path):
    """`compiled("article", bodies)`: the log of a paper that holds them; it must compile."""
    pdflatex = program(
        "pdflatex", package=TEX, what="tables of `dtbench tables` and `compare` in IEEEtran, acmart, article"
    )

    def compile_(name, bodies):
        head, title = CLASSES[name]
        body = "\n\n".join(f"{TEXT}\n\n{each}" for each in bodies)
        text = f"{head}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{title}\n{body}\n\\end{{document}}\n"
        (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
        command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
        log = (tmp_path / "paper.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-2000:]
        return log

    return compile_


def faults(log):
    """Lines that are too wide, signs that no font has, commands that are not there."""
    return re.findall(r"^(?:Overfull \\hbox.*|Missing character.*|.*Undefined.*)$", log, flags=re.MULTILINE)


def texts(folder):
    return [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.tex"))]


@pytest.mark.parametrize("name", CLASSES)
def test_real_results(dtbench, compiled, name):
    folder, run = dtbench
    said = run("tables", "--results", "results", "-o", "tables")
    assert "too wide" not in said.stderr
    tables = texts(folder / "tables")
    assert len(tables) == 7
    more = [text for text in tables if r"\ddagger" in text]
    assert more  # of the cell that is missing
    run("compare", "nearest", "random-set", "--results", "results", "-o", "pair.tex")
    run("compare", EVIL, "nearest", "--results", "results", "-o", "evil.tex")
    tables += [(folder / file).read_text(encoding="utf-8") for file in ("pair.tex", "evil.tex")]
    assert faults(compiled(name, tables)) == []


def test_other_columns_fit_or_are_said_not_to(dtbench, compiled):
    folder, run = dtbench
    every = "rank,solver,sees,gap,objective,mean_rank,repaired,proven,decision_time,train_time,cells,failures,marks"
    said = run("tables", "--results", "results", "--columns", every, "-o", "every")
    assert "edge-migration.tex: too wide for a column of a paper" in said.stderr
    assert faults(compiled("IEEEtran", texts(folder / "every")))
    some = every.removesuffix(",failures,marks")
    said = run("tables", "--results", "results", "--columns", some, "--wide", "-o", "wide")
    assert "too wide" not in said.stderr
    assert faults(compiled("IEEEtran", texts(folder / "wide"))) == []
    run("tables", "--results", "results", "--columns", "solver,gap,mean_rank,train_time", "--digits", "2", "--bare",
        "--size", "tiny", "-o", "bare")  # fmt: skip
    own = [f"\\begin{{table}}\\caption{{C}}\n{text}\n\\end{{table}}" for text in texts(folder / "bare")]
    assert faults(compiled("IEEEtran", own)) == []


@pytest.mark.parametrize("name", CLASSES)
def test_every_sign(compiled, name):
    """All that is escaped, all letters that are not, and some that no font has, in every place of a table."""
    letters = "".join(map(chr, range(0xC0, 0x100)))
    evil = "".join(LATEX_SPECIAL) + " " + " ".join(re.findall(".{8}", letters)) + " 中--'\"`?`!`<<>>,,"
    every = PaperTable(
        key="evil",
        caption=breakable(evil),
        heads=(Head(("Name",), "name"), Head(("[%]", "#_&"))),
        blocks=(
            Block("".join(LATEX_SPECIAL), tuple(((Part(breakable(word)),), (plain("−1.2 µs", mark),))
                  for word, mark in ((evil, ""), (EVIL, "bold"), ("x" * 90, "underline")))),
        ),
        notes=(breakable(evil),),
    )  # fmt: skip
    assert faults(compiled(name, [every.text()])) == []

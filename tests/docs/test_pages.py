"""The parts of the pages that are made while they are built; `make docs` installs what this needs."""

import re
import subprocess
import sys

import pytest

from dtbench.library import instances

from .blocks import ROOT

pytest.importorskip("sphinx", reason="`make docs` installs Sphinx")

CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_parser", "mathml", "problem_pages"]
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
"""


@pytest.fixture
def build(tmp_path):
    """Builds one page; returns what Sphinx said and the page, or nothing where it was not written."""

    def run(text):
        (tmp_path / "conf.py").write_text(CONF.format(ext=str(ROOT / "docs" / "_ext")), encoding="utf-8")
        (tmp_path / "index.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
        options = ["-b", "html", "-q", "--fail-on-warning", "--keep-going", str(tmp_path), str(tmp_path / "out")]
        done = subprocess.run([sys.executable, "-m", "sphinx", *options], capture_output=True, text=True, check=False)
        page = tmp_path / "out" / "index.html"
        return done.returncode, done.stderr, page.read_text(encoding="utf-8") if page.exists() else ""

    return run


def test_formulas_become_mathml_and_facts_come_from_the_code(build):
    formula = r"$$ a_i = \frac{1}{2} \tag{13d} $$"
    tables = [f"```{{problem-{part}}} edge-migration\n```" for part in ("sizes", "decision")]
    code, said, page = build("\n\n".join([formula, *tables]))
    assert code == 0, said
    assert "<mfrac>" in page
    assert '<span class="number">(13d)</span>' in page
    assert not [source for source in re.findall(r'<script[^>]*src="([^"]*)"', page) if "mathjax" in source]
    sizes, fields = re.findall(r"<table.*?</table>", page, re.DOTALL)
    counts = re.findall(r"<p>(\d+)</p>", sizes.split(">shipped<")[1])
    assert sum(map(int, counts)) == len(instances.names("edge-migration"))
    assert ">assoc<" in fields


def test_what_does_not_fit_fails_the_build(build):
    lines = ["assigned: One server.", "capacity: At most $N_k$ twins."]
    block = "\n".join(["```{problem-constraints} edge-migration", *lines, "```"])
    code, said, _ = build(block + "\n\n" + r"$$ \begin{cases} a $$")
    assert code != 0
    assert "constraints of edge-migration are assigned, capacity, delay; the page has assigned, capacity" in said
    assert "formula '\\\\begin{cases} a': MissingEndError" in said

"""The page of deviations: what it says of presets is in force, and what it says can be selected can be."""

import re

import pytest

from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.view import template

from .blocks import ROOT

SETTING = re.compile(r"`([a-z_0-9]+)=([^`]+)`")
SIZES = {"mec-synchronization": "closed-tiny"}  # the paper's: with a control centre


def sections():
    """Of each problem: its solvers, and the rows of its table."""
    text = (ROOT / "docs" / "deviations.md").read_text(encoding="utf-8")
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, body = part.split("\n", 1)
        named = re.search(r"solvers? ((?:`[a-z-]+`(?:, )?)+)", body)
        rows = [
            [cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines() if line[:1] == "|"
        ]
        yield title.strip(), re.findall(r"`([^`]+)`", named[1]), rows[2:]


def settings(cell, solvers):
    """(solver, option or parameter, value) of a cell: parts are separated by semicolons, and may begin with solvers."""
    for part in cell.split(";"):
        named = re.match(r"\s*((?:`[a-z-]+`(?:, )?)+):", part)
        whose = re.findall(r"`([^`]+)`", named[1]) if named else solvers
        assert set(whose) <= set(solvers), part
        for name, value in SETTING.findall(part):
            yield from ((solver, name, value) for solver in whose)


SECTIONS = {id: (solvers, rows) for id, solvers, rows in sections()}


def test_every_problem_has_a_table():
    assert set(SECTIONS) == {
        "stin-deployment", "satellite-offloading", "mec-synchronization", "edge-placement", "edge-migration",
        "dnt-spectrum",
    }  # fmt: skip
    for _, rows in SECTIONS.values():
        assert len(rows) > 5
        assert all(len(row) == 6 and all(row) for row in rows)


def held(solver, id):
    """Options of the preset on the problem, and the parameters that it trains with."""
    instance = problem(id).generate(SIZES.get(id, "tiny"), 0)
    options = load_solver(discover()[solver])(problem(id), instance, preset="paper").options
    return options, template(problem(id), instance, options.env).params


@pytest.mark.parametrize("id", SECTIONS)
def test_what_is_said_of_the_preset_is_in_force(id):
    solvers, rows = SECTIONS[id]
    known = {solver: held(solver, id) for solver in solvers}
    checked = 0
    for row in rows:
        for solver, name, value in settings(row[2], solvers):
            (owner,) = [part for part in known[solver] if hasattr(part, name)][:1]
            assert owner.replace({name: value}) == owner, f"{solver}: {row[0]}: {name} is {getattr(owner, name)!r}"
            checked += 1
    assert checked >= 8


@pytest.mark.parametrize("id", SECTIONS)
def test_the_other_reading_exists_and_is_another_one(id):
    solvers, rows = SECTIONS[id]
    known = {solver: held(solver, id) for solver in solvers}
    for row in rows:
        for solver, name, value in settings(row[3], solvers):
            (owner,) = [part for part in known[solver] if hasattr(part, name)][:1]
            try:
                other = owner.replace({name: value})
            except DtbenchError:
                assert (name, value) == ("share", "true")  # with buffers=joint only
                continue
            assert other != owner, f"{solver}: {row[0]}: {name}={value} is what the preset has"


def test_it_finds_what_is_not_so():
    assert list(settings("`a`: `x=1` `y=2,3`; `b`: `z=c`", ["a", "b"])) == [
        ("a", "x", "1"), ("a", "y", "2,3"), ("b", "z", "c"),
    ]  # fmt: skip
    assert list(settings("`x=1`, as printed", ["a", "b"])) == [("a", "x", "1"), ("b", "x", "1")]

"""Best known values of one's own instances: beside the file, and in the boards of results."""

import json
import re

import pytest

from dtbench import files
from dtbench.library.best_known import known_of

SUITE = """
name = "own"
instances = ["mine.nc"]
seeds = 2

[limits]
seconds = 60
memory_gib = 2

[[solvers]]
name = "random"

[[solvers]]
name = "greedy"
"""


@pytest.fixture
def mine(dtbench, tmp_path):
    file = tmp_path / "mine.nc"
    assert dtbench("generate", "stin-deployment", "tiny", "--seed", "7", "--set", "horizon=3", "-o", file).code == 0
    return file


def test_what_is_proven_is_kept_beside_the_file(dtbench, mine):
    told = dtbench("certify", mine, "--json")
    assert told.code == 0, told.err
    facts = json.loads(told.out)
    assert [row["slot"] for row in facts["best_known"]] == ["horizon", "0", "1", "2"]
    assert all(row["status"] == "optimal" for row in facts["best_known"])
    best = facts["best_known"][0]["objective"]
    assert best == pytest.approx(sum(row["objective"] for row in facts["best_known"][1:]) / 3)
    solved = json.loads(dtbench("solve", mine, "exact", "--json").out)
    assert solved["best_known"] == best
    assert solved["gap_to_best_known"] == pytest.approx(0.0, abs=1e-6)
    assert json.loads(dtbench("show", mine, "--json").out)["best_known"][0]["objective"] == best
    again = dtbench("certify", mine)
    assert "kept, what was there is at least as well proven" in again.err
    assert re.search(r"slots +3", again.out)


def test_values_of_another_content_count_for_nothing(dtbench, mine):
    dtbench("certify", mine)
    assert "horizon" in known_of(mine)
    mine.unlink()
    dtbench("generate", "stin-deployment", "tiny", "--seed", "8", "--set", "horizon=3", "-o", mine)
    told = dtbench("show", mine)
    assert "is of another content of 'mine.nc'; certify it again" in told.err
    assert "best known: none" in told.out
    assert dtbench("certify", mine).code == 0
    assert "horizon" in known_of(mine)


def test_a_damaged_table_is_named_and_left_out(dtbench, mine):
    dtbench("certify", mine)
    table = mine.with_name("mine.best_known.csv")
    table.write_text(table.read_text().replace("optimal", "proved"))
    assert "status is 'proved', expected one of" in dtbench("show", mine).err


def test_an_instance_of_coupled_slots(dtbench, tmp_path):
    file = tmp_path / "moves.nc"
    dtbench("generate", "edge-migration", "tiny", "--seed", "5", "-o", file)
    told = dtbench("certify", file)
    assert told.code == 0, told.err
    assert "only together: they are coupled" in told.out
    assert set(known_of(file)) == {"horizon"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stin-deployment/tiny-000", "is not an instance file; its name must end in '.nc'"),
        ("none.nc", "instance file 'none.nc' does not exist"),
        (files.folder("instances") / "stin-deployment" / "tiny-000.nc", "is an instance of the library"),
    ],
)
def test_what_is_not_certified(dtbench, name, said):
    told = dtbench("certify", name)
    assert (told.code, len(told.err.splitlines())) == (2, 1)
    assert said in told.err


def test_the_board_has_objectives_before_and_gaps_after(dtbench, mine):
    """A run copies the table into its results; the board says whose values these are."""
    suite, results = mine.with_name("own.toml"), mine.with_name("results")
    suite.write_text(SUITE)
    assert dtbench("run", suite, "--results", results).code == 0
    before = dtbench("leaderboard", "--results", results)
    assert "objective" in before.out.splitlines()[1] + before.out.splitlines()[2]
    assert "No best known value, hence no gap: mine.nc@" in before.out
    (section,) = json.loads(dtbench("leaderboard", "--results", results, "--json").out)["sections"]
    rows = {row["solver"]: row for row in section["rows"]}
    assert rows["greedy"]["gap_ratio"] is None
    dtbench("certify", mine)
    assert dtbench("run", suite, "--results", results).code == 0  # nothing is run again
    after = dtbench("leaderboard", "--results", results)
    assert "Best known values of one's own (dtbench certify), not of the library: mine.nc@" in after.out
    assert "mean objective" not in after.out.replace("\n", " ")
    (section,) = json.loads(dtbench("leaderboard", "--results", results, "--json").out)["sections"]
    gaps = {row["solver"]: row["gap_ratio"] for row in section["rows"]}
    best = known_of(mine)["horizon"].objective
    assert gaps["greedy"] == pytest.approx((rows["greedy"]["objective"] - best) / best)

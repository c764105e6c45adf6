"""``leaderboard``, ``verify`` and ``plan`` against the plan that is stored with the results."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from dtbench.progress import clock

SUITE = """
name = "pair"
instances = ["stin-deployment/tiny-00[0-2]"]
seeds = 3

[limits]
seconds = 60
memory_gib = 2

[[solvers]]
name = "random"

[[solvers]]
name = "greedy"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The suite's results: 9 cells of ``random``, 3 of ``greedy``."""
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.run import run
    from dtbench.experiments.store import Store
    from dtbench.experiments.suite import read

    folder = tmp_path_factory.mktemp("pair")
    (folder / "pair.toml").write_text(SUITE)
    store = Store(folder / "results")
    run(make_plan(read(folder / "pair.toml"), store), store, workers=2)
    return folder


@pytest.fixture
def results(finished, tmp_path):

    return shutil.copytree(finished / "results", tmp_path / "results")


def board(dtbench, results):
    result = dtbench("leaderboard", "--results", results, "--json")
    (section,) = json.loads(result.out)["sections"]
    return result, {row["solver"]: row for row in section["rows"]}, section["notes"]


def remove(results, pattern):
    files = list((results / "records").glob(pattern))
    for file in files:
        file.unlink()
    assert files


def test_a_whole_run(dtbench, results):
    result, rows, _ = board(dtbench, results)
    assert result.code == 0
    assert {label: (row["rank"], row["cells_ok"], row["cells_planned"]) for label, row in rows.items()} == {
        "greedy": (1, 3, 3), "random": (2, 9, 9),
    }  # fmt: skip
    provenance = json.loads(result.out)["provenance"]
    assert provenance["plan"].startswith("12 cells of pair (sha256 ")
    found = json.loads(dtbench("verify", "--results", results, "--json").out)
    assert found == {
        "checked": 12, "mismatches": [], "planned": 12, "lacking": [], "unplanned": [], "of_another_version": [],
        "policies": 0,
    }  # fmt: skip


def test_all_records_of_a_seed_are_missed(dtbench, results):
    remove(results, "*--s2--*")
    result, rows, notes = board(dtbench, results)
    assert (rows["random"]["rank"], rows["random"]["cells_ok"], rows["random"]["cells_planned"]) == (None, 6, 9)
    assert rows["random"]["marks"] == "3 not run"
    assert rows["greedy"]["rank"] == 1
    assert "Ranks are not final, planned cells still lack a record that holds: random." in notes
    assert "3 planned cells not run: random on stin-deployment/tiny-000, " in result.err
    verified = dtbench("verify", "--results", results)
    assert verified.code == 0
    assert "3 planned cells not run" in verified.out


def test_a_solver_and_an_instance_without_any_record_are_named(dtbench, results):
    remove(results, "*--greedy--*")
    remove(results, "*--tiny-001--*")
    _, rows, notes = board(dtbench, results)
    assert {label: row["rank"] for label, row in rows.items()} == {"greedy": None, "random": None}
    assert "Planned, but without any record: greedy." in notes
    assert "Planned instances without any record: stin-deployment/tiny-001." in notes


def test_no_record_at_all(dtbench, results):
    remove(results, "*")
    result, rows, _ = board(dtbench, results)
    assert result.code == 0
    assert {label: (row["cells_ok"], row["cells_planned"]) for label, row in rows.items()} == {
        "greedy": (0, 3), "random": (0, 9),
    }  # fmt: skip
    assert dtbench("leaderboard", "--results", results).code == 0


def test_a_record_that_does_not_hold_is_planned_and_has_no_score(dtbench, results):
    file = next((results / "records").glob("*tiny-000--greedy--*.json"))
    file.write_text(file.read_text().replace('"seed": 0', '"seed":  0'))  # the same content is the same record
    assert board(dtbench, results)[0].code == 0
    file.write_text(file.read_text().replace('"wall_seconds": ', '"wall_seconds": 1'))
    result, rows, _ = board(dtbench, results)
    assert result.code == 1
    assert (rows["greedy"]["rank"], rows["greedy"]["cells_ok"], rows["greedy"]["not_valid"]) == (None, 2, 1)
    assert f"does not hold: {file.stem}: the record was changed: its checksum differs" in result.err
    (failure,) = json.loads(result.out)["failures"]
    assert (failure["solver"], failure["status"]) == ("greedy", "not valid")


def test_without_a_plan_it_says_what_it_takes_for_one(dtbench, results):
    (results / "plan.json").unlink()
    remove(results, "*tiny-000--random--s1--*")
    result, rows, _ = board(dtbench, results)
    assert result.code == 0
    assert "no plan: none is stored, so every solver is taken to owe each of its seeds on every instance" in result.err
    assert json.loads(result.out)["provenance"]["plan"].startswith("none is stored")
    assert rows["random"]["marks"] == "1 not run"


def test_a_damaged_plan_is_one_line(dtbench, results, finished):
    (results / "plan.json").write_bytes(b"[" * 200_000)
    result, rows, _ = board(dtbench, results)
    assert result.code == 1
    assert rows["greedy"]["rank"] == 1
    assert "does not hold: plan.json: plan '" in result.err
    run = dtbench("run", finished / "pair.toml", "--results", results)
    assert (run.code, len(run.err.splitlines()), run.out) == (2, 1, "")
    assert "Restore it, or remove it" in run.err


def test_plan_counts_against_what_is_stored(dtbench, results, tmp_path):
    remove(results, "*--s2--*")
    suite = tmp_path / "pair.toml"
    suite.write_text(SUITE.replace("seeds = 3", "seeds = 1"))
    found = json.loads(dtbench("plan", suite, "--results", results, "--json").out)
    assert found["stored"] == {"cells": 12, "not_run": 3, "new": 0, "no_longer_planned": 6}
    shown = dtbench("plan", suite, "--results", results, "--solvers", "greedy,nearest").out
    assert "planned here before: 12 cells, 3 of them not run; by running this: 3 more, 6 no longer planned" in shown
    run = dtbench("run", suite, "--results", results)
    assert run.code == 0
    assert "6 cells that suite 'pair' does not ask for any more are no longer planned" in run.err
    result, rows, _ = board(dtbench, results)
    assert {label: (row["rank"], row["cells_planned"]) for label, row in rows.items()} == {
        "greedy": (1, 3), "random": (2, 3),
    }  # fmt: skip
    assert "3 records are of cells that are not planned, and are left out" in result.err
    assert json.loads(result.out)["provenance"]["left out"] == "3 records of cells that are not planned"


def test_a_figure_of_results_says_what_the_board_says(dtbench, results, tmp_path):
    file = tmp_path / "results.png"
    drawn = dtbench("plot", results, "-o", file, "--json")
    assert drawn.code == 0, drawn.err
    assert file.read_bytes().startswith(b"\x89PNG")
    (group,) = json.loads(drawn.out)["shown"]
    _, rows, _ = board(dtbench, results)
    assert {each["solver"]: each["gap"] for each in group["solvers"]} == {
        label: row["gap_ratio"] for label, row in rows.items()
    }
    assert dtbench("plot", results, "--size", "paper", "-o", file).err.endswith(
        f"'{results}' has no results of any problem, size paper.\n"
    )


@pytest.fixture
def verified(monkeypatch):
    """The folders that are verified, one by one."""
    from dtbench.experiments import verify

    folders, whole = [], verify.verify

    def told(folder, *arguments, **options):
        folders.append(folder)
        return whole(folder, *arguments, **options)

    monkeypatch.setattr(verify, "verify", told)
    return folders


COMMANDS = [("leaderboard",), ("leaderboard", "--json"), ("verify",), ("verify", "--json")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_in_which_nothing_changes_is_looked_at_once(dtbench, results, verified, command):
    first = dtbench(*command, "--results", results)
    again = dtbench(*command, "--results", results)
    assert len(verified) == 1
    assert (first.code, first.out, first.err) == (again.code, again.out, again.err)
    assert dtbench(*command, "--results", results, "--no-cache").out == first.out
    assert len(verified) == 2


def spaced(results):
    file = results / "plan.json"
    file.write_bytes(file.read_bytes() + b" ")


CHANGES = {
    "a record is gone": lambda results: next((results / "records").glob("*--s2--*.json")).unlink(),
    "decisions are gone": lambda results: next((results / "records").glob("*--s2--*.nc")).unlink(),
    "one more file": lambda results: (results / "records" / "x.json").write_text("{}"),
    "the plan": spaced,
    "an instance of one's own": lambda results: ((results / "instances").mkdir(), (results / "instances/a.nc").touch()),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("command", ["leaderboard", "verify"])
def test_a_folder_in_which_something_changes_is_verified_again(dtbench, results, verified, command, change):
    dtbench(command, "--results", results)
    CHANGES[change](results)
    dtbench(command, "--results", results)
    assert len(verified) == 2


def test_what_was_written_is_written_again_where_it_was_changed(dtbench, results):
    dtbench("leaderboard", "--results", results)
    page = (results / "leaderboard.html").read_bytes()
    (results / "leaderboard.html").write_text("other")
    (results / "cells.csv").unlink()
    dtbench("leaderboard", "--results", results)
    assert (results / "leaderboard.html").read_bytes() == page
    assert (results / "cells.csv").is_file()


def test_a_board_with_something_wrong_is_never_taken_from_before(dtbench, results, verified):
    next((results / "records").glob("*--s2--*.nc")).write_bytes(b"x")
    assert [dtbench("leaderboard", "--results", results).code for _ in range(2)] == [1, 1]
    assert len(verified) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"state": 1}'])
def test_junk_in_the_memo_is_nothing(dtbench, results, verified, content):
    from dtbench.experiments import memory

    first = dtbench("leaderboard", "--results", results)
    (memo,) = memory.file_of(results).parent.glob("*-leaderboard")
    memo.write_bytes(content)
    assert dtbench("leaderboard", "--results", results).out == first.out
    assert len(verified) == 2


def test_policies_that_will_be_trained_are_named_before(dtbench, tmp_path):
    """Seed 0 of vdn is shipped for tiny instances, seeds 1 to 3 are not; what it took is what they will take."""
    few = ("small", "--instances", "stin-deployment/tiny-000", "--solvers", "vdn", "--results", tmp_path / "results")
    facts = json.loads(dtbench("plan", *few, "--seeds", "1", "--json").out)
    assert (facts["policies_to_train"], facts["trainings"], facts["cells_that_may_train"]) == (0, [], 0)
    assert "will be trained" not in dtbench("plan", *few, "--seeds", "1").out
    facts = json.loads(dtbench("plan", *few, "--seeds", "4", "--json").out)
    assert (facts["policies_to_train"], facts["cells_that_may_train"]) == (3, 0)
    assert [(t["solver"], t["seed"], t["cells"], t["state"]) for t in facts["trainings"]] == [
        ("vdn", seed, 1, "missing") for seed in (1, 2, 3)
    ]
    (seconds,) = {t["seconds"] for t in facts["trainings"]}
    assert facts["seconds"] >= seconds
    said = dtbench("plan", *few, "--seeds", "4").out
    assert "3 policies of vdn on stin-deployment, tiny, will be trained before, " in said
    assert f"about {clock(seconds)} each (limit 2 h 00 min each)" in said
    unknown = tmp_path / "unknown.toml"
    unknown.write_text(
        'name = "unknown"\ninstances = ["stin-deployment/tiny-000"]\n[training]\nseconds = 90\n'
        '[[solvers]]\nname = "vdn"\noptions = {hidden = 16}\n'
    )
    said = dtbench("plan", unknown, "--results", tmp_path / "unknown").out
    assert "1 policy of vdn (hidden=16) on stin-deployment, tiny, will be trained before, time unknown" in said
    assert "(limit 1 min 30 s)" in said
    without = ("plan", unknown, "--results", tmp_path / "unknown")
    unknown.write_text(unknown.read_text().replace("hidden = 16", "cache = false, hidden = 16"))
    assert "1 cells of vdn (cache=False, hidden=16) train within their cells" in dtbench(*without).out
    assert json.loads(dtbench(*without, "--json").out)["cells_that_may_train"] == 1


def test_a_run_says_how_its_trainings_ended(dtbench, tmp_path, monkeypatch):
    monkeypatch.setenv("DTBENCH_CACHE", str(tmp_path / "cache"))
    suite, results = tmp_path / "few.toml", tmp_path / "results"
    solvers = Path(__file__).parents[1] / "learning" / "solvers"
    suite.write_text(
        'name = "few"\ninstances = ["stin-deployment/tiny-000"]\nseeds = 2\n[limits]\nseconds = 60\n'
        'memory_gib = 2\n[[solvers]]\nname = "hill"\n'
    )
    arguments = ("run", suite, "--results", results, "--solvers-path", solvers, "--workers", 2)
    first = dtbench(*arguments)
    assert first.code == 0, first.err
    assert "2 cells: 2 ok; 2 run now in " in first.out
    assert "; 2 policies trained; records in " in first.out
    assert "2 policies of hill on stin-deployment, tiny, will be trained before, time unknown" in first.err
    assert "2 cells to run, 2 at once; 2 trainings before some of them" in first.err
    assert "trained: hill on stin-deployment, tiny, seed 1, " in first.err
    assert json.loads(dtbench(*arguments, "--json").out)["trained"] == {}
    assert dtbench("leaderboard", "--results", results, "--format", "csv").code == 0
    (row,) = csv.DictReader((results / "leaderboard.csv").read_text().splitlines())
    assert (row["solver"], row["mean_rank"]) == ("hill", "1.0")
    assert float(row["train_time_s"]) > 0.0
    assert dtbench("plot", results / "policies", "-o", tmp_path / "curves.csv").code == 0
    table = (tmp_path / "curves.csv").read_text()
    assert table.count("validation/objective") == 8  # four points of two trainings
    checked = json.loads(dtbench("verify", "--results", results, "--json").out)
    assert (checked["checked"], checked["policies"], checked["mismatches"]) == (2, 2, [])
    assert "2 policies that were trained for cells hold" in dtbench("verify", "--results", results).out
    (file, *_) = (results / "policies").glob("*.safetensors")
    file.unlink()
    wrong = dtbench("verify", "--results", results)
    assert wrong.code == 1
    assert f"policies/{file.stem}" in wrong.out


def test_two_solvers_compared(dtbench, results, tmp_path):
    files = [tmp_path / f"pair.{form}" for form in ("png", "tex", "json")]
    told = dtbench("compare", "greedy", "random", "--results", results, *[x for f in files for x in ("-o", f)])
    assert told.code == 0, told.err
    assert "greedy against random: advantages are those of greedy" in told.out
    found = json.loads(files[2].read_text())
    (row,) = found["rows"]
    assert (row["instances"], row["pairs"], row["wins"]) == (3, 9, 3)  # one run of greedy for each seed
    assert "greedy against random" in files[1].read_text()
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert json.loads(dtbench("compare", "greedy", "random", "--results", results, "--json").out) == found
    _, rows, _ = board(dtbench, results)
    on = row["on"]
    means = [each["first_objective_mean"] - each["second_objective_mean"] for each in on]
    assert all(difference < 0 for difference in means)
    assert rows["greedy"]["rank"] == 1


def test_what_cannot_be_compared_is_one_line(dtbench, results, tmp_path):
    assert dtbench("compare", "greedy", "randon", "--results", results).err.endswith(
        "no results of solver 'randon'. Did you mean 'random'? There: greedy, random.\n"
    )
    assert (
        "expected a name that ends in .png"
        in dtbench("compare", "greedy", "random", "--results", results, "-o", tmp_path / "x.doc").err
    )
    next((results / "records").glob("*--s2--*.nc")).write_bytes(b"x")
    assert dtbench("compare", "greedy", "random", "--results", results).code == 1


def test_names_are_checked_before_records_are_verified(dtbench, results, monkeypatch):
    monkeypatch.setattr("dtbench.experiments.verify.verify", lambda *_, **__: pytest.fail("verified"))
    assert dtbench("compare", "greedy", "randon", "--results", results).code == 2
    (results / "plan.json").unlink()  # as of 0.1.0: then records say who there is
    assert "There: greedy, random." in dtbench("compare", "greedy", "randon", "--results", results).err


def test_the_board_explains_its_words(dtbench, results):
    told = dtbench("leaderboard", "--results", results).out
    assert "sees: local, what agents observe" in told
    assert "proven slots:" not in told  # no such column there
    assert "sees:" not in dtbench("leaderboard", "--results", results, "--columns", "solver,gap").out


def test_a_part_of_the_board(dtbench, results, tmp_path):
    told = dtbench("leaderboard", "--results", results, "--solvers", "random", "--size", "tiny", "--json")
    found = json.loads(told.out)
    (section,) = found["sections"]
    assert [(row["solver"], row["rank"]) for row in section["rows"]] == [("random", 1)]
    assert found["provenance"]["chosen"] == "size tiny; solvers random"
    assert "written" not in told.err
    assert not (results / "leaderboard.md").exists()
    dtbench("leaderboard", "--results", results, "--solvers", "random", "-o", tmp_path / "part", "--format", "md")
    assert "greedy" not in (tmp_path / "part" / "leaderboard.md").read_text()
    wrong = dtbench("leaderboard", "--results", results, "--problem", "stin-deploymen")
    assert "no results of problem 'stin-deploymen'. Did you mean 'stin-deployment'?" in wrong.err
    assert wrong.code == 2


def test_labels_with_commas_are_one_name():
    from dtbench.cli import scores

    assert scores.names_of("greedy, genetic (a=1, b=2) ,,x") == ["greedy", "genetic (a=1, b=2)", "x"]
    assert scores.names_of(None) == []


def test_chosen_columns_and_digits(dtbench, results):
    options = ("leaderboard", "--results", results, "--columns", "rank,objective", "--digits", "2")
    (section,) = json.loads(dtbench(*options, "--json").out)["sections"]
    assert [list(row) for row in section["rows"]] == [["solver", "rank", "objective"]] * 2
    shown = dtbench(*options).out
    assert re.search(r"greedy +1 +0\.\d\d *\n", shown)
    assert "gap" not in shown
    wrong = dtbench("leaderboard", "--results", results, "--columns", "ranks")
    assert wrong.err.splitlines()[-1].startswith("dtbench: unknown column 'ranks'. Did you mean 'rank'? Known: rank,")


def test_gaps_after_some_time(dtbench, results):
    """Rules take less than 0.1 s: gaps after all times are that of the end, and the integral is nearly all of it."""
    names = ["gap_at_0_1s", "gap_at_100s", "primal_integral"]
    options = ("leaderboard", "--results", results, "--columns", ",".join(["gap", *names]))
    (section,) = json.loads(dtbench(*options, "--json").out)["sections"]
    for row in section["rows"]:
        assert row["gap_at_0_1s_ratio"] == row["gap_at_100s_ratio"] > 0.0
        gap = row["gap_at_100s_ratio"]
        assert 90.0 * gap / (1.0 + gap) < row["primal_integral_s"] < 110.0 * gap
    shown = " ".join(dtbench(*options).out.split())
    assert "gap after 0.1" in shown
    assert "primal" in shown


def test_gaps_against_time_are_drawn(dtbench, results, tmp_path):
    file = tmp_path / "anytime.svg"
    result = dtbench("plot", results, "--kind", "anytime", "-o", file, "--json")
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert said["kind"] == "anytime"
    (group,) = said["shown"]
    for row in group["solvers"]:
        assert set(row["gap_after_seconds"]) == {"0.1", "1", "10", "100"}
        assert row["primal_integral_s"] > 0.0
    drawn = file.read_bytes()
    assert drawn.startswith(b"<?xml")
    dtbench("plot", results, "-o", file)
    assert file.read_bytes() != drawn
    wrong = dtbench("plot", "stin-deployment/tiny-000", "--kind", "anytime", "-o", file)
    assert wrong.code == 2
    assert "--kind anytime is of a folder of results" in wrong.err


def test_options_are_part_of_what_is_remembered(dtbench, results, verified):
    """The same call is looked at once; another one anew."""
    calls = [[], ["--solvers", "greedy"], ["--solvers", "random"], ["--digits", "2"], ["--columns", "rank"]]
    outputs = [dtbench("leaderboard", "--results", results, *call).out for call in calls]
    assert len(set(outputs)) == len(verified) == len(calls)
    assert dtbench("leaderboard", "--results", results, *calls[-1]).out == outputs[-1]
    assert len(verified) == len(calls)


def test_several_folders_in_one_board(dtbench, results, tmp_path):
    """Each against its own plan: of the second folder, random's cells are not planned any more in part."""
    other = shutil.copytree(results, tmp_path / "other")
    remove(results, "*--greedy--*")
    alone = dtbench("leaderboard", "--results", results)
    assert "3 planned cells not run" in alone.err
    told = dtbench("leaderboard", "--results", results, "--results", other, "--json")
    found = json.loads(told.out)
    (section,) = found["sections"]
    assert {row["solver"]: (row["rank"], row["cells_ok"], row["cells_planned"]) for row in section["rows"]} == {
        "greedy": (1, 3, 3), "random": (2, 9, 9),
    }  # fmt: skip
    assert f"9 cells are in '{results}' and in '{other}': the records of '{results}' count" in told.err
    assert [key for key in found["provenance"] if key.startswith("plan")] == [
        "plan of results (1)",
        "plan of other (2)",
    ]
    both = dtbench("compare", "greedy", "random", "--results", results, "--results", other, "--json")
    assert json.loads(both.out)["rows"][0]["pairs"] == 9


def test_a_cell_in_two_versions_is_refused(dtbench, results, finished, tmp_path):
    suite = tmp_path / "pair.toml"
    suite.write_text(SUITE.replace("seconds = 60", "seconds = 61").replace("seeds = 3", "seeds = 1"))
    assert dtbench("run", suite, "--results", tmp_path / "other", "--solvers", "greedy").code == 0
    told = dtbench("leaderboard", "--results", results, "--results", tmp_path / "other")
    assert told.code == 2
    assert "'greedy' on 'stin-deployment/tiny-000' with seed 0 is another cell in" in told.err.splitlines()[-1]

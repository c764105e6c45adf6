import json
import re

import pytest

from dtbench.problems import all_problems


@pytest.mark.parametrize("what", ["problems", "instances", "solvers", "suites", "sweeps"])
def test_lists_as_tables_and_as_json(dtbench, what):
    table, data = dtbench("list", what), dtbench("list", what, "--json")
    rows = json.loads(data.out)
    assert (table.code, data.code) == (0, 0)
    assert rows
    key = what.removesuffix("s")
    assert all(row[key] in table.out for row in rows)


def test_every_solver_says_what_it_is_for(dtbench):
    rows = json.loads(dtbench("list", "solvers", "--json").out)
    assert {"random", "greedy", "genetic", "exact"} <= {row["solver"] for row in rows}
    assert all(row["summary"] and row["problems"] for row in rows)


def test_unknown_lists_are_refused(dtbench):
    assert dtbench("list", "things").code == 2


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_show(dtbench, id):
    table, data = dtbench("show", f"{id}/tiny-000"), json.loads(dtbench("show", f"{id}/tiny-000", "--json").out)
    assert data["problem"] == id
    assert data["best_known"][0]["slot"] == "horizon"
    assert all(p["unit"] and p["meaning"] for p in data["parameters"])
    assert all(p["name"] in table.out for p in data["parameters"])
    assert all(v["name"] in table.out for v in data["variables"])


def test_show_names_near_instances(dtbench):
    result = dtbench("show", "stin-deployment/tiny-00")
    assert result.code == 2
    assert result.err.startswith("dtbench: unknown instance 'stin-deployment/tiny-00'. Did you mean")
    assert result.err.count("\n") == 1


def test_help_has_examples(dtbench):
    commands = "list show solve train plan run sweep leaderboard verify export score generate"
    for command in commands.split():
        result = dtbench(command, "--help")
        assert result.code == 0
        assert re.search("Examples?: dtbench", result.out)


def test_version(dtbench):
    assert dtbench("--version").out.startswith("dtbench ")


def test_show_a_solver(dtbench):
    table, data = dtbench("show", "genetic"), json.loads(dtbench("show", "genetic", "--json").out)
    assert table.code == 0
    assert {"population", "generations"} <= {option["name"] for option in data["options"]}
    assert "chromosomes per generation" in table.out
    assert "it has no options" in dtbench("show", "greedy").out
    assert "Did you mean 'greedy'" in dtbench("show", "gredy").err

import ast
import json
from pathlib import Path

import pytest

from dtbench.library import instances
from dtbench.library.best_known import best_horizon
from dtbench.problems import problem

TINY = "stin-deployment/tiny-000"
TRAINED = Path(__file__).parents[1] / "experiments" / "solvers"


def test_exact_proves_the_best_known_value(dtbench):
    result = json.loads(dtbench("solve", TINY, "exact", "--json").out)
    assert result["status"] == "ok"
    assert result["objective"] == pytest.approx(best_horizon(TINY).objective, rel=1e-9)
    assert result["bound"] == pytest.approx(result["objective"], rel=1e-7)
    assert result["gap"] <= 1e-7
    assert result["gap_to_best_known"] == pytest.approx(0.0, abs=1e-9)
    assert result["feasible_share"] == 1.0
    assert len(result["slots"]["objective"]) == 10


def test_slots_that_do_not_touch_each_other_prove_the_horizon(dtbench):
    """Those of the reference protocol are not coupled, those of the closed one are: the instance decides."""
    name = "mec-synchronization/tiny-000"
    result = json.loads(dtbench("solve", name, "exact", "--json").out)
    assert result["bound"] == pytest.approx(sum(result["slots"]["bound"]) / len(result["slots"]["bound"]), rel=1e-12)
    assert 0.0 <= result["gap"] <= 1e-4
    declined = json.loads(dtbench("solve", name, "clairvoyant", "--json").out)
    assert declined["status"] == "skipped"
    assert "not coupled" in declined["reason"]


def test_slots_of_a_closed_loop_prove_nothing_about_the_horizon(dtbench, tmp_path):
    file = tmp_path / "closed.nc"
    made = dtbench("generate", "mec-synchronization", "closed-tiny", "--set", "frame_slots=3", "-o", file)
    assert made.code == 0
    result = json.loads(dtbench("solve", file, "exact", "--json").out)
    assert None not in result["slots"]["bound"]
    assert (result["bound"], result["gap"]) == (None, None)
    result = json.loads(dtbench("solve", file, "clairvoyant", "--option", "time_limit=1", "--json").out)
    assert result["bound"] <= result["objective"]


def test_a_table_for_people(dtbench):
    result = dtbench("solve", TINY, "greedy")
    assert result.code == 0
    for word in ("objective", "bound", "gap", "feasible share", "seconds", "100 %"):
        assert word in result.out


def test_a_cell_that_was_declined_shows_its_reason_and_no_dashes(dtbench):
    said = dtbench("solve", "mec-synchronization/tiny-000", "clairvoyant")
    assert said.code == 0
    assert "not coupled" in " ".join(said.out.split())
    assert not [line for line in said.out.splitlines() if line.split()[-1:] == ["-"]]
    assert "feasible share" not in said.out


def test_same_seed_same_result(dtbench):
    def objective(seed):
        return json.loads(dtbench("solve", TINY, "random", "--seed", seed, "--json").out)["objective"]

    assert objective(1) == objective(1) != objective(2)


def test_options_reach_the_solver(dtbench):
    for method in problem("stin-deployment").exactness.methods:
        result = json.loads(dtbench("solve", TINY, "exact", "--option", f"method={method}", "--json").out)
        assert result["objective"] == pytest.approx(best_horizon(TINY).objective, rel=1e-6)


def test_a_file_of_ones_own(dtbench, tmp_path):
    file = tmp_path / "mine.nc"
    assert dtbench("generate", "stin-deployment", "tiny", "--seed", 3, "--set", "n_users=4", "-o", file).code == 0
    assert instances.load(file).dims["user"] == 4
    result = json.loads(dtbench("solve", file, "local-search", "--json").out)
    assert result["status"] == "ok"
    assert result["best_known"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((TINY, "mine/rule.py"), "'mine/rule.py' is a file; a solver is called by the name that its class has: NAME "),
        ((TINY, "gredy"), "unknown solver 'gredy'. Did you mean 'greedy'"),
        (("no/such", "greedy"), "unknown instance 'no/such'"),
        (("missing.nc", "greedy"), "instance file 'missing.nc' does not exist"),
        ((TINY, "genetic", "--option", "generations"), "--option is 'generations'; expected NAME=VALUE"),
    ],
)
def test_mistakes_end_in_one_line_and_code_2(dtbench, arguments, words):
    result = dtbench("solve", *arguments)
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1


def test_bad_options_are_named(dtbench):
    result = dtbench("solve", TINY, "genetic", "--option", "generation=3")
    assert result.code == 2
    assert "Did you mean 'generations'" in result.err


def test_a_solver_over_its_time(dtbench):
    result = dtbench("solve", TINY, "genetic", "--option", "generations=1000000", "--time-limit", 0.5)
    assert result.code == 1
    assert "timeout" in result.out


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_numbers_that_are_not_finite_are_refused_when_read(dtbench, value):
    result = dtbench("solve", TINY, "genetic", "--option", f"population={value}")
    assert result.code == 2
    assert f"--option: option 'population' of solver 'genetic' is {value}" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--time-limit", "--memory-limit"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_limits_are_finite(dtbench, option, value):
    result = dtbench("solve", TINY, "greedy", option, value)
    assert result.code == 2
    assert option in result.err


def test_the_largest_time_limit_can_be_waited_for(dtbench):
    assert dtbench("solve", TINY, "greedy", "--time-limit", 1e7).code == 0


@pytest.mark.parametrize(
    ("account", "policy"),
    [
        ("{'seconds': 5.0}", None),
        ("{'seconds': 0}", None),
        ("{'seconds': 5.0, 'frames': 10}", "10 frames"),
        ("{'seconds': 5.0, 'source': 'shipped'}", "shipped"),
        ("{'seconds': 5.0, 'source': 'elsewhere', 'frames': 3}", "elsewhere, of 3 frames"),
        ("None", None),
    ],
)
def test_every_account_of_a_training_is_shown(dtbench, account, policy):
    arguments = ["solve", TINY, "trained", "--solvers-path", TRAINED, "--option", f"account={account}"]
    result = dtbench(*arguments)
    assert result.code == 0
    assert ("policy" in result.out) == (policy is not None)
    assert (policy or "") in result.out
    facts = json.loads(dtbench(*arguments, "--json").out)
    assert facts["train_seconds"] is not None
    assert facts["training"] == ast.literal_eval(account)


@pytest.mark.parametrize("account", ["{'seconds': -1}", "{}", "5.0", "{'seconds': 'long'}", "{'seconds': 1e999}"])
def test_no_account_of_a_training_is_an_invalid_cell(dtbench, account):
    result = dtbench("solve", TINY, "trained", "--solvers-path", TRAINED, "--option", f"account={account}", "--json")
    assert result.code == 1
    facts = json.loads(result.out)
    assert facts["status"] == "invalid"
    assert "'training'" in facts["reason"]

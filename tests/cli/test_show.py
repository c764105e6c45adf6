"""``dtbench show`` of problems, sizes and solvers, and lists of a problem: what they say is what holds."""

import json

import numpy as np
import pytest

from dtbench.learning.options import resolve
from dtbench.plugins import discovery
from dtbench.problems import all_problems, problem


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_a_problem_in_words(dtbench, id):
    """Constraints are those that the referee measures; what is called strong is a solver of the problem."""
    shown, facts = dtbench("show", id), json.loads(dtbench("show", id, "--json").out)
    owner = problem(id)
    more = {"serve_all": True} if id == "dnt-spectrum" else {}
    instance = owner.generate("tiny", 0, **more)
    slot = owner.slot(instance, 0, owner.start(instance))
    decision = owner.random_decision(instance, slot, np.random.default_rng(0))
    assert [c["name"] for c in facts["constraints"]] == list(owner.evaluate(slot, decision).violations)
    assert all(c["meaning"] for c in facts["constraints"])
    assert facts["strong"]
    assert set(facts["strong"]) <= {*facts["rules"], *facts["solvers"]}
    assert [f["name"] for f in facts["decision"]] == [name for name, *_ in decision.arrays()]
    assert [s["size"] for s in facts["sizes"]] == list(owner.sizes)
    assert shown.code == 0
    assert all(word in shown.out for word in (owner.title, *owner.heuristics, *owner.sizes))


def test_a_size_has_lengths_and_parameters(dtbench):
    facts = json.loads(dtbench("show", "edge-placement/paper", "--json").out)
    assert [f["shape"] for f in facts["decision"]] == [[10], [100]]
    assert {p["name"]: p["value"] for p in facts["parameters"]}["n_users"] == 100
    assert [(s["size"], s["instances"], s["proven"]) for s in facts["sizes"]] == [("paper", 10, 10)]
    assert "user = 100" in dtbench("show", "edge-placement/paper").out


def test_what_is_nothing_names_what_is_near(dtbench):
    told = dtbench("show", "edge-placemen")
    assert told.err.startswith(
        "dtbench: there is no problem and no solver 'edge-placemen'. Did you mean 'edge-placement'?"
    )
    assert dtbench("show", "edge-placement/pape").err.startswith("dtbench: unknown instance 'edge-placement/pape'")


@pytest.mark.parametrize("name", ["vdn", "mappo", "transfer"])
def test_defaults_are_those_in_force(dtbench, name):
    """As the class itself resolves its options where none is given."""
    entry = discovery.discover()[name]
    cls = discovery.load_solver(entry)
    options = json.loads(dtbench("show", name, "--json").out)["options"]
    for id in json.loads(dtbench("show", name, "--json").out)["problems"]:
        wanted = resolve(cls.Options, cls.presets, id, {}, name)
        assert {o["name"]: o["defaults"][id] for o in options} == {n: repr(v) for n, _, v in wanted.items()}
    assert "options, as the preset 'tuned' has them" in dtbench("show", name).out


def test_a_search_has_the_settings_of_each_problem(dtbench):
    options = {o["name"]: o for o in json.loads(dtbench("show", "genetic", "--json").out)["options"]}
    assert options["population"]["default"] is None
    assert options["population"]["defaults"]["edge-placement"] == "100"
    assert options["population"]["defaults"]["dnt-spectrum"] == "60"
    assert options["swap"]["default"] == "0.5"


def test_lists_of_a_problem(dtbench):
    rows = json.loads(dtbench("list", "solvers", "edge-migration", "--json").out)
    kinds = {row["solver"]: row["kind"] for row in rows}
    assert (kinds["stay"], kinds["mappo"], kinds["clairvoyant"], kinds["genetic"]) == (
        "rule", "learned", "search", "search",
    )  # fmt: skip
    sees = {row["solver"]: row["sees"] for row in rows}
    assert (sees["stay"], sees["mappo"], sees["clairvoyant"]) == ("global", "local", "future")
    assert "vdn" not in kinds
    names = [row["instance"] for row in json.loads(dtbench("list", "instances", "edge-migration/large", "--json").out)]
    assert names == [f"edge-migration/large-00{n}" for n in range(3)]
    sweeps = json.loads(dtbench("list", "sweeps", "edge-placement", "--json").out)
    assert {row["problem"] for row in sweeps} == {"edge-placement"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("solvers", "edge-placemen"), "Did you mean 'edge-placement'"),
        (("instances", "edge-placement/pape"), "unknown size 'pape' of 'edge-placement'"),
        (("solvers", "edge-placement/paper"), "solvers are of a problem, not of a size"),
        (("suites", "edge-placement"), "`dtbench list suites` lists all of them; leave 'edge-placement' out."),
    ],
)
def test_lists_of_what_is_not(dtbench, given, said):
    told = dtbench("list", *given)
    assert (told.code, told.out) == (2, "")
    assert said in told.err


def test_a_suite_is_no_problem_but_a_plan(dtbench):
    told = dtbench("show", "quick")
    assert (told.code, told.out) == (2, "")
    assert told.err.strip() == "dtbench: 'quick' is a suite: `dtbench plan quick` shows what it runs."


def test_a_paper_without_a_venue_ends_with_its_title(dtbench):
    for name in ("satellite-offloading", "satellite-offloading/tiny-000"):
        cited = json.loads(dtbench("show", name, "--json").out)["paper"]
        assert cited.endswith("Resource Optimization Method.")
    assert json.loads(dtbench("show", "stin-deployment", "--json").out)["paper"].endswith("Electronic Engineering.")

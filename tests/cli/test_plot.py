"""``dtbench plot`` as a user calls it."""

import json
import re

import pytest

from dtbench.core import Limits
from dtbench.files import folder
from dtbench.problems import problem

TINY = "stin-deployment/tiny-000"


def test_a_slot_beside_its_optimum(dtbench, tmp_path):
    file = tmp_path / "slot.svg"
    result = dtbench("plot", TINY, "--slot", 5, "--solver", "greedy", "--solver", "nearest", "-o", file, "--json")
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert (said["file"], said["kind"]) == (str(file), "instance")
    greedy, nearest, best = said["shown"]
    solved = json.loads(dtbench("solve", TINY, "greedy", "--json").out)["slots"]["objective"]
    assert greedy["objective"] == solved[5]
    assert sum(greedy["terms"].values()) == pytest.approx(solved[5], rel=1e-12)
    owner = problem("stin-deployment")
    assert best["status"] == "optimal"
    assert greedy["gap"] == pytest.approx(solved[5] / best["objective"] - 1.0)
    assert nearest["gap"] >= greedy["gap"] >= 0.0
    assert owner.sense == "min"
    assert file.read_bytes().startswith(b"<?xml")
    assert f"written: {file}" in result.err


def test_coupled_slots_are_compared_with_the_optimum_of_their_own_state(dtbench, tmp_path):
    name = "edge-migration/tiny-000"
    options = ("--slot", 3, "--solver", "stay", "--solver", "nearest", "-o", tmp_path / "a.png", "--json")
    stay, nearest, _ = json.loads(dtbench("plot", name, *options).out)["shown"]
    from dtbench.library import instances

    owner, instance = problem("edge-migration"), instances.load(name)
    for shown, rule in ((stay, "stay"), (nearest, "nearest")):
        state = owner.start(instance)
        for t in range(4):
            slot = owner.slot(instance, t, state)
            decision = owner.repair(slot, owner.heuristics[rule](slot))
            state = owner.advance(slot, decision)
        best = owner.exact(slot, Limits()).objective
        assert shown["gap"] == pytest.approx((best - shown["objective"]) / abs(best), abs=1e-9)


def test_stored_decisions_are_drawn_the_same_each_time_and_refused_where_they_do_not_fit(dtbench, tmp_path):
    from dtbench.experiments import decisions
    from dtbench.library import instances
    from dtbench.referee import slots

    owner, instance = problem("stin-deployment"), instances.load(TINY)
    file = tmp_path / "mine.nc"
    decisions.write(file, owner, owner.heuristics["local"](slots(owner, instance)))
    result = dtbench("plot", TINY, "--decisions", file, "-o", tmp_path / "a.png", "--no-optimum", "--json")
    (shown,) = json.loads(result.out)["shown"]
    assert dtbench("plot", TINY, "--decisions", file, "-o", tmp_path / "b.png").code == 0
    assert dtbench("plot", TINY, "--decisions", file, "-o", tmp_path / "c.png").code == 0
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()
    assert (shown["name"], shown["gap"]) == ("mine", None)
    assert shown["horizon_mean"] == pytest.approx(
        json.loads(dtbench("solve", TINY, "local", "--json").out)["objective"]
    )
    other = dtbench("plot", "stin-deployment/small-000", "--decisions", file, "-o", tmp_path / "a.png")
    assert other.code == 2
    assert "mine.nc' does not fit 'stin-deployment/small-000': decision field 'node' has shape" in other.err


def test_curves_as_figure_and_table(dtbench, tmp_path):
    file = next(folder("solvers").glob("checkpoints/stin-deployment/vdn--tiny--*.safetensors"))
    assert dtbench("plot", file, "-o", tmp_path / "c.pdf").code == 0
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")
    assert dtbench("plot", file, "-o", tmp_path / "c.csv").code == 0
    assert (tmp_path / "c.csv").read_text().startswith("file,problem,size,solver,seed,round,")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((TINY, "-o", "a.jpg"), r"output is 'a\.jpg'; expected a name that ends in \.png, \.svg, \.pdf\."),
        ((TINY, "-o", "a.csv"), r"output is 'a\.csv'; expected"),
        ((TINY, "-o", "nowhere/a.png"), "folder 'nowhere' does not exist"),
        ((TINY, "--slot", 10, "-o", "a.png"), "--slot is 10; 'stin-deployment/tiny-000' has slots 0 to 9"),
        ((TINY, "x.safetensors", "-o", "a.png"), "one figure shows one kind of thing: .* is an instance, .* of curves"),
        ((TINY, TINY[:-1] + "1", "-o", "a.png"), "one figure shows one instance"),
        ((TINY, "--solver", "hungarian", "-o", "a.png"), "solver 'hungarian' does not take problem 'stin-deployment'"),
        ((".", "-o", "a.png"), r"folder '\.' holds neither results \(records, plan\.json\) nor the log of a training"),
        (("x.safetensors", "-o", "a.png"), r"'x\.safetensors'"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_in_a_line(dtbench, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = dtbench("plot", *arguments)
    assert result.code == 2
    assert re.search(words, result.err), result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.iterdir())

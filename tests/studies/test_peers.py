"""The study of peers: one table of settings for both sides, rows that resume, ratios by hand, and each adapter."""

import csv
import importlib
import importlib.util
import json
import math
import subprocess
import sys
import tomllib
from dataclasses import replace

import pytest

from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from studies.peers import environments, measure, report, rows, settings
from studies.peers.cost import Cost
from studies.peers.settings import OURS, Pair

from .scripts import ROOT

PAIRS = settings.pairs()
TRAINED = [pair for pair in PAIRS.values() if pair.solver]
HAND = Pair(
    name="vdn", title="VDN", family="marl", adapter="marl", instance="stin-deployment/tiny",
    sides=(OURS, "core", "found"), wanted={"core": 1.5},
)  # fmt: skip


def row(side, seed, cpu, update, objective=1.0):
    return {
        "pair": "vdn", "side": side, "seed": seed, "key": rows.key(HAND), "frames": 100, "cpu": cpu,
        "cpu_update": update, "base_mb": 10.0, "peak_mb": 20.0, "objective": objective, "reward": -1.0,
        "versions": "dtbench==0",
    }  # fmt: skip


def test_like_starts_from_another_pairs_settings(tmp_path):
    file = tmp_path / "pairs.toml"
    common = 'title = "t"\nfamily = "marl"\nadapter = "marl"\ninstance = "i"\nsides = ["dtbench", "core"]\n'
    file.write_text(
        f"[a]\n{common}settings = {{ batch = 1, gamma = 0.5 }}\n[b]\n{common}settings = {{ like = 'a', batch = 2 }}\n"
    )
    assert settings.pairs(file)["b"].settings == {"batch": 2, "gamma": 0.5}
    file.write_text("[a]\n" + common.replace('"dtbench", ', ""))
    with pytest.raises(ValueError, match="expected 'dtbench' first"):
        settings.pairs(file)


@pytest.mark.parametrize("pair", TRAINED, ids=lambda pair: pair.name)
def test_no_preset_decides_what_a_peer_is_not_told(pair):
    """The solver takes each setting, and what its preset `paper` changes is set by the table, for both sides."""
    owner, size = pair.instance.split("/")
    cls = load_solver(discover()[pair.solver])
    solver = cls(problem(owner), problem(owner).generate(size, 10_000), preset="paper", **pair.settings)
    assert {name: getattr(solver.options, name) for name in pair.settings} == dict(pair.settings)
    changed = {**cls.presets["paper"].get("*", {}), **cls.presets["paper"].get(owner, {})}
    outside = {"env", "validate_every", "traces", "scope"}  # `env` is emptied; the others choose and score policies
    outside |= {"target_every"} if pair.settings.get("target_rate") else set()  # targets follow softly
    assert set(changed) - outside <= set(pair.settings)


def test_every_pair_has_an_adapter_an_environment_and_words_for_its_peers():
    for pair in PAIRS.values():
        assert importlib.util.find_spec(f"studies.peers.{pair.adapter}") is not None
        assert environments.requirements(pair.family)
        for side in pair.sides[1:]:
            assert pair.labels.get(side) or (pair.family, side) in report.LABELS
        assert set(pair.wanted) <= set(pair.sides[1:])


def test_peers_are_pinned_to_the_tested_set():
    """pip refuses a pin that contradicts constraints.txt; so do we, before anybody waits for it."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    tested = dict(line.lower().split("==") for line in text.splitlines() if "==" in line)
    for family in environments.FAMILIES:
        for name, version in environments.requirements(family).items():
            assert tested.get(name, version) == version, f"{family}: {name}"


def test_rows_are_read_as_written_and_resume(tmp_path):
    file = tmp_path / "peers.csv"
    assert rows.missing(rows.read(file), HAND, [0, 1], HAND.sides)[:2] == [(0, OURS), (0, "core")]
    rows.write([row("core", 0, 3.0, None), row(OURS, 0, 2.0, 1.5)], file)
    found = rows.read(file)
    assert [(r["side"], r["cpu"], r["cpu_update"], r["frames"]) for r in found] == [
        ("core", 3.0, None, 100), (OURS, 2.0, 1.5, 100),
    ]  # fmt: skip
    assert rows.missing(found, HAND, [0], HAND.sides) == [(0, "found")]
    assert rows.missing(found, HAND, [0], ["core", "another"]) == []
    changed = replace(HAND, settings={"batch": 1})
    assert len(rows.missing(found, changed, [0], HAND.sides)) == 3  # rows of other settings do not count


def test_ratios_by_hand():
    """Ratios of 2 and 8 on two seeds: the geometric mean is 4; a third seed that ours has not is left out."""
    measured = [
        row(OURS, 0, 1.0, 1.0), row("core", 0, 2.0, 0.5, 1.2), row(OURS, 1, 1.0, 1.0), row("core", 1, 8.0, 0.5, 1.2),
        row("core", 2, 9.0, 9.0), row("found", 0, 10.0, None),
    ]  # fmt: skip
    core, found = report.lines([HAND], measured)
    assert core.seeds == 2
    assert core.cpu.mean == pytest.approx(4.0)
    assert core.cpu.low < 4.0 < core.cpu.high
    assert core.update.mean == pytest.approx(0.5)
    assert math.isnan(found.cpu.low)  # one seed has no interval
    assert math.isnan(found.update.mean)
    costs = report.costs([core, found])
    assert "1.5: yes, but not surely" in costs  # the interval of two seeds reaches below
    assert "1.5: not yet" in report.costs([replace(core, cpu=report.Ratio(1.4, 1.3, 1.6))])
    assert "1.5: yes |" in report.costs([replace(core, cpu=report.Ratio(1.7, 1.6, 1.8))])
    assert "5 / 1" in costs  # mean CPU seconds
    assert "| 20.0% [20.0, 20.0] |" in report.outcomes([core])  # 1.2 of theirs, 1 of ours, less is better
    assert report.draw([core, found]).axes[0].get_xscale() == "log"


def test_tables_take_their_place_on_a_page():
    page = "a\n<!-- costs: begin -->\nold\n<!-- costs: end -->\nb\n"
    assert report.put(page, {"costs": "new"}) == "a\n<!-- costs: begin -->\nnew\n<!-- costs: end -->\nb\n"
    with pytest.raises(ValueError, match="costs: begin"):
        report.put("nothing", {"costs": "new"})


def test_the_page_shows_the_rows_that_are_kept():
    page = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    found = report.lines(PAIRS.values(), rows.read())
    parts = {"costs": report.costs(found), "outcomes": report.outcomes(found), "versions": report.versions()}
    assert report.put(page, parts) == page, "python -m studies.peers.report --page docs/peers.md"


def test_cost_counts_blocks_and_parts():
    cost = Cost()
    for _ in range(2):
        with cost.counted():
            assert cost.of_part("update", sum)(range(300_000)) == sum(range(300_000))
    assert 0.0 < cost.parts["update"] <= cost.cpu + 0.02
    assert 0.0 < cost.base_mb <= cost.peak_mb


SMALL = {  # little work for each kind of adapter
    "vdn": {"episodes": 4, "parallel": 2, "warmup": 2, "updates": 1, "capacity": 4},
    "gru-vdn": {"episodes": 4, "parallel": 2, "warmup": 2, "updates": 1, "capacity": 4},
    "qmix": {"episodes": 4, "parallel": 2, "warmup": 2, "updates": 1, "capacity": 4},
    "mappo": {"episodes": 4, "parallel": 2, "epochs": 1},
    "maddpg": {"episodes": 4, "parallel": 2, "updates": 1},
    "ppo": {"episodes": 4, "parallel": 2, "epochs": 1, "minibatches": 2},
    "ddpg": {"episodes": 4, "parallel": 2, "warmup": 10},
    "ga-placement": {"slots": 1, "population": 10, "generations": 2},
    "ga-satellite": {"slots": 1, "population": 10, "generations": 2},
    "exact-stin": {"slots": 1},
    "steps": {"frames": 40, "copies": 1},
}
NEEDS = {
    "marl": "benchmarl", "sb3": "stable_baselines3", "core": "pymoo", "found": "deap", "pyomo": "pyomo",
    "linopy": "linopy", "scip": "pyscipopt", "mobile": "mobile_env",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side"), [(name, side) for name in SMALL for side in PAIRS[name].sides])
def test_each_side_does_the_same_work(name, side):
    """A process of its own, as in the study: one line of JSON, as many frames on every side, a finite score."""
    pair = PAIRS[name]
    library = NEEDS.get(pair.family, NEEDS.get(side))
    if side not in (OURS, "alone") and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    given = [f"--set={key}={json.dumps(value)}" for key, value in SMALL[name].items()]
    command = [sys.executable, "-m", "studies.peers.one", name, side, "0", *given]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    s, horizon = {**pair.settings, **SMALL[name]}, problem(pair.instance.split("/")[0])
    slots = horizon.generate(pair.instance.split("/")[1], 10_000).horizon
    expected = {
        "search": s.get("slots", 0) * s.get("population", 0) * (s.get("generations", 0) + 1), "models": s.get("slots"),
        "mobile": slots if side == OURS else s.get("frames"),
    }.get(pair.family, s.get("episodes", 0) * slots)  # fmt: skip
    assert found["frames"] == expected
    assert pair.family == "mobile" or math.isfinite(found["objective"])
    assert set(found) <= set(rows.FIELDS)


def test_commands_tell_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(environments, "HOME", tmp_path)
    monkeypatch.setattr(sys, "argv", ["measure", "vdn", "--out", str(tmp_path / "peers.csv")])
    with pytest.raises(SystemExit) as stopped:
        measure.main()
    assert stopped.value.code == 2
    assert "environments.py marl" in capsys.readouterr().err


def test_pairs_are_read_by_any_toml_reader_and_kept_rows_by_any_csv_reader():
    assert set(tomllib.loads((settings.HERE / "pairs.toml").read_text(encoding="utf-8"))) == set(PAIRS)
    with rows.FILE.open(encoding="utf-8", newline="") as stream:
        assert {r["pair"] for r in csv.DictReader(stream)} <= set(PAIRS)

"""``dtbench reproduce`` and ``dtbench list claims``: run, judge, resume, rebuild."""

import json

import pytest

from dtbench.experiments import studies

PAPERS = '[papers.mine]\nauthors = "We"\nyear = 2024\ntitle = "Ours"\nmethod = "Learner"\n'
FIGURE = """
paper = "mine"
figure = "1"
caption = "Latency"
title = "Latency"
problem = "stin-deployment"
size = "tiny"
[over]
n_users = [3, 4]
[set]
horizon = 2
[limits]
seconds = 100
memory_gib = 3
[[methods]]
solver = "greedy"
label = "greedy"
role = "rule"
[[methods]]
solver = "local"
label = "local"
role = "baseline"
[[methods]]
solver = "exact"
label = "optimum"
role = "optimum"
[[metrics]]
name = "objective"
label = "latency [s]"
[[metrics]]
name = "mean_latency"
label = "latency of a user [s]"
[[claims]]
id = "mine-1-best"
place = "here"
quote = "ours is better by a half"
kind = "effect"
a = "local"
b = "optimum"
claimed = 0.5
ceiling = true
[budget.quick]
instances = 3
seeds = 3
[budget.hours]
instances = 4
seeds = 3
"""
EPISODE = """
paper = "mine"
figure = "2"
caption = "Slots"
x = "slot"
runs = "fig1"
[[metrics]]
name = "mean_latency"
label = "latency of a user [s]"
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Two figures of a paper of our own; results go to the current folder."""
    folder = tmp_path / "papers"
    (folder / "mine").mkdir(parents=True)
    (folder / "papers.toml").write_text(PAPERS)
    (folder / "mine" / "fig1.toml").write_text(FIGURE)
    (folder / "mine" / "fig2.toml").write_text(EPISODE)
    monkeypatch.setattr(studies, "folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_one_command_runs_judges_and_resumes(dtbench, mine, tmp_path):
    first = dtbench("reproduce", "mine", "--workers", 2)
    assert first.code == 0, first.err
    out = tmp_path / "results" / "claims-quick"
    assert "mine-1-best" in first.out
    assert "budget quick: short trainings" in first.err
    files = (
        "report.md",
        "report.html",
        "claims.csv",
        "data/mine-fig1.json",
        "figures/mine-fig1.png",
        "figures/mine-fig2.pdf",
    )
    before = {name: (out / name).read_bytes() for name in files}
    facts = json.loads(before["data/mine-fig1.json"])
    assert len(facts["runs"]) == 2 * 3 * 3
    assert all(len(run["slots"]["mean_latency"]) == 2 and len(run["record"]) == 16 for run in facts["runs"])
    optimum = {
        (r["point"][0], r["instance"]): r["values"]["objective"] for r in facts["runs"] if r["method"] == "optimum"
    }
    assert all(r["values"]["objective"] >= optimum[r["point"][0], r["instance"]] - 1e-6 for r in facts["runs"])

    again = json.loads(dtbench("reproduce", "mine", "1", "--json").out)
    (claim,) = again["claims"]
    assert claim["verdict"] == "does not hold"
    assert claim["reason"].startswith("no method can be that much better")
    assert {name: (out / name).read_bytes() for name in files} == before

    (out / "report.md").unlink()
    assert dtbench("reproduce", "all", "--report-only", "--results", out).code == 0
    assert {name: (out / name).read_bytes() for name in files} == before


def test_other_budgets_go_to_the_published_folder(dtbench, mine, tmp_path):
    assert dtbench("reproduce", "mine", "1", "--budget", "hours").code == 0
    facts = json.loads((tmp_path / "results" / "claims" / "data" / "mine-fig1.json").read_text())
    assert (facts["budget"], facts["instances"]) == ("hours", 4)
    assert (tmp_path / "results" / "claims" / "runs" / "hours" / "mine-fig1" / "plan.json").is_file()


def test_errors(dtbench, mine):
    assert "unknown paper 'min'" in dtbench("reproduce", "min").err
    assert "has no study '9'" in dtbench("reproduce", "mine", "9").err
    assert "a figure is of one paper" in dtbench("reproduce", "all", "5").err


def test_list_claims(dtbench):
    rows = json.loads(dtbench("list", "claims", "--json").out)
    papers = {row["paper"] for row in rows}
    assert papers == {"tao", "li", "liu", "lu", "yu"}
    by_id = {row["claim"]: row for row in rows}
    assert len(by_id) == len(rows) > 90
    assert by_id["liu-6-mappo"]["claimed"] == "-20.28 %"
    assert "reduced by 20.28%" in by_id["liu-6-mappo"]["quote"]
    mine = json.loads(dtbench("list", "claims", "dnt-spectrum", "--json").out)
    assert {row["paper"] for row in mine} == {"yu"}
    assert "tao-5-iql" in dtbench("list", "claims").out

"""A study of three users counts by hand, and its runs out of thin air."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtbench.experiments import studies
from dtbench.reports.claims.bundle import Bundle, LearningCurve, Run

PAPERS = """
[papers.hand]
authors = "Hand & <b>Eye</b>"
year = 2024
title = "By hand"
method = "Learner"
"""

STUDY = """
paper = "hand"
figure = "1"
caption = "Latency <i>against</i> users"
problem = "stin-deployment"
size = "tiny"
notes = ["a | b"]

[over]
n_users = [3, 4, 5]

[[methods]]
solver = "vdn"
label = "Learner"
setting = "paper"
role = "method"

[[methods]]
solver = "vdn"
label = "Learner"
setting = "tuned"
role = "method"

[[methods]]
solver = "iql"
label = "Rival"
setting = "paper"
role = "rival"

[[methods]]
solver = "random"
label = "RD"
role = "baseline"

[[methods]]
solver = "greedy"
label = "greedy"
role = "rule"

[[methods]]
solver = "exact"
label = "optimum"
role = "optimum"

[[metrics]]
name = "objective"
label = "latency [s]"

[[metrics]]
name = "reward"
label = "reward"
better = "more"

[[metrics]]
name = "comm"
label = "share of communication"
per = ["n_users"]

[budget.quick]
instances = 3
seeds = 3
"""

LEARNER, OURS, RIVAL = "Learner, the paper's settings", "Learner, our settings", "Rival, the paper's settings"


def claim(kind: str, **facts: object) -> str:
    """A table of a claim."""
    more = "".join(f"{name} = {value}\n" for name, value in facts.items())
    return f'[[claims]]\nid = "c-{kind}"\nplace = "here"\nquote = "words"\nkind = "{kind}"\n{more}\n'


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Studies of a paper of our own in place of the shipped ones."""
    (tmp_path / "papers" / "hand").mkdir(parents=True)
    (tmp_path / "papers" / "papers.toml").write_text(PAPERS)
    monkeypatch.setattr(studies, "folder", lambda: tmp_path / "papers")
    return tmp_path / "papers" / "hand"


@pytest.fixture
def make_study(folder):
    """A study with claims."""

    def make(*claims: str, text: str = STUDY, name: str = "fig1"):
        (folder / f"{name}.toml").write_text(text + "".join(claims))
        return studies.read(folder / f"{name}.toml")

    return make


@pytest.fixture
def make_bundle():
    """Runs of ``value(title, n_users, instance, seed)``; None for a run without a score.

    The optimum proves ``bound`` times its value. Of the first point are learning curves of the learner and its rival.
    """

    def make(value, *, titles=(LEARNER, RIVAL, "RD", "greedy", "optimum"), points=(3, 4, 5), trained=1.0, curves=(),
             rivals=(), bound=1.0):  # fmt: skip
        runs = []
        for title in titles:
            learned = title.startswith(("Learner", "Rival"))
            for n in points:
                for i in range(3):
                    for seed in range(3 if learned else 1):
                        v = value(title, n, i, seed)
                        values = {} if v is None else {"objective": v, "comm": 6.0, "decide_seconds": 0.5}
                        status = "ok" if v is not None else "timeout"
                        part = trained if learned else 1.0
                        proven = v * bound if title == "optimum" and v and bound else None
                        runs.append(Run((n,), 20000 + i, title, seed, status, values, proven, trained=part))
        learners = [title for title in titles if title.startswith(("Learner", "Rival"))]
        given = [(LEARNER, *each) for each in enumerate(curves)] + [(RIVAL, *each) for each in enumerate(rivals)]
        made = [LearningCurve((points[0],), title, seed, *curve) for title, seed, curve in given]
        return Bundle(
            "hand/fig1", "feed", "quick", {"n_users": list(points)}, 3, 3, learners, "0", tuple(runs), tuple(made)
        )

    return make

"""Studies of papers: the shipped ones are whole, and what is wrong in a file is named."""

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import studies
from dtbench.experiments.study_file import BUDGETS

FIGURES = {
    "tao": ["fig4", "fig5", "fig6", "fig7"],
    "li": ["fig4", "fig5", "fig6"],
    "liu": [f"fig{n}" for n in range(4, 15)],
    "lu": ["fig7", "fig8", "fig9", "fig9-migration", "fig10"],
    "yu": ["fig2", "fig3", "fig4", "fig5", "fig6"],
}

GOOD = """
paper = "mine"
figure = "1"
caption = "c"
problem = "stin-deployment"
size = "tiny"
[over]
n_users = [3, 4]
split = ["even", "optimal"]
[[methods]]
solver = "vdn"
label = "A"
setting = "tuned"
role = "method"
options = {hidden = 8}
only = {n_users = 4}
[[methods]]
solver = "greedy"
label = "B"
role = "rule"
[[metrics]]
name = "objective"
label = "latency"
[[claims]]
id = "a-b"
place = "p"
quote = "q"
kind = "effect"
a = "A"
b = "B"
[budget.quick]
instances = 2
seeds = 2
episodes = {vdn = 5, greedy = 7}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "papers.toml").write_text('[papers.mine]\nauthors = "A"\nyear = 1\ntitle = "T"\nmethod = "M"\n')
    monkeypatch.setattr(studies, "folder", lambda: tmp_path)

    def write(text=GOOD, name="fig1"):
        (tmp_path / "mine" / f"{name}.toml").write_text(text)
        return tmp_path / "mine" / f"{name}.toml"

    return write


def test_every_figure_with_results_is_a_study():
    found = {paper: [each.source.name for each in studies.studies(paper)] for paper in studies.papers()}
    assert found == FIGURES


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_study_can_be_planned(budget):
    for each in studies.studies():
        made = each.sweep(budget)
        assert {table.name for table in made.content.solvers}


def test_claims_have_ids_of_their_own_and_words_of_the_paper():
    found = studies.claims(studies.studies())
    assert len({claim.id for _, claim in found}) == len(found) > 90
    assert all(claim.id.startswith(study.content.paper) for study, claim in found)
    assert {study.key for study, _ in found} == {each.key for each in studies.studies()}


def test_what_cannot_be_decided_says_why():
    for _, claim in studies.claims(studies.studies()):
        if claim.kind == "stated":
            assert claim.note


def test_each_paper_has_headlines_an_optimum_and_rules():
    for paper in studies.papers():
        found = studies.studies(paper)
        assert any(claim.headline for each in found for claim in each.content.claims)
        roles = {method.role for each in found for method in each.methods}
        assert roles >= {"method", "baseline", "rule", "optimum"}


def test_a_study_as_a_sweep(write):
    made = studies.read(write()).sweep("quick").content
    first, second = made.solvers
    assert (first.label, first.options, first.seeds) == (
        "A, our settings", {"preset": "tuned", "hidden": 8, "episodes": 5}, 2
    )  # fmt: skip
    assert first.instances == ["*-n_users=4-split=*-s*"]
    assert (second.options, second.seeds, second.instances) == ({}, 1, ["*"])
    assert (made.seeds, made.over) == (2, {"n_users": [3, 4], "split": ["even", "optimal"]})


def test_episodes_of_a_setting(write):
    text = GOOD.replace("{vdn = 5, greedy = 7}", '{vdn = 5, "vdn:tuned" = 9}')
    assert studies.read(write(text)).sweep("quick").content.solvers[0].options["episodes"] == 9


def test_seeds_of_the_command_line_are_of_learners(write):
    made = studies.read(write()).sweep("quick", 9).content
    assert [table.seeds for table in made.solvers] == [9, 1]


def test_a_budget_leaves_points_and_methods_out(write):
    text = GOOD.replace("instances = 2", "instances = 2\nover = {n_users = [3]}")
    assert [table.label for table in studies.read(write(text)).sweep("quick").content.solvers] == ["B"]
    text = GOOD.replace("instances = 2", 'instances = 2\nleave_out = ["B"]')
    assert [table.label for table in studies.read(write(text)).sweep("quick").content.solvers] == ["A, our settings"]


def test_a_figure_shows_the_runs_of_another(write):
    write()
    other = (
        'paper = "mine"\nfigure = "2"\ncaption = "d"\nruns = "fig1"\n[[metrics]]\nname = "mean_latency"\nlabel = "l"\n'
    )
    found = studies.read(write(other, "fig2"))
    assert (found.base.key, found.x) == ("mine/fig1", "n_users")
    assert found.base.sweep("quick").content.metrics == ["mean_latency"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('b = "B"', 'b = "C"', "key 'claims.0' is 'C'; expected one of A, B"),
        ('kind = "effect"', 'kind = "guess"', "key 'claims.0.kind' is 'guess'; expected one of effect, order"),
        ('name = "objective"', 'name = "latency"', "key 'claims.0.metric' is 'objective'; expected one of latency"),
        ('b = "B"', 'b = "B"\nat = {users = 3}', "key 'claims.0' is 'users'; expected one of n_users, split"),
        ('figure = "1"', 'figure = "1"\nx = "time"', "key 'x' is 'time'; expected 'training', 'slot' or one of"),
        ('problem = "stin-deployment"', "", "key 'problem' is ''"),
    ],
)
def test_errors_name_file_key_and_value(write, old, new, message):
    file = write(GOOD.replace(old, new, 1))
    with pytest.raises(DtbenchError) as caught:
        studies.read(file)
    assert message in str(caught.value)
    assert "fig1.toml" in str(caught.value)


def test_unknown_names(write):
    write()
    with pytest.raises(DtbenchError, match="unknown paper 'min'.*mine"):
        studies.studies("min")
    with pytest.raises(DtbenchError, match="no study '7'.*fig1"):
        studies.study("mine", "7")
    assert studies.study("mine", "1").key == studies.study("mine", "fig1").key == "mine/fig1"


def test_one_id_in_two_figures(write):
    write()
    write(name="fig2")
    with pytest.raises(DtbenchError, match="claim 'a-b' is in"):
        studies.claims(studies.studies())


def test_the_checksum_is_of_what_decides_runs(write):
    def checksum(old, new):
        return studies.read(write(GOOD.replace(old, new))).runs_sha256("quick")

    plain = checksum("", "")
    assert checksum('quote = "q"', 'quote = "other"') == checksum('caption = "c"', 'caption = "d"') == plain
    others = {checksum("seeds = 2", "seeds = 3"), checksum("[3, 4]", "[3, 5]"), checksum("hidden = 8", "hidden = 9")}
    assert len(others | {plain}) == 4


def test_share_trained():
    assert studies.share_trained(50, 200) == 0.25
    assert studies.share_trained(500, 200) == 1.0
    assert studies.share_trained(None, 200) == 1.0

"""The study of policies played elsewhere: cases are of other shapes, ratios are to each network's own reference."""

import pytest

from dtbench.problems import problem

from .scripts import script

study = script("studies", "generalisation")


@pytest.mark.parametrize("id", study.PLANS)
def test_cases_change_what_they_say(id):
    owner = problem(id)
    cases = study.PLANS[id].cases()
    assert len({case.name for case in cases}) == len(cases) == 8
    for case in cases:
        params = owner.params(case.size, case.changes)
        assert {name: getattr(params, name) for name in case.changes} == case.changes
        assert case.reference in study.discover()


def test_a_policy_plays_more_users_than_it_was_trained_with():
    policies = study.policies_of(study.discover()["imitation"], "stin-deployment", "paper", [])[:1]
    case = study.Case("tiny", {"n_users": 7, "n_end": 3}, 2, "local-search")
    rows = study.network("stin-deployment", "paper", case, 5, policies)
    assert [row["method"] for row in rows] == ["greedy-marginal", "local-search", "imitation 0"]
    assert all(row["case"] == "tiny, n_users 7, n_end 3" and row["objective"] > 0.0 for row in rows)


def test_ratios_by_hand(tmp_path):
    """Two seeds of a policy count with their mean on each of two networks."""
    head = {"problem": "stin-deployment", "trained": "paper", "case": "small", "against": "exact", "ms": 1.0}
    values = {1: {"exact": 2.0, "imitation 0": 2.0, "imitation 1": 2.4}, 2: {"exact": 1.0, "imitation 0": 1.2}}
    rows = [
        head | {"network": network, "method": method, "objective": value}
        for network, each in values.items()
        for method, value in each.items()
    ]
    study.write(tmp_path / "a.csv", rows)
    (found,) = study.table(study.read(tmp_path / "a.csv", study.WHOLE))
    assert (found["method"], found["networks"]) == ("imitation", 2)
    assert found["ratio"] == pytest.approx(1.15)
    assert found["low"] < 1.1 < 1.2 < found["high"]

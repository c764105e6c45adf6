"""Each kind of claim on runs by hand: the verdict follows from the numbers."""

import pytest

from dtbench.reports.claims.judge import judge
from tests.reports.claims.conftest import LEARNER, OURS, RIVAL, claim

VALUES = {LEARNER: 1.2, RIVAL: 1.5, "RD": 3.0, "greedy": 1.1, "optimum": 1.0, OURS: 1.05}


@pytest.fixture
def verdict(make_study, make_bundle):
    def verdict(kind, value=lambda title, n, i, s: VALUES[title] * n, bundle=None, **facts):
        study = make_study(claim(kind, **facts))
        return judge(study, study.content.claims[0], make_bundle(value, **(bundle or {})))

    return verdict


def test_effect(verdict):
    """1.2 against 1.5: better by a fifth; against an optimum of 1.0: at most by a third."""
    judged = verdict("effect", a='"Learner"', b='"Rival"', claimed=0.2)
    assert (judged.found.verdict, judged.found.measured.mean) == ("holds", pytest.approx(0.2))
    assert verdict("effect", a='"Learner"', b='"Rival"', claimed=0.3).found.verdict == "holds in direction"
    assert verdict("effect", a='"Rival"', b='"Learner"', claimed=0.3).found.verdict == "does not hold"
    assert (judged.optimum.mean, judged.rule[0], judged.rule[1].mean) == pytest.approx((4.0, "greedy", 4.4))


def test_ceiling(verdict):
    """Nothing can be better than 1.5 by more than a third; three quarters of 0.5 are more."""
    judged = verdict("effect", a='"Learner"', b='"Rival"', claimed=0.5, ceiling="true").found
    assert (judged.verdict, judged.certified) == ("does not hold", True)
    assert judged.ceiling.mean == pytest.approx(1 / 3)
    assert verdict("effect", a='"Learner"', b='"Rival"', claimed=0.4, ceiling="true").found.certified is False


def test_up_to_needs_one_point(verdict):
    def value(title, n, i, s):
        return 0.5 if title == LEARNER and n == 4 else 1.0

    facts = {"a": '"Learner"', "b": '"Rival"', "claimed": 0.5}
    assert verdict("effect", value, **facts).found.verdict == "does not hold"
    assert verdict("effect", value, every="false", **facts).found.verdict == "holds"
    assert verdict("effect", value, at="{n_users = 4}", **facts).found.verdict == "holds"


def test_order(verdict):
    assert verdict("order", order='["Learner", "Rival", "RD"]').found.verdict == "holds"
    judged = verdict("order", order='["Learner", "RD", "Rival"]').found
    assert judged.verdict == "does not hold"
    assert "RD and Rival" in judged.where
    assert verdict("order", order='["Learner"]', methods='["RD", "Rival"]').found.verdict == "holds"


def test_trend(verdict):
    assert verdict("trend", methods='["Learner"]', direction='"rises"').found.verdict == "holds"
    assert verdict("trend", methods='["Learner"]', direction='"falls"').found.verdict == "does not hold"
    steps = {3: 1.0, 4: 3.0, 5: 2.0}
    back = verdict("trend", lambda t, n, i, s: steps[n], methods='["Learner"]', direction='"rises"').found
    assert (back.verdict, back.reason) == ("holds in direction", "on the whole, with a step back")
    level = verdict("trend", lambda *_: 1.0, methods='["Learner"]', direction='"rises"').found
    assert level.verdict == "does not hold"


def test_value(verdict):
    facts = {"a": '"Learner"', "at": "{n_users = 5}", "tolerance": 0.1}
    assert verdict("value", claimed=6.05, **facts).found.verdict == "holds"
    assert verdict("value", claimed=7.0, **facts).found.verdict == "does not hold"
    opened = verdict("value", claimed=7.0, open='"the band"', **facts).found
    assert opened.verdict == "cannot be decided"


def test_difference(verdict):
    judged = verdict("difference", a='"Rival"', b='"Learner"', at="{n_users = 5}", claimed=1.5).found
    assert (judged.verdict, judged.measured.mean) == ("holds", pytest.approx(1.5))


def test_growth(verdict):
    facts = {"a": '"Learner"', "at": "{n_users = 4}", "to": "{n_users = 5}"}
    judged = verdict("growth", claimed=0.25, **facts).found
    assert (judged.verdict, judged.measured.mean) == ("holds", pytest.approx(0.25))
    assert verdict("growth", claimed=0.95, tolerance=0.2, **facts).found.verdict == "does not hold"


def test_optimal(verdict):
    judged = verdict("optimal", a='"Learner"').found
    assert (judged.verdict, judged.measured.mean) == ("does not hold", pytest.approx(0.2))
    assert verdict("optimal", lambda t, n, i, s: 1.0 + 0.009 * (t == LEARNER), a='"Learner"').found.verdict == "holds"


def test_slopes(verdict):
    judged = verdict("slopes", a='"Learner"', b='"RD"', claimed=0.4, tolerance=0.01).found
    assert (judged.verdict, judged.measured.mean) == ("holds", pytest.approx(0.4))


def test_converges(verdict):
    early = ([0, 50, 100], [0, 1, 2], [9.0, 2.05, 2.0], [0.0, 0.0, 0.0])
    late = ([0, 50, 100], [0, 1, 2], [9.0, 8.0, 2.0], [0.0, 0.0, 0.0])
    facts = {"a": '"Learner"', "at": "{n_users = 3}"}
    assert verdict("converges", bundle={"curves": [early] * 3}, **facts).found.verdict == "holds"
    assert verdict("converges", bundle={"curves": [late] * 3}, **facts).found.verdict == "does not hold"
    assert verdict("converges", **facts).found.verdict == "cannot be decided"


def test_stated(verdict):
    judged = verdict("stated", note='"nothing to measure"').found
    assert (judged.verdict, judged.reason) == ("cannot be decided", "nothing to measure")


def test_the_setting_that_favours_the_paper_counts(verdict):
    bundle = {"titles": (LEARNER, OURS, RIVAL, "optimum")}
    judged = verdict("effect", bundle=bundle, a='"Learner"', b='"Rival"', claimed=0.3).found
    assert judged.verdict == "holds"
    assert judged.reading == "our settings"
    assert [other.verdict for other in judged.others] == ["holds in direction"]


def test_short_trainings(verdict):
    judged = verdict("effect", bundle={"trained": 0.1}, a='"Rival"', b='"Learner"').found
    assert judged.verdict == "cannot be decided"
    assert "after 10 % of the training" in judged.reason


def test_a_point_that_was_left_out(verdict):
    judged = verdict("effect", bundle={"points": (3, 4)}, a='"Learner"', b='"Rival"', at="{n_users = 5}").found
    assert judged.verdict == "cannot be decided"
    assert "leaves its point out" in judged.reason


def test_nothing_was_run(make_study):
    study = make_study(claim("effect", a='"Learner"', b='"Rival"'))
    assert judge(study, study.content.claims[0], None).found.reason == "not run"

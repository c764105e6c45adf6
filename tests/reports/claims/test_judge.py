"""Each kind of claim on runs by hand: the verdict follows from the numbers."""

import pytest

from dtbench.errors import DtbenchError
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


def test_a_ceiling_over_a_rival_that_was_not_trained_in_full_is_no_certificate(verdict):
    facts = {"a": '"Learner"', "claimed": 0.95, "ceiling": "true", "bundle": {"trained": 0.1}}
    rival = verdict("effect", b='"Rival"', **facts).found
    assert (rival.verdict, rival.short) == ("cannot be decided", True)
    assert verdict("effect", b='"RD"', **facts).found.certified


def test_a_ceiling_is_what_is_proven(verdict):
    """A bound of 0.5 n leaves room for two thirds."""
    facts = {"a": '"Learner"', "b": '"Rival"', "claimed": 0.5, "ceiling": "true"}
    judged = verdict("effect", bundle={"bound": 0.5}, **facts).found
    assert (judged.certified, judged.ceiling.mean) == (False, pytest.approx(2 / 3))
    assert verdict("effect", bundle={"bound": None}, **facts).found.ceiling is None


def test_refusals_say_where_the_papers_settings_were_not_tried(verdict):
    bundle = {"titles": (OURS, RIVAL, "RD", "greedy", "optimum")}
    judged = verdict("order", bundle=bundle, order='["RD", "Learner"]').found
    assert judged.reason == "it is the other way round; not trained in full with the paper's settings"
    assert verdict("order", order='["RD", "Learner"]').found.reason == "it is the other way round"


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
    two = verdict("trend", bundle={"points": (3, 5)}, methods='["Learner"]', direction='"rises"').found
    assert (two.verdict, two.reason) == ("holds", "of two points: nothing is known between them")
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


EARLY = ([0, 50, 100], [0, 1, 2], [9.0, 2.05, 2.0], [-9.0, -2.05, -2.0])
LATE = ([0, 50, 100], [0, 1, 2], [9.0, 8.0, 2.0], [-9.0, -8.0, -2.0])
BACK = ([0, 50, 100], [0, 1, 2], [9.0, 2.0, 9.5], [-9.0, -2.0, -9.5])


def test_converges(verdict):
    """In the second half of the training: (6.95 + 7) / 14 of the gain, (1 + 7) / 14, (7 - 0.5) / 14."""
    facts = {"a": '"Learner"', "at": "{n_users = 3}"}
    early = verdict("converges", bundle={"curves": [EARLY] * 3}, **facts).found
    assert (early.verdict, early.measured.mean) == ("holds", pytest.approx(13.95 / 14))
    late = verdict("converges", bundle={"curves": [LATE] * 3}, **facts).found
    assert (late.verdict, late.measured.mean) == ("does not hold", pytest.approx(8 / 14))
    back = verdict("converges", bundle={"curves": [BACK] * 3}, **facts).found
    assert (back.verdict, back.measured.mean) == ("does not hold", pytest.approx(6.5 / 14))
    assert verdict("converges", **facts).found.verdict == "cannot be decided"


def test_improves(verdict):
    facts = {"methods": '["Learner"]', "at": "{n_users = 3}"}
    better = verdict("improves", bundle={"curves": [LATE] * 3}, **facts).found
    assert (better.verdict, better.measured.mean) == ("holds", pytest.approx(7 / 9))
    rewards = verdict("improves", bundle={"curves": [BACK] * 3}, metric='"reward"', **facts).found
    assert (rewards.verdict, rewards.measured.mean) == ("does not hold", pytest.approx(-0.5 / 9))
    assert verdict("improves", **facts).found.reason == "not measured"


def test_faster(verdict, make_bundle):
    """Nine tenths of the gain after slot 1 against slot 2: half of the slots."""
    facts = {"methods": '["Learner"]', "at": "{n_users = 3}"}
    for mine, other, expected in ((EARLY, LATE, 0.5), (LATE, EARLY, -1.0)):
        given = {"curves": [mine] * 3, "rivals": [other] * 3}
        judged = verdict("faster", bundle=given, b='"Rival"', **facts).found
        assert judged.measured.mean == pytest.approx(expected)
        assert judged.verdict == ("holds" if expected > 0 else "does not hold")


def test_ahead(verdict):
    """Of rewards, after 50 slots: from -8 to -2.05, as a part of 8; the first validation does not count."""
    facts = {"a": '"Learner"', "b": '"Rival"', "claimed": 0.7, "at": "{n_users = 3}"}
    given = {"curves": [EARLY] * 3, "rivals": [LATE] * 3}
    found = verdict("ahead", bundle=given, metric='"reward"', **facts).found
    assert (found.verdict, found.measured.mean) == ("holds", pytest.approx(5.95 / 8))
    assert verdict("ahead", bundle=given, **(facts | {"claimed": 1.0})).found.verdict == "holds in direction"
    given = {"curves": [([0, 50, 100], [0, 1, 2], [1.0, 9.0, 9.0], [0.0] * 3)] * 3, "rivals": [LATE] * 3}
    assert verdict("ahead", bundle=given, **facts).found.verdict == "does not hold"
    assert verdict("ahead", **facts).found.reason == "not measured"


def test_outweighs(verdict):
    """From 3 users to 5 the value changes by two thirds, from 3 to 4 by one."""
    places = {"at": "{n_users = 3}", "to": "{n_users = 5}", "than": "{n_users = 4}"}
    judged = verdict("outweighs", a='"Learner"', **places).found
    assert (judged.verdict, judged.measured.mean) == ("holds", pytest.approx(1 / 3))
    places |= {"to": "{n_users = 4}", "than": "{n_users = 5}"}
    assert verdict("outweighs", a='"Learner"', **places).found.verdict == "does not hold"
    assert (
        "leaves its point out" in verdict("outweighs", bundle={"points": (3, 4)}, a='"Learner"', **places).found.reason
    )


def test_stated(verdict):
    judged = verdict("stated", note='"nothing to measure"').found
    assert (judged.verdict, judged.reason) == ("cannot be decided", "nothing to measure")


def test_the_setting_that_favours_the_paper_counts(verdict):
    bundle = {"titles": (LEARNER, OURS, RIVAL, "optimum")}
    judged = verdict("effect", bundle=bundle, a='"Learner"', b='"Rival"', claimed=0.3).found
    assert judged.verdict == "holds"
    assert judged.reading == "our settings"
    assert [other.verdict for other in judged.others] == ["holds in direction"]


def test_another_method_that_a_label_can_mean_counts_too(verdict):
    """Learner at 1.2 is worse than greedy at 1.1; the rival at 1.5 and RD at 3.0 could be meant, too."""
    facts = {"a": '"Learner"', "b": '"greedy"', "claimed": 0.5}
    assert verdict("effect", **facts).found.verdict == "does not hold"
    found = verdict("effect", **facts, also='{"greedy" = ["Rival", "RD"]}').found
    assert (found.verdict, found.measured.mean) == ("holds", pytest.approx(0.6))
    with pytest.raises(DtbenchError, match="nobody"):
        verdict("effect", **facts, also='{"greedy" = ["nobody"]}')


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

"""The rule at its borders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtbench.reports.claims.verdict import (
    FEWEST,
    LEVEL,
    NEAR,
    VERDICTS,
    Judgement,
    all_of,
    best_of,
    of_effect,
    of_value,
    tempered,
)
from dtbench.reports.statistics import MeanInterval

LITTLE = 1e-9


def found(mean, lower=None, upper=None, n=5):
    return MeanInterval(n, mean, None, mean if lower is None else lower, mean if upper is None else upper)


@pytest.mark.parametrize(
    ("measured", "claimed", "verdict"),
    [
        (found(0.375, LITTLE, 0.6), 0.5, "holds"),  # exactly three quarters of the claimed number
        (found(0.375 - LITTLE, LITTLE, 0.6), 0.5, "holds in direction"),
        (found(0.375, 0.0, 0.6), 0.5, "cannot be decided"),  # 0 is inside
        (found(0.1, 0.0, 0.375), 0.5, "cannot be decided"),  # three quarters of the claimed number are inside
        (found(0.1, 0.0, 0.375 - LITTLE), 0.5, "does not hold"),
        (found(-0.1, -0.2, 0.0), 0.5, "does not hold"),
        (found(-0.1, -0.2, -LITTLE), 0.5, "does not hold"),
        (found(9.0, 8.0, 10.0), 0.5, "holds"),  # more than claimed
        (found(0.375, LITTLE, 0.6), None, "holds"),
        (found(LITTLE), None, "holds"),
        (found(0.0, -0.2, 0.2), None, "cannot be decided"),
        (found(-0.1, -0.2, -LITTLE), None, "does not hold"),
        (found(0.0, -LEVEL + LITTLE, LEVEL - LITTLE), None, "does not hold"),  # level
        (found(0.0, -LEVEL, LEVEL - LITTLE), None, "cannot be decided"),
        (found(0.0, -LEVEL + LITTLE, LEVEL), None, "cannot be decided"),
        (found(0.5, 0.4, 0.6, n=FEWEST), 0.5, "holds"),
        (found(0.5, 0.4, 0.6, n=FEWEST - 1), 0.5, "cannot be decided"),
        (MeanInterval(1, 0.5), 0.5, "cannot be decided"),
        (None, 0.5, "cannot be decided"),
    ],
)
def test_effect(measured, claimed, verdict):
    assert of_effect(measured, claimed).verdict == verdict


def test_near_is_a_quarter_and_level_a_hundredth():
    """The numbers that the tests above and the report's words rest on."""
    assert (NEAR, LEVEL, FEWEST) == (0.25, 0.01, 3)


def test_what_is_no_part_of_a_value_is_never_level():
    assert of_effect(found(0.0, -0.001, 0.001), relative=False).verdict == "cannot be decided"


@pytest.mark.parametrize(
    ("top", "verdict", "certified"), [(0.375 - LITTLE, "does not hold", True), (0.375, "holds", False)]
)
def test_the_optimum_excludes_what_no_method_can(top, verdict, certified):
    judged = of_effect(found(0.4, 0.3, 0.5), 0.5, ceiling=found(0.2, 0.1, top))
    assert (judged.verdict, judged.certified) == (verdict, certified)


def test_a_ceiling_needs_no_seeds_of_the_method():
    judged = of_effect(MeanInterval(1, 0.0), 0.4, ceiling=found(0.01, 0.009, 0.011))
    assert (judged.verdict, judged.certified) == ("does not hold", True)


def test_a_ceiling_without_interval_excludes_nothing():
    assert of_effect(found(0.5, 0.4, 0.6), 0.4, ceiling=MeanInterval(1, 0.01)).verdict == "holds"


def test_claims_are_turned_to_above_zero():
    with pytest.raises(ValueError, match="an effect of -0.2 is claimed"):
        of_effect(found(0.1), -0.2)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (found(2.8, 2.8, 2.8), "holds"),
        (found(3.0, 2.8, 3.2), "holds"),  # an estimate on the border, an interval as wide as the zone
        (found(3.0, 2.8 - 1e-3, 3.2 + 1e-3), "cannot be decided"),
        (found(3.0 + 1e-3, 3.0, 3.2), "cannot be decided"),
        (found(3.1, 3.0 + LITTLE, 3.2), "does not hold"),
        (found(2.5, 2.4, 2.6 - LITTLE), "does not hold"),
        (found(2.8, n=2), "cannot be decided"),
        (None, "cannot be decided"),
    ],
)
def test_value(measured, verdict):
    assert of_value(measured, 2.8, 0.2).verdict == verdict


def test_tolerance_is_no_less_than_zero():
    with pytest.raises(ValueError, match="tolerance"):
        of_value(found(1.0), 1.0, -0.1)


def test_short_trainings_and_open_parameters_leave_a_refusal_open():
    refused = Judgement("does not hold", "both are level")
    short = tempered(refused, trained=0.25)
    assert (short.verdict, short.short) == ("cannot be decided", True)
    assert "after 25 % of the training" in short.reason
    opened = tempered(refused, open_parameter="the band")
    assert opened.verdict == "cannot be decided"
    assert "the band" in opened.reason
    assert tempered(refused, trained=0.95) == refused
    assert tempered(refused, trained=0.94).short


def test_a_certificate_needs_no_training_but_the_values_that_it_is_about():
    refused = Judgement("does not hold", certified=True)
    assert tempered(refused, trained=0.1) == refused
    opened = tempered(refused, trained=0.1, open_parameter="the band")
    assert (opened.verdict, opened.short) == ("cannot be decided", False)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_what_parameters_were_fitted_to_is_never_decided(verdict):
    fitted = tempered(Judgement(verdict), fitted="bands were chosen")
    assert (fitted.verdict, fitted.reason) == ("cannot be decided", "bands were chosen so as to meet the number")


@pytest.mark.parametrize("verdict", ["holds", "holds in direction", "cannot be decided"])
def test_other_verdicts_are_not_tempered(verdict):
    assert tempered(Judgement(verdict), trained=0.1, open_parameter="x").verdict == verdict


def test_the_worst_of_parts_and_the_best_of_readings():
    parts = [Judgement(each, where=each) for each in VERDICTS]
    assert all_of(parts).verdict == "does not hold"
    assert all_of(parts[:3]).verdict == "cannot be decided"
    assert all_of(parts[:2]).verdict == "holds in direction"
    best = best_of(parts[1:])
    assert best.verdict == "holds in direction"
    assert [other.verdict for other in best.others] == ["cannot be decided", "does not hold"]


def test_equal_verdicts_are_told_apart_by_their_numbers():
    refused = [of_effect(found(mean, mean - 0.01, mean + 0.01), 0.5, ceiling=found(0.1)) for mean in (-0.3, -0.1, -0.2)]
    assert {each.verdict for each in refused} == {"does not hold"}
    assert all_of(refused).measured.mean == -0.3
    assert best_of(refused).measured.mean == -0.1
    values = [of_value(found(mean), 2.0, 0.1) for mean in (2.5, 1.8)]
    assert [each.favour for each in values] == pytest.approx([-0.4, -0.1])
    assert best_of(values).measured.mean == 1.8


def test_a_reading_with_short_trainings_counts_where_there_is_no_other():
    short, refused = Judgement("cannot be decided", short=True), Judgement("does not hold")
    assert best_of([short, refused]).verdict == "does not hold"
    assert best_of([short]).verdict == "cannot be decided"


numbers = st.floats(-2.0, 2.0)


@given(numbers, st.floats(0.0, 1.0), st.floats(0.01, 1.0))
def test_more_is_never_worse(mean, half, claimed):
    """Moving an interval towards the claim never makes its verdict worse."""
    here = of_effect(found(mean, mean - half, mean + half), claimed).verdict
    there = of_effect(found(mean + 0.3, mean + 0.3 - half, mean + 0.3 + half), claimed).verdict
    order = ("does not hold", "cannot be decided", "holds in direction", "holds")
    assert order.index(there) >= order.index(here)


@given(numbers, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.01, 1.0))
def test_a_wider_interval_finds_no_more(mean, half, more, claimed):
    """What a wide interval says for the paper, a narrow one about the same estimate says, too."""
    narrow = of_effect(found(mean, mean - half, mean + half), claimed).verdict
    wide = of_effect(found(mean, mean - half - more, mean + half + more), claimed).verdict
    if wide in ("holds", "holds in direction"):
        assert narrow == wide
    if narrow == "does not hold":
        assert wide in ("does not hold", "cannot be decided")


@given(numbers, st.floats(0.0, 1.0), st.floats(0.01, 1.0))
def test_holding_and_refusing_need_evidence(mean, half, claimed):
    """An interval with 0 and the whole claimed effect inside decides nothing."""
    low, high = min(mean - half, 0.0), max(mean + half, claimed)
    assert of_effect(found((low + high) / 2, low, high), claimed).verdict == "cannot be decided"

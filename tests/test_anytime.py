"""What is told while a method searches, and the curve of it: numbers by hand, and rubbish that does no harm."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import anytime
from dtbench.anytime import Curve, Listener, Teller, listening, mean, moment, report, settled

NAN = math.nan


class Clock:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(anytime, "clock", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_nobody_hears_a_report():
    report("decision", bound=1.0)
    assert not anytime.heard()
    with listening("min") as heard:
        assert anytime.heard()
        with anytime.unheard():
            report("decision", bound=1.0)
    assert not heard.whole.decisions
    assert not heard.whole.bounds


def test_times_are_since_the_listener_began(clock):
    with listening("min") as heard:
        clock.now += 0.5
        report("first")
        clock.now += 2.0
        report("second", bound=3.0)
    assert list(heard.whole.decisions.values()) == [(0.5, "first"), (2.5, "second")]
    assert list(heard.whole.bounds.values()) == [(2.5, 3.0)]


def test_the_last_decision_and_the_best_bound_of_a_moment_are_kept(clock):
    """1.00 and 1.01 s lie in different moments, 1.01 and 1.02 s in the same."""
    with listening("min") as heard:
        for seconds, bound in ((1.0, 5.0), (0.01, 7.0), (0.01, 6.0)):
            clock.now += seconds
            report(bound, bound=bound)
    assert [value for _, value in heard.whole.decisions.values()] == [5.0, 6.0]
    assert [value for _, value in heard.whole.bounds.values()] == [5.0, 7.0]


def test_of_a_maximum_the_least_bound_is_the_best(clock):
    with listening("max") as heard:
        for bound in (5.0, 4.0, 4.5):
            clock.now += 1.0
            report(bound=bound)
    assert [value for _, value in heard.whole.bounds.values()] == [5.0, 4.0]


@pytest.mark.parametrize("bound", [NAN, math.inf, -math.inf, "3", None, [1.0], object()])
def test_a_bound_that_is_no_finite_number_is_none(bound):
    with listening("min") as heard:
        report(bound=bound)
    assert not heard.whole.bounds


def test_what_is_kept_is_bounded(clock):
    with listening("min") as heard:
        for _ in range(20_000):
            clock.now += 0.05
            report("decision", bound=clock.now)
    assert len(heard.whole.decisions) <= anytime.MOST
    assert len(heard.whole.bounds) <= anytime.MOST


def test_slots_that_are_decided_at_once_share_the_time(clock):
    with listening("min", share=4) as heard:
        clock.now += 2.0
        report("all")
    assert list(heard.whole.decisions.values()) == [(0.5, "all")]


def test_slots_that_are_decided_in_turn_have_clocks_of_their_own(clock):
    """2 s before the loop are 1 s of each; the second slot's 3 s are not the first one's."""
    with listening("min", share=2) as heard:
        clock.now += 2.0
        for number in anytime.members(2):
            clock.now += 3.0 + number
            report(number)
        clock.now += 1.0
        report("both")
    told = {number: list(log.decisions.values()) for number, log in heard.single.items()}
    assert told == {0: [(4.0, 0)], 1: [(5.0, 1)]}
    assert list(heard.whole.decisions.values()) == [((2.0 + 3.0 + 4.0 + 1.0) / 2.0, "both")]


def test_a_loop_over_one_slot_is_the_slot_itself(clock):
    with listening("min") as heard:
        for _ in anytime.members(1):
            clock.now += 1.0
            report("it")
    assert list(heard.whole.decisions.values()) == [(1.0, "it")]
    assert not heard.single


def test_a_loop_that_is_left_gives_the_clock_back(clock):
    with listening("min", share=2) as heard:
        for _ in anytime.members(2):
            clock.now += 1.0
            break
        clock.now += 1.0
        report("all")
    assert list(heard.whole.decisions.values()) == [(1.0, "all")]
    assert list(anytime.members(3)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("seconds", "number"), [(0.0, 0), (1e-4, 0), (1.0001e-4, 1), (0.1, 24), (1.0, 32), (10.0, 40), (100.0, 48)]
)
def test_moments_by_hand(seconds, number):
    assert moment(seconds) == number


def test_moments_end_at_the_times_of_the_leaderboard():
    for seconds in (0.1, 1.0, 10.0, 100.0):
        assert moment(np.nextafter(seconds, 0.0)) == moment(seconds) < moment(seconds * 1.000001)


def test_a_teller_translates_points_and_bounds():
    heard = Listener("max")
    teller = Teller(lambda x: float(x.sum()), lambda bound: 2.0 * bound)
    teller.tell(heard, np.array([1.0, 2.0]), 4.0)
    teller.tell(heard, bound=math.inf)
    ((_, made),) = heard.whole.decisions.values()
    assert made() == 3.0
    assert [value for _, value in heard.whole.bounds.values()] == [8.0]
    silent = Listener("max")
    Teller(None, None).tell(silent, np.array([1.0]), 4.0)
    assert not silent.whole.decisions
    assert not silent.whole.bounds


def test_curve_by_hand():
    """9 at 1 s, 9.5 at 2 s (worse, not kept), 7 at 3 s, returned 7 at 5 s; bounds 4, 6, and 7 at the end."""
    curve = settled("min", [(1.0, 9.0), (2.0, 9.5), (3.0, 7.0)], [(0.5, 4.0), (3.5, 6.0)], (5.0, 7.0, 7.0))
    assert_array_equal(curve.seconds, [0.5, 1.0, 3.0, 3.5, 5.0])
    assert_array_equal(curve.incumbent, [NAN, 9.0, 7.0, 7.0, 7.0])
    assert_array_equal(curve.bound, [4.0, 4.0, 4.0, 6.0, 7.0])
    assert curve.at(2.9) == (9.0, 4.0)
    assert curve.at(3.0) == (7.0, 4.0)
    assert all(math.isnan(value) for value in curve.at(0.4))
    assert curve.at(1e9) == (7.0, 7.0)


@pytest.mark.parametrize("sense", ["min", "max"])
def test_a_curve_of_anything_ends_as_it_should_and_never_gets_worse(sense):
    rng = np.random.default_rng(3)
    values = [NAN, math.inf, -math.inf, *rng.normal(size=9).tolist()]
    for _ in range(200):
        found = [(float(rng.uniform(-1, 6)), values[rng.integers(12)]) for _ in range(rng.integers(8))]
        bounds = [(float(rng.uniform(-1, 6)), values[rng.integers(12)]) for _ in range(rng.integers(8))]
        end = (5.0, float(rng.normal()), NAN if rng.random() < 0.3 else float(rng.normal()))
        curve = settled(sense, found, bounds, end)
        assert (np.diff(curve.seconds) > 0.0).all()
        assert curve.seconds[0] >= 0.0
        assert_array_equal([curve.seconds[-1], curve.incumbent[-1], curve.bound[-1]], end)
        sign = 1.0 if sense == "max" else -1.0
        for name, way in (("incumbent", sign), ("bound", -sign)):
            series = getattr(curve, name)
            known = series[np.isfinite(series)]
            assert np.isfinite(series[len(series) - len(known) :]).all()
            assert (way * np.diff(known) >= 0.0).all()


def test_what_is_better_than_what_was_returned_is_left_out():
    """A method that told of 5 and returns 7 did not keep the 5; a bound above what it proves in the end was wrong."""
    curve = settled("min", [(1.0, 8.0), (2.0, 5.0)], [(1.0, 3.0), (2.0, 6.5)], (4.0, 7.0, 6.0))
    assert_array_equal(curve.incumbent, [8.0, 7.0])
    assert_array_equal(curve.bound, [3.0, 6.0])


def test_without_a_bound_at_the_end_none_is_left():
    curve = settled("min", [], [(1.0, 3.0)], (4.0, 7.0, NAN))
    assert_array_equal(curve.seconds, [4.0])
    assert np.isnan(curve.bound).all()


def test_mean_over_slots_by_hand():
    """Slot a: 4 at 1 s, 2 at 3 s; slot b: 8 at 2 s. From 2 s on 6, from 3 s on 5. Bounds: b has one from 2 s on."""
    a = Curve(np.array([1.0, 3.0]), np.array([4.0, 2.0]), np.array([1.0, 2.0]))
    b = Curve(np.array([2.0]), np.array([8.0]), np.array([6.0]))
    both = mean([a, b])
    assert_array_equal(both.seconds, [2.0, 3.0])
    assert_array_equal(both.incumbent, [6.0, 5.0])
    assert_array_equal(both.bound, [3.5, 4.0])


def test_the_mean_is_that_of_all_slots_stopped_after_the_same_time():
    """At the ends of moments and after; against the slots' own curves, one by one."""
    rng = np.random.default_rng(5)
    curves = []
    for _ in range(7):
        times = np.sort(rng.uniform(1e-3, 20.0, 40))
        found = list(zip(times.tolist(), (10.0 - np.sort(rng.uniform(0.0, 5.0, 40))).tolist(), strict=True))
        curves.append(settled("min", found, [], (20.0 + rng.random(), 4.0, NAN)))
    both = mean(curves)
    assert len(both.seconds) <= anytime.MOST
    for seconds in (0.1, 1.0, 10.0, 100.0, *(10.0 ** (k / 8 - 4) for k in range(60))):
        expected = np.mean([curve.at(seconds)[0] for curve in curves])
        assert_allclose(both.at(seconds)[0], expected, rtol=1e-12)
    assert all(moment(a) < moment(b) for a, b in itertools.pairwise(both.seconds.tolist()))

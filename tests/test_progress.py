import pytest

from dtbench.progress import LINES, Pace, clock, time_left, untold


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Clock()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (65, "1 min 05 s"), (3600 * 3 + 120, "3 h 02 min")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_what_goes_on_takes_at_least_a_second():
    assert time_left(0.0) == "about 1 s left"
    assert time_left(90.0) == "about 1 min 30 s left"
    assert time_left(None) == "time left unknown"


def test_the_pace_by_hand(time):
    """10 of 40 steps in 20 s: 30 more take 60 s; as long as no more come, more time is left, never none."""
    pace = Pace(time)
    assert (pace.elapsed, pace.left) == (0.0, None)
    pace.note(0, 40)
    time.now += 20.0
    assert pace.left is None
    pace.note(10, 40)
    assert (pace.elapsed, pace.left) == (20.0, 60.0)
    time.now += 20.0
    assert pace.left == 120.0
    pace.note(40, 40)
    assert pace.left == 0.0


def test_what_was_done_before_says_nothing_of_the_pace(time):
    """A training that goes on after round 90 of 100: 1 round in 10 s, 9 to go."""
    pace = Pace(time)
    pace.note(90, 100)
    time.now += 10.0
    pace.note(91, 100)
    assert pace.left == 90.0


def test_another_part_has_its_own_pace(time):
    pace = Pace(time)
    pace.note(0, 100)
    time.now += 100.0
    pace.note(100, 100)
    pace.note(0, 50)
    assert pace.left is None
    time.now += 1.0
    pace.note(1, 50)
    assert (pace.elapsed, pace.left) == (101.0, 49.0)


def test_no_time_left_without_a_total(time):
    pace = Pace(time)
    pace.note(3, 0)
    time.now += 9.0
    pace.note(9, 0)
    assert pace.left is None


@pytest.mark.parametrize(
    ("steps", "seconds", "low", "high"),
    [
        (10, 4.0, 0, 0),  # over before anybody wonders
        (100_000, 3600.0, LINES, LINES + 12),
        (3, 3600.0, 2, 12),
        (0, 36_000.0, 8, 14),  # nobody knows how long: after 5 s, 10 s, 20 s, ...
    ],
)
def test_about_twenty_lines_whatever_it_takes(time, steps, seconds, low, high):
    pace, lines = Pace(time), 0
    looks = max(steps, 4000)
    pace.note(0, steps)
    for look in range(1, looks + 1):
        time.now += seconds / looks
        pace.note(look * steps // looks, steps)
        lines += pace.due()
    assert low <= lines <= high


def test_nobody_is_told():
    assert untold(1, 2) is None

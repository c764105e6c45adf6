"""Speeds: positive, remembered for this machine only, the same work again."""

import json
import os
import time

import pytest

from dtbench import files
from dtbench.experiments import calibration


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """One round of each kind of work, counted, and a cache of its own."""
    monkeypatch.setenv("DTBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(calibration, "ROUNDS", 1)
    calls = []
    measured = calibration.measured
    monkeypatch.setattr(calibration, "measured", lambda: calls.append(1) or measured())
    calibration.speed.cache_clear()
    yield calls
    calibration.speed.cache_clear()


def test_a_speed_is_measured_once_and_remembered(quick):
    first = calibration.speed()
    assert 1e-3 < first < 1e3
    calibration.speed.cache_clear()  # as in another process
    assert calibration.speed() == first
    assert len(quick) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"of": [], "speed": 2}', '{"of": null, "speed": "x"}'])
def test_what_is_remembered_of_another_machine_or_damaged_is_measured_again(quick, text):
    file = files.cache("machine") / "speed.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert calibration.speed() > 0.0
    assert len(quick) == 1
    assert json.loads(file.read_text())["speed"] == calibration.speed()


def test_an_old_speed_is_measured_again(quick):
    calibration.speed()
    file = files.cache("machine") / "speed.json"
    long_ago = time.time() - calibration.FRESH - 10.0
    os.utime(file, (long_ago, long_ago))
    calibration.speed.cache_clear()
    calibration.speed()
    assert len(quick) == 2


def test_twice_the_reference_is_twice_as_fast(monkeypatch):
    monkeypatch.setattr(calibration, "quickest", lambda work: 0.5)
    monkeypatch.setattr(calibration, "REFERENCE", {"python": 1.0, "arrays": 0.5, "lp": 2.0})
    assert calibration.measured() == pytest.approx((2.0 * 1.0 * 4.0) ** (1 / 3))


def test_the_work_is_the_same_every_time():
    assert {name: work() == work() for name, work in calibration.WORK.items()} == dict.fromkeys(calibration.WORK, True)

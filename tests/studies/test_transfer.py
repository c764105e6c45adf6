import csv

from dtbench.learning.training import Point

from .scripts import script

transfer = script("studies", "transfer")


def point(frames, objective):
    return Point(round=frames, episodes=1, frames=frames, seconds=1.0, objective=objective, reward=objective)


def curves(init):
    slow = [point(0, 0.0), point(100, 0.5), point(200, 1.0)]
    return {"scratch": slow, "online": slow, "init": init, "both": init}


def test_frames_to_a_level():
    curve = [point(0, 0.2), point(10, 0.5), point(20, 0.4)]
    assert transfer.frames_to(curve, 0.45) == 10.0
    assert transfer.frames_to(curve, 0.6) == float("inf")


def test_shares_of_scratchs_frames_by_hand(tmp_path):
    """Scratch reaches its final utility in 200 frames, a start from elsewhere in 50: a quarter."""
    pairs = [curves([point(0, 0.3), point(50, 1.0), point(60, 1.1)])] * 3
    rows = {row["agent"]: row for row in transfer.table(pairs)}
    assert rows["scratch"]["of scratch (100%)"] == 1.0
    assert rows["init"]["of scratch (100%)"] == 0.25
    assert rows["init"]["final"] == 1.1
    transfer.write([curves([point(0, 0.3), point(100, 1.0), point(200, 1.1)])], tmp_path / "t")
    with (tmp_path / "t.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    assert (tmp_path / "t.png").stat().st_size > 1000

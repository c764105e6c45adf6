import sys
from types import SimpleNamespace

import pytest

from dtbench.errors import DtbenchError
from dtbench.learning.report import Lines, TensorBoard, duration, line
from dtbench.learning.training import Point, Progress
from dtbench.problems import problem

STIN = problem("stin-deployment")


def progress(round, point=True, rounds=10):
    found = Point(round, 8, 80, 3.0, 1.25, -1.0)
    learner = SimpleNamespace(episodes=8, frames=80)
    best = Point(2, 2, 20, 1.0, 1.125, -1.0)
    return Progress(round, rounds, learner, 125.0, 61.4, {"loss": 0.5}, found if point else None, best)


def test_a_line_says_where_training_is():
    assert line(progress(4)) == (
        "round 4/10, 8 episodes, 80 frames, validation 1.25, kept 1.125 (round 2), 0:02:05 elapsed, about 0:01:01 left"
    )
    assert line(progress(10, point=False)).endswith("0:02:05 elapsed")
    assert duration(3725.4) == "1:02:05"


def test_lines_come_after_validations_not_too_often_and_at_the_end():
    heard = []
    lines = Lines(heard.append, pause=3600.0)
    for number in range(1, 11):
        lines(progress(number, point=number % 2 == 0))
    assert [text.split(",")[0] for text in heard] == ["round 2/10", "round 10/10"]
    heard.clear()
    eager = Lines(heard.append, pause=0.0)
    for number in range(1, 11):
        eager(progress(number, point=number % 4 == 0))
    assert [text.split(",")[0] for text in heard] == ["round 4/10", "round 8/10", "round 10/10"]


def test_a_training_prints_to_the_log_of_its_cell(hill, capsys):
    agent = hill(STIN, STIN.generate("tiny", 3))
    agent.train()
    assert capsys.readouterr().out.splitlines()[-1].startswith("round 6/6, 6 episodes, 60 frames, validation ")


def test_tensorboard_gets_metrics_and_validations(hill, tmp_path):
    pytest.importorskip("tensorboard")
    pytest.importorskip("torch")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    agent = hill(STIN, STIN.generate("tiny", 3), log_dir=str(tmp_path / "events"))
    found, _ = agent.obtain(lambda _: None)
    events = EventAccumulator(str(tmp_path / "events" / "stin-deployment--tiny--hill--s0"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"training/return", "validation/objective", "validation/reward"}
    assert [event.step for event in events.Scalars("training/return")] == [10, 20, 30, 40, 50, 60]
    scored = [event.value for event in events.Scalars("validation/objective")]
    assert scored == pytest.approx([point.objective for point in found.header.curve[1:]], rel=1e-6)
    told = []
    agent.tell = told.append
    agent.obtain(lambda _: None)
    assert told[0].startswith("trained already, so nothing is written to")


def test_tensorboard_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(DtbenchError, match=r"pip install 'dtbench\[learn,tensorboard\]'"):
        TensorBoard(tmp_path)

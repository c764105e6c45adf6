import importlib.util
from types import SimpleNamespace

import pytest

from dtbench.errors import DtbenchError
from dtbench.learning import log
from dtbench.learning.log import CsvLog
from dtbench.learning.training import Point, Progress
from dtbench.problems import problem

STIN = problem("stin-deployment")


def progress(number, objective=None):
    learner = SimpleNamespace(episodes=number, frames=10 * number)
    point = None if objective is None else Point(number, number, 10 * number, 1.0, objective, -objective)
    return Progress(number, 9, learner, 0.5 * number, 1.0, {"loss": 1.0 / number}, point, point)


def write(folder, *rounds):
    sink = CsvLog(folder)
    for each in rounds:
        sink(each)
    sink.close()


def test_a_row_for_each_number(tmp_path):
    write(tmp_path / "run", progress(1), progress(2, objective=1.25))
    assert (tmp_path / "run" / log.NAME).read_text().splitlines() == [
        "round,episodes,frames,seconds,quantity,value",
        "1,1,10,0.500,training/loss,1.0",
        "2,2,20,1.000,training/loss,0.5",
        "2,2,20,1.000,validation/objective,1.25",
        "2,2,20,1.000,validation/reward,-1.25",
    ]


def test_a_training_that_goes_on_keeps_what_was_before_and_another_one_begins_anew(tmp_path):
    write(tmp_path, progress(1), progress(2), progress(3))
    write(tmp_path, progress(3, objective=2.0))  # after an interruption: round 3 is played again
    found = [(row.round, row.quantity) for row in log.read(tmp_path / log.NAME)]
    assert found == [
        (1, "training/loss"), (2, "training/loss"), (3, "training/loss"), (3, "validation/objective"),
        (3, "validation/reward"),
    ]  # fmt: skip
    write(tmp_path, progress(1))
    assert [row.round for row in log.read(tmp_path / log.NAME)] == [1]


def test_a_line_that_was_not_finished_is_left_out(tmp_path):
    write(tmp_path, progress(1), progress(2))
    file = tmp_path / log.NAME
    file.write_text(file.read_text()[:-5])
    assert [row.round for row in log.read(file)] == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a,b\n1,2\n", "is not a log of a training"), (",".join(log.COLUMNS) + "\n1,2,3,x,y,z\n", "line 2: expected")],
)
def test_what_is_no_log_is_named(tmp_path, text, words):
    file = tmp_path / log.NAME
    file.write_text(text)
    with pytest.raises(DtbenchError, match=words):
        log.read(file)


def test_a_training_is_logged_without_tensorboard(hill, tmp_path, monkeypatch):
    known = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tensorboard" else known(name))
    agent = hill(STIN, STIN.generate("tiny", 3), log_dir=str(tmp_path / "logs"))
    told = []
    agent.tell = told.append
    found, _ = agent.obtain(lambda _: None)
    folder = tmp_path / "logs" / "stin-deployment--tiny--hill--s0"
    assert [file.name for file in folder.iterdir()] == [log.NAME]
    assert told == [f"TensorBoard is not installed, so only '{folder / log.NAME}' is written"]
    scored = log.series(log.read(folder / log.NAME))["validation/objective"]
    assert [(r.round, r.value) for r in scored] == [(p.round, p.objective) for p in found.header.curve[1:]]

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.legend import Legend

from dtbench.errors import DtbenchError
from dtbench.files import folder
from dtbench.learning import checkpoint, log
from dtbench.learning.log import Row
from dtbench.reports import curves
from dtbench.reports.curves import OBJECTIVE, Training

SHIPPED = sorted(folder("solvers").glob("checkpoints/stin-deployment/vdn--tiny--*.safetensors"))[0]


def training(name="a", seed=0, problem="stin-deployment", quantity=OBJECTIVE, kept=2):
    rows = tuple(Row(n, n, 10 * n, 1.0 * n, quantity, 5.0 - n) for n in range(4))
    return Training(Path(name), problem, "tiny", "vdn", seed, rows, kept)


def test_a_checkpoint_holds_its_curve():
    header = checkpoint.read(SHIPPED).header
    found = curves.of_checkpoint(SHIPPED)
    assert (found.problem, found.size, found.solver, found.kept) == (
        "stin-deployment", "tiny", "vdn", header.best.round,
    )  # fmt: skip
    assert [r.value for r in found.rows if r.quantity == OBJECTIVE] == [p.objective for p in header.curve]


def test_the_table_has_all_numbers_and_marks_what_was_kept():
    rows = list(csv.DictReader(io.StringIO(curves.table([training(), training("b", seed=1)]))))
    assert len(rows) == 8
    assert [row["value"] for row in rows[:4]] == ["5.0", "4.0", "3.0", "2.0"]
    assert [row["kept"] for row in rows[:4]] == ["false", "false", "true", "false"]
    assert {row["seed"] for row in rows} == {"0", "1"}


def test_the_figure_shows_the_curves_and_rings_what_was_kept():
    figure = curves.figure([training(), training("b", seed=1)], "Learning curves")
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert {label: list(line.get_ydata()) for label, line in lines.items()} == {
        "vdn, seed 0": [5.0, 4.0, 3.0, 2.0], "vdn, seed 1": [5.0, 4.0, 3.0, 2.0],
    }  # fmt: skip
    rings = [line for line in axes.lines if line.get_label() == "_kept"]
    assert [(list(ring.get_xdata()), list(ring.get_ydata())) for ring in rings] == [([20], [3.0])] * 2
    assert axes.get_ylabel() == "validation: objective [s],\nless is better"
    (legend,) = figure.findobj(Legend)
    assert [t.get_text() for t in legend.get_texts()] == ["vdn, seed 0", "vdn, seed 1", "policy that was kept"]


def test_a_column_for_each_problem_and_a_row_for_each_quantity():
    loss = training(quantity="training/loss", kept=None)
    figure = curves.figure([training(), loss, training(problem="edge-migration")], "Learning curves")
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "stin-deployment, tiny", "", "edge-migration, tiny", "",
    ]  # fmt: skip
    assert figure.axes[2].get_ylabel() == "validation: objective,\nmore is better"
    assert figure.axes[1].get_ylabel() == "training: loss"


def test_labels_tell_apart_what_has_the_same_solver_and_seed():
    found = curves.labelled([training("x/vdn--tiny--abc--s0"), training("x/vdn--tiny--def--s0"), training("b", 1)])
    assert [t.label for t in found] == ["vdn, seed 0 (abc)", "vdn, seed 0 (def)", "vdn, seed 1"]


def test_logs_are_found_by_their_files_and_named_by_their_folder(tmp_path):
    run = tmp_path / "stin-deployment--tiny--cc-ddpg--s3"
    run.mkdir()
    (run / log.NAME).write_text(",".join(log.COLUMNS) + "\n1,1,10,0.5,training/loss,2.5\n")
    assert curves.logs_in(tmp_path) == [run]
    found = curves.of_log(run)
    assert (found.problem, found.size, found.solver, found.seed) == ("stin-deployment", "tiny", "cc-ddpg", 3)
    assert found.rows == (Row(1, 1, 10, 0.5, "training/loss", 2.5),)
    other = run.rename(tmp_path / "mine")
    assert replace(curves.of_log(other), file=run).solver == "mine"


def test_events_are_read_where_there_is_no_csv_file(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step, value in ((10, 1.5), (20, 1.25)):
        scalar = Summary(value=[Summary.Value(tag=OBJECTIVE, simple_value=value)])
        writer.add_event(Event(step=step, wall_time=float(step), summary=scalar))
    writer.close()
    assert [(r.frames, r.value) for r in curves.of_log(tmp_path).rows] == [(10, 1.5), (20, 1.25)]


def test_events_without_tensorboard(tmp_path, monkeypatch):
    (tmp_path / "events.out.tfevents.1").touch()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DtbenchError, match=r"no training\.csv, and TensorBoard is not installed"):
        curves.of_log(tmp_path)

import sys
import threading
from dataclasses import replace

import pytest

from dtbench.experiments.ending import lost, lost_training
from dtbench.experiments.events import (
    Finished,
    Planning,
    Progress,
    Started,
    TrainingAdvanced,
    TrainingFinished,
    TrainingStarted,
)
from dtbench.experiments.job import job_of
from dtbench.experiments.planned import Planned, Training
from dtbench.learning.checkpoint import Identity


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def story(bench):
    """Four cells of one kind and two of another, and a failed record of any of them with a chosen time."""
    instances = ["stin-deployment/tiny-00[0-3]"]
    plan = bench.plan(bench.write("slow", {"name": "raises", "instances": ["*-00[01]"]}, instances=instances))
    base = lost(job_of(plan.cells[0]), "as a stand-in")

    def finished(planned, seconds):
        cell = planned.cell
        return Finished(base.model_copy(update={"cell": cell, "key": cell.key, "wall_seconds": seconds}))

    return plan.cells, finished


def test_time_left_by_hand(story):
    cells, finished = story
    slow, raises = cells[:4], cells[4:]
    clock = Clock()
    progress = Progress(clock=clock)
    progress(Planning(tuple(cells), workers=2))
    now = progress.snapshot()
    assert (now.total, now.workers, now.done, now.left) == (6, 2, 0, None)
    progress(Started(slow[0].cell))
    progress(Started(raises[0].cell))
    clock.now += 4.0
    progress(finished(slow[0], 4.0))
    now = progress.snapshot()
    assert (now.done, now.failed, now.elapsed) == (1, 1, 4.0)
    assert now.running == ((raises[0].cell, 4.0),)
    # 3 slow ones of 4 s; the kind of the others is unknown, so 4 s: one has run 4 s already, one is to come.
    assert now.left == (3 * 4.0 + 0.0 + 4.0) / 2
    progress(finished(raises[0], 10.0))
    assert progress.snapshot().left == (3 * 4.0 + 10.0) / 2
    progress(Started(raises[1].cell))
    progress(Started(slow[1].cell))
    clock.now += 1.0
    assert progress.snapshot().left == (2 * 4.0 + 3.0 + 9.0) / 2
    for each in slow[1:]:
        progress(finished(each, 4.0))
        progress(Started(slow[3].cell)) if each is slow[2] else None
    assert progress.snapshot().left == 9.0  # one cell left: a second worker does not help


def test_earlier_records_are_believed_until_this_run_knows_better(story):
    cells, finished = story
    known = [Planned(p.cell, p.instance, p.solver_file, seconds=2.0) for p in cells[:4]]
    progress = Progress(clock=Clock())
    progress(Planning(tuple(known), workers=1))
    assert progress.snapshot().left == 8.0
    progress(Started(known[0].cell))
    progress(finished(known[0], 5.0))
    assert progress.snapshot().left == 15.0


def test_a_run_is_late_when_every_running_cell_is(story):
    cells, _ = story
    known = [
        Planned(p.cell, p.instance, p.solver_file, seconds=s) for p, s in zip(cells, (2.0, 9.0, 5.0), strict=False)
    ]
    clock = Clock()
    progress = Progress(clock=clock)
    progress(Planning(tuple(known), workers=2))
    assert not progress.snapshot().late  # nothing runs
    for each in known[:2]:
        progress(Started(each.cell))
    for seconds, left, late in ((1.0, 8.0, False), (3.0, 6.0, False), (9.5, 5.0 / 2, True)):
        clock.now = 100.0 + seconds
        now = progress.snapshot()
        assert (now.left, now.late) == (left, late)


def test_nothing_has_elapsed_before_the_run_begins():
    assert Progress(clock=lambda: 1000.0).snapshot().elapsed == 0.0


def test_snapshots_are_taken_while_events_come(story):
    """What was drawn in another thread failed: dictionary changed size during iteration."""
    cells, finished = story
    base = cells[0]
    many = [
        Planned(base.cell.model_copy(update={"seed": seed}), base.instance, base.solver_file, 1.0)
        for seed in range(400)
    ]
    progress, over, seen, errors = Progress(), threading.Event(), [], []

    def draw():
        while not over.is_set():
            try:
                seen.append(progress.snapshot())
            except Exception as error:
                errors.append(error)

    drawing = [threading.Thread(target=draw) for _ in range(2)]
    for thread in drawing:
        thread.start()
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        progress(Planning(tuple(many), workers=2))
        for each in many:
            progress(Started(each.cell))
        for each in many:
            progress(finished(each, 1.0))
    finally:
        sys.setswitchinterval(switch)
        over.set()
        for thread in drawing:
            thread.join()
    assert errors == []
    assert len(seen) > 2
    assert all(now.done + len(now.running) <= 400 for now in seen)
    assert progress.snapshot().done == 400


@pytest.fixture
def trainings(story):
    """Three trainings of one kind, with records of their ends."""
    cells, _ = story
    base = cells[0]

    def made(seed, seconds=None):
        cell = base.cell.model_copy(update={"seed": seed})
        identity = Identity(
            solver="s", version=1, problem="p", size="tiny", params={}, scope="size", network="n", preset="tuned",
            options={}, seed=seed,
        )  # fmt: skip
        return Training(replace(base, cell=cell), identity, f"{seed:064d}", seconds=seconds)

    def ended(training, seconds, status="ok"):
        lost = lost_training(job_of(base), training, "as a stand-in")
        facts = {"cell": training.cell, "status": status, "wall_seconds": seconds}
        return TrainingFinished(lost.model_copy(update=facts))

    return made, ended


def test_time_left_of_trainings_by_hand(story, trainings):
    cells, _ = story
    made, ended = trainings
    scored = [replace(p, seconds=2.0) for p in cells[:2]]
    first, second, third = (made(seed) for seed in range(3))
    clock = Clock()
    progress = Progress(clock=clock)
    progress(Planning(tuple(scored), 2, (first, second, third)))
    now = progress.snapshot()
    assert (now.total, now.trainings, now.left) == (2, 3, None)
    progress(TrainingStarted(first))
    progress(TrainingStarted(second))
    progress(TrainingAdvanced(first.stem, 10, 100))  # it went on there: its pace is not that of the first ten rounds
    clock.now += 10.0
    progress(TrainingAdvanced(first.stem, 30, 100))
    moments = {m.training.stem: m for m in progress.snapshot().training}
    assert (moments[first.stem].done, moments[first.stem].total, moments[first.stem].left) == (30, 100, 35.0)
    assert (moments[second.stem].done, moments[second.stem].left) == (0, None)
    progress(TrainingAdvanced(second.stem, 1, 11))
    clock.now += 5.0
    progress(TrainingAdvanced(second.stem, 2, 11))
    # 45 s of the first (15 s for 20 rounds, 70 rounds left: 52.5), 45 of the second, and the third as they
    now = progress.snapshot()
    lefts = {m.training.stem: m.left for m in now.training}
    assert lefts == {first.stem: 52.5, second.stem: 45.0}
    third_takes = now.training[-1].seconds + now.training[-1].left  # as the last of those that run
    assert now.left == (52.5 + 45.0 + third_takes + 2 * 2.0) / 2
    progress(ended(second, 40.0))
    progress(ended(first, 60.0))
    now = progress.snapshot()
    assert (dict(now.trained), now.training, now.left) == ({"ok": 2}, (), 50.0)  # one left: (50 + 4) / 2 is too little
    progress(TrainingStarted(third))
    progress(TrainingAdvanced("of-another", 1, 2))
    clock.now += 20.0
    assert progress.snapshot().left == 30.0
    progress(ended(third, 1.0, "crash"))
    now = progress.snapshot()
    assert (dict(now.trained), now.left) == ({"ok": 2, "crash": 1}, 2.0)
    assert now.failed == 0  # cells are counted apart


def test_a_training_is_expected_to_take_what_earlier_ones_took(story, trainings):
    cells, _ = story
    made, _ = trainings
    clock = Clock()
    progress = Progress(clock=clock)
    training = made(0, seconds=90.0)
    progress(Planning((replace(cells[0], seconds=1.0),), 1, (training,)))
    assert progress.snapshot().left == 91.0
    progress(TrainingStarted(training))
    clock.now += 30.0
    assert progress.snapshot().training[0].left == 60.0
    assert progress.snapshot().left == 61.0

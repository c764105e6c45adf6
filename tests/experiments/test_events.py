import sys
import threading

import pytest

from dtbench.experiments.ending import lost
from dtbench.experiments.events import Finished, Planning, Progress, Started
from dtbench.experiments.job import job_of
from dtbench.experiments.planned import Planned


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

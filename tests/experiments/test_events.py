import pytest

from dtbench.experiments.events import Finished, Planning, Progress, Started
from dtbench.experiments.plan import Planned
from dtbench.experiments.process import lost
from dtbench.experiments.run import job_of


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
    assert (progress.total, progress.done) == (6, 0)
    assert progress.seconds_left() is None
    progress(Started(slow[0].cell))
    progress(Started(raises[0].cell))
    assert len(progress.running) == 2
    clock.now += 4.0
    progress(finished(slow[0], 4.0))
    assert (progress.done, progress.failed, progress.elapsed) == (1, 1, 4.0)
    # 3 slow ones of 4 s; the kind of the others is unknown, so 4 s: one has run 4 s already, one is to come.
    assert progress.seconds_left() == (3 * 4.0 + 0.0 + 4.0) / 2
    progress(finished(raises[0], 10.0))
    assert progress.seconds_left() == (3 * 4.0 + 10.0) / 2
    progress(Started(raises[1].cell))
    progress(Started(slow[1].cell))
    clock.now += 1.0
    assert progress.seconds_left() == (2 * 4.0 + 3.0 + 9.0) / 2
    for each in slow[1:]:
        progress(finished(each, 4.0))
        progress(Started(slow[3].cell)) if each is slow[2] else None
    assert progress.seconds_left() == 9.0  # one cell left: a second worker does not help


def test_earlier_records_are_believed_until_this_run_knows_better(story):
    cells, finished = story
    known = [Planned(p.cell, p.instance, p.solver_file, seconds=2.0) for p in cells[:4]]
    progress = Progress(clock=Clock())
    progress(Planning(tuple(known), workers=1))
    assert progress.seconds_left() == 8.0
    progress(Started(known[0].cell))
    progress(finished(known[0], 5.0))
    assert progress.seconds_left() == 15.0

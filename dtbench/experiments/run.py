"""Runs cells on Dask and stores their records as they come.

A local cluster of threads, each waiting for the process of one cell, unless the address of a running cluster is given.
Only this process writes to the store.
"""

from __future__ import annotations

import contextlib
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from dtbench import machine
from dtbench.errors import DtbenchError, MachineError
from dtbench.experiments import calibration, cluster, ending, plan_file, telling
from dtbench.experiments.agenda import Agenda
from dtbench.experiments.events import (
    Finished,
    Listener,
    Planning,
    Resized,
    Started,
    TrainingAdvanced,
    TrainingFinished,
    TrainingStarted,
)
from dtbench.experiments.job import Job
from dtbench.experiments.plan import Plan
from dtbench.experiments.policies import TrainingRecord
from dtbench.experiments.record import Record, Status
from dtbench.experiments.store import Store

Ended = tuple[Record | TrainingRecord, bytes | None]  # a record, and decisions or policy


@dataclass(frozen=True)
class Summary:
    """How the cells of a run ended, and the trainings before them."""

    statuses: Counter[Status] = field(default_factory=Counter)
    seconds: float = 0.0
    trained: Counter[Status] = field(default_factory=Counter)

    @property
    def ran(self) -> int:
        """Cells that were run."""
        return sum(self.statuses.values())

    @property
    def ok(self) -> bool:
        """Whether every cell ended ``ok`` or ``skipped``."""
        return all(status in ("ok", "skipped") for status, count in self.statuses.items() if count)


def run(
    plan: Plan,
    store: Store,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    wait: float = cluster.CONNECT,
    command: str = "",
    progress: Listener | None = None,
) -> Summary:
    """Store the plan, then run its cells whose state is not ``done``; each leaves exactly one record.

    Parameters
    ----------
    plan
        The cells and the suite that asks for them; it becomes part of the stored plan, see
        :mod:`dtbench.experiments.plan_file`.
    store
        Where records go; locked while the run lasts.
    workers
        Cells at once on this machine; all processors by default. A cluster has as many as its workers have threads.
    scheduler
        Address of a running Dask scheduler. Its workers need the same installation of dtbench; files of the user's own
        travel with the cells.
    wait
        Seconds to wait for the first worker of the cluster.
    command
        Provenance.
    progress
        Is told what happens, in this thread; how far trainings are, from another one.

    Raises
    ------
    DtbenchError
        If the store is in use or cannot be written, its plan is damaged, or the cluster cannot be reached or is lost.
        Finished cells are stored.
    MachineError
        If a machine lacks what it takes to run cells, such as room on its disk. Finished cells are stored.
    KeyboardInterrupt
        As it came, after the running cells were killed. Finished cells are stored.
    """
    calibration.speed()  # before anything shares the processor
    began = time.monotonic()
    if workers is not None and workers < 1:
        raise DtbenchError(f"--workers is {workers}; expected at least 1.")
    statuses: Counter[Status] = Counter()
    trained: Counter[Status] = Counter()
    tell = progress or (lambda _: None)
    with contextlib.ExitStack() as stack:
        with _on_disk(store):
            stack.enter_context(store.lock())
            store.clean()
            planned = plan_file.keep(store, plan)
            for file in {p.instance.file for p in plan.cells if not p.instance.shipped}:
                store.keep_instance(file)
            for each in planned.cells.values():
                store.relabel(each.cell)
        todo = sorted((p for p in plan.cells if p.state != "done"), key=lambda p: -(p.seconds or 0.0))
        if todo:
            run_id = uuid.uuid4().hex
            with _on_disk(store):
                agenda = Agenda(plan, todo, run_id, command, store)
            cells = stack.enter_context(cluster.opened(workers or cluster.default_workers(), scheduler, run_id))
            tell(Planning(tuple(todo), max(cells.threads, 1), agenda.trainings))
            if agenda.trainings:
                telling.listen(cells.client, run_id, lambda *told: tell(TrainingAdvanced(*told)))
            results = stack.enter_context(contextlib.closing(_results(cells, agenda, tell, wait)))
            for record, content in results:
                with _on_disk(store):
                    if isinstance(record, TrainingRecord):
                        store.policies.write(record, content)
                    else:
                        store.write(record, content)
                if isinstance(record, TrainingRecord):
                    trained[record.status] += 1
                    tell(TrainingFinished(record))
                else:
                    statuses[record.status] += 1
                    tell(Finished(record))
    return Summary(statuses, time.monotonic() - began, trained)


@contextlib.contextmanager
def _on_disk(store: Store) -> Iterator[None]:
    """Say what a full disk, or a folder that cannot be written, means for the run."""
    try:
        yield
    except OSError as error:
        raise DtbenchError(
            f"results cannot be kept in '{store.folder}': {machine.words(error)}. Finished cells are kept; mend it and "
            "run again."
        ) from None


def _results(cells: cluster.Local, agenda: Agenda, tell: Listener, patience: float) -> Generator[Ended, None, None]:
    """Submit jobs as threads become free, and yield what comes back; on any interruption, kill what is running.

    Where jobs wait on a cluster, the one that was submitted first is taken to begin first. A cell that waits for a
    training is submitted when whoever takes what is yielded has written the policy.
    """
    submitted: dict[str, tuple[Job, Any]] = {}
    queue: dict[str, Job] = {}  # submitted, and not told to have started
    threads = cells.threads

    def submit() -> list[Any]:
        futures = []
        for job in agenda.take(cells.wanted - len(submitted)):
            future = cells.submit(job)
            submitted[future.key] = job, future
            queue[future.key] = job
            futures.append(future)
        return futures

    def announce() -> None:
        nonlocal threads
        if (now := cells.threads) != threads:
            threads = now
            tell(Resized(max(now, 1)))
        for _ in range(min(len(queue), threads - (len(submitted) - len(queue)))):
            job = queue.pop(next(iter(queue)))
            tell(Started(job.cell) if job.training is None else TrainingStarted(job.training))

    try:
        cells.look()  # a worker that cannot even read a job would be lost again and again
        first = submit()
        cells.wait(patience)
        cells.look()
        announce()
        running = cluster.completed(cells, first)
        for future in running:
            cells.look()
            job, _ = submitted.pop(future.key)
            queue.pop(future.key, None)
            try:
                outcome = _outcome(future, job)
            except MachineError:
                yield from [_outcome(other, its) for its, other in submitted.values() if other.status == "finished"]
                raise
            future.release()
            running.update(submit())  # before the record is written: no thread waits for a disk
            yield outcome
            if isinstance(outcome[0], TrainingRecord):
                yield from ((record, None) for record in agenda.trained(outcome[0]))
                running.update(submit())
            announce()
    except BaseException:
        cells.cancel()
        raise


def _outcome(future: Any, job: Job) -> Ended:
    """The record of a task that has ended, however it has ended."""
    if future.status == "finished":
        text, content = future.result()
        kind: type[Record | TrainingRecord] = Record if job.training is None else TrainingRecord
        return kind.model_validate_json(text), content
    if future.status == "error":
        error = future.exception()
        if isinstance(error, MachineError):
            raise error
        stack = "".join(traceback.format_exception(error))
        reason = f"the cell's worker failed: {type(error).__name__}: {error}"
        if job.training is not None:
            return ending.lost_training(job, job.training, reason, stack), None
        return ending.lost(job, reason, stack), None
    raise DtbenchError("the Dask scheduler was lost. Finished cells are stored; run again for the others.")

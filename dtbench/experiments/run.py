"""Runs cells on Dask and stores their records as they come.

A local cluster of threads, each waiting for the process of one cell, unless the address of a running cluster is given.
Only this process writes to the store.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
import traceback
import uuid
import warnings
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dtbench import machine
from dtbench.errors import DtbenchError, MachineError
from dtbench.experiments import plan_file, process
from dtbench.experiments.events import Finished, Listener, Planning, Started
from dtbench.experiments.job import Job, job_of
from dtbench.experiments.plan import Plan
from dtbench.experiments.record import Record, Status
from dtbench.experiments.store import Store

CONNECT = 30.0  # seconds to reach a cluster and one worker of it
RETRIES = 1  # of a cell whose worker failed around it; a worker that dies is Dask's to replace


@dataclass(frozen=True)
class Summary:
    """How the cells of a run ended."""

    statuses: Counter[Status] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def ran(self) -> int:
        """Cells that were run."""
        return sum(self.statuses.values())

    @property
    def ok(self) -> bool:
        """Whether every cell ended ``ok`` or ``skipped``."""
        return all(status in ("ok", "skipped") for status, count in self.statuses.items() if count)


def default_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    plan: Plan,
    store: Store,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
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
        Address of a running Dask scheduler. Its workers need the same installation, and the files that the cells name
        at the same paths.
    command
        Provenance.
    progress
        Is told what happens, in this thread.

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
    began = time.monotonic()
    if workers is not None and workers < 1:
        raise DtbenchError(f"--workers is {workers}; expected at least 1.")
    statuses: Counter[Status] = Counter()
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
            jobs = [job_of(p, run_id, plan.suite, command) for p in todo]
            client = stack.enter_context(_client(workers or default_workers(), scheduler))
            tell(Planning(tuple(todo), sum(client.nthreads().values())))
            results = stack.enter_context(contextlib.closing(_results(client, jobs, run_id, tell)))
            for record, decisions in results:
                with _on_disk(store):
                    store.write(record, decisions)
                statuses[record.status] += 1
                tell(Finished(record))
    return Summary(statuses, time.monotonic() - began)


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


def _results(
    client: Any, jobs: Sequence[Job], run_id: str, tell: Listener
) -> Generator[tuple[Record, bytes | None], None, None]:
    """Submit jobs as threads become free, and yield what comes back; on any interruption, kill what is running."""
    waiting = iter(jobs)
    submitted: dict[str, tuple[Job, Any]] = {}

    def submit(count: int) -> list[Any]:
        futures = []
        for job in itertools.islice(waiting, max(count, 0)):
            future = client.submit(process.run_cell, job, pure=False, retries=RETRIES, key=f"{job.cell.stem}-{run_id}")
            submitted[future.key] = job, future
            futures.append(future)
        return futures

    def announce(futures: Iterable[Any]) -> None:
        for future in futures:
            tell(Started(submitted[future.key][0].cell))

    try:
        first = submit(_threads(client))
        announce(first)
        running = _distributed().as_completed(first, loop=client.loop, raise_errors=False)
        for future in running:
            job, _ = submitted.pop(future.key)
            try:
                outcome = _outcome(future, job)
            except MachineError:
                yield from [_outcome(other, its) for its, other in submitted.values() if other.status == "finished"]
                raise
            future.release()
            more = submit(_threads(client) - len(submitted))  # before the record is written: no thread waits for a disk
            running.update(more)
            yield outcome
            announce(more)
    except BaseException:
        _kill(client, run_id)
        raise


def _threads(client: Any) -> int:
    """Threads of all workers; at least one, so that a cluster that lost all its workers is waited for."""
    threads: dict[str, int] = client.nthreads()
    return max(sum(threads.values()), 1)


def _outcome(future: Any, job: Job) -> tuple[Record, bytes | None]:
    """The record of a task that has ended, however it has ended."""
    if future.status == "finished":
        text, decisions = future.result()
        return Record.model_validate_json(text), decisions
    if future.status == "error":
        error = future.exception()
        if isinstance(error, MachineError):
            raise error
        stack = "".join(traceback.format_exception(error))
        return process.lost(job, f"the cell's worker failed: {type(error).__name__}: {error}", stack), None
    raise DtbenchError("the Dask scheduler was lost. Finished cells are stored; run again for the others.")


def _kill(client: Any, run_id: str) -> None:
    process.cancel(run_id)
    with contextlib.suppress(Exception):  # the cluster may be what has failed
        client.run(process.cancel, run_id, on_error="ignore", timeout=5)


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """A client of the given cluster, or of a cluster inside this process."""
    client_class = _distributed().Client
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            cluster = stack.enter_context(_local(workers))
            yield stack.enter_context(client_class(cluster, set_as_default=False))
            return
        try:
            client = stack.enter_context(client_class(scheduler, timeout=CONNECT, set_as_default=False))
            client.wait_for_workers(1, timeout=CONNECT)
        except (OSError, TimeoutError, ValueError) as error:
            raise DtbenchError(
                f"no Dask cluster with a worker at '{scheduler}' within {CONNECT:g} s ({type(error).__name__}). "
                "Start one with `dask scheduler` and `dask worker ADDRESS`, or leave --scheduler out."
            ) from None
        yield client


def _distributed() -> Any:
    import distributed

    return distributed


def _local(workers: int) -> Any:
    """A cluster of one worker with threads in this process: no ports, no web pages, no log lines."""
    dask = _distributed()
    no_pages = {"start_http_server": lambda *_, **__: None}
    options = {"protocol": "inproc://"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a machine without a network has no address to be found
        return dask.SpecCluster(
            scheduler={
                "cls": type("Scheduler", (dask.Scheduler,), no_pages),
                "options": options | {"dashboard": False, "port": 0},
            },
            workers={
                0: {
                    "cls": type("Worker", (dask.Worker,), no_pages),
                    "options": options | {"nthreads": workers, "memory_limit": 0},
                }
            },
            silence_logs=logging.CRITICAL,
        )

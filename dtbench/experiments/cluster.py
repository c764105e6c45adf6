"""Where the cells of a run are worked on: threads of this process, or the workers of a Dask cluster.

Each thread waits for the process of one cell. To a cluster, files that its workers may not have travel with the jobs
(:mod:`dtbench.experiments.luggage`), and workers of another dtbench are refused.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError
from dtbench.experiments import luggage, process, telling
from dtbench.experiments.job import Job

CONNECT = 30.0  # seconds to reach a scheduler, and by default to wait for its first worker
RETRIES = 1  # of a cell whose worker failed around it; a worker that dies is Dask's to replace
AHEAD = 1000  # jobs that a cluster knows of at least: by their number an adaptive one sees how many workers are wanted


class Local:
    """Threads of this process.

    Parameters
    ----------
    client
        Dask's client.
    run_id
        Makes keys of tasks unique.
    """

    def __init__(self, client: Any, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    @property
    def threads(self) -> int:
        """Cells at once, now."""
        return sum(self.client.nthreads().values())

    @property
    def wanted(self) -> int:
        """How many jobs are to be submitted at a time: no more than threads, as each is known to run."""
        return max(self.threads, 1)

    def submit(self, job: Job) -> Any:
        """Have a job run; its future."""
        return self.client.submit(telling.run_cell, job, **self._how(job))

    def look(self) -> None:
        """Called again and again while jobs run."""

    def wait(self, seconds: float) -> None:
        """Called once, when the first jobs are submitted."""

    def cancel(self) -> None:
        """Kill what is running."""
        process.cancel(self.run_id)
        with contextlib.suppress(Exception):  # the cluster may be what has failed
            self.client.run(process.cancel, self.run_id, on_error="ignore", timeout=5)

    def _how(self, job: Job) -> dict[str, Any]:
        return {"pure": False, "retries": RETRIES, "key": f"{job.name}-{self.run_id}"}


class Remote(Local):
    """The workers of a cluster, which may come and go."""

    def __init__(self, client: Any, run_id: str) -> None:
        super().__init__(client, run_id)
        self.known: set[str] = set()
        self.packed: dict[Path, Any] = {}

    @property
    def wanted(self) -> int:
        """More than there are threads, so that a cluster that grows by itself has a reason to."""
        return max(2 * self.threads, AHEAD)

    def submit(self, job: Job) -> Any:
        """Have a job run, with what it takes along."""
        parcels = [self._sent(place) for place in dict.fromkeys(luggage.places(job))]
        return self.client.submit(luggage.run_cell, job, luggage.identity(), parcels, **self._how(job))

    def look(self) -> None:
        """Refuse new workers of another dtbench, by name.

        Raises
        ------
        DtbenchError
            If there is one.
        """
        new = sorted(set(self.client.nthreads()) - self.known)
        if not new:
            return
        ours = luggage.identity()
        told = self.client.run(luggage.identity, workers=new, on_error="return")
        gone = [address for address, given in told.items() if isinstance(given, OSError)]
        others = [address for address, given in told.items() if address not in gone and given != ours]
        if others:
            named = "; ".join(f"{address}: {self._described(address, told[address])}" for address in others)
            raise DtbenchError(
                f"workers with another dtbench than {luggage.told(ours)} are refused: {named}. Stop them, or "
                "install the same there. Finished cells are kept."
            )
        self.known.update(address for address in told if address not in gone)

    def wait(self, seconds: float) -> None:
        """Wait for the first worker.

        Raises
        ------
        DtbenchError
            If none comes in so many seconds.
        """
        try:
            self.client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            raise DtbenchError(
                f"the Dask scheduler has no worker, and none came within {seconds:g} s. Start one with "
                "`dask worker ADDRESS`, or wait longer with --wait where a queue starts them."
            ) from None

    def _sent(self, place: Path) -> Any:
        """The future of a parcel: each is sent once, and again by the scheduler if the worker that has it is lost."""
        if place not in self.packed:
            parcel = luggage.pack(place)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that it is large is known
                self.packed[place] = self.client.submit(
                    luggage.carried, parcel, key=f"luggage-{parcel.sha256[:16]}-{len(self.packed)}-{self.run_id}"
                )
        return self.packed[place]

    def _described(self, address: str, given: Any) -> str:
        """The dtbench of a worker; of an old one only the version can be asked for."""
        if isinstance(given, luggage.Identity):
            return luggage.told(given)
        asked = self.client.run(importlib.metadata.version, "dtbench", workers=[address], on_error="return")
        answer = asked.get(address)
        return f"dtbench {answer}" if isinstance(answer, str) else f"no dtbench ({type(answer).__name__})"


@contextlib.contextmanager
def opened(workers: int, scheduler: str | None, run_id: str) -> Iterator[Local]:
    """The given cluster, or threads of this process.

    Raises
    ------
    DtbenchError
        If there is no scheduler at the address.
    """
    client_class = _distributed().Client
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            cluster = stack.enter_context(_local(workers))
            yield Local(stack.enter_context(client_class(cluster, set_as_default=False)), run_id)
            return
        _check_security(scheduler)
        try:
            client = stack.enter_context(client_class(scheduler, timeout=CONNECT, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise DtbenchError(
                f"no Dask scheduler at '{scheduler}' within {CONNECT:g} s ({type(error).__name__}). Start one with "
                "`dask scheduler` and `dask worker ADDRESS`, or leave --scheduler out."
            ) from None
        yield Remote(client, run_id)


def _check_security(scheduler: str) -> None:
    """Refuse an address that Dask's settings for encryption do not fit; it would only find out in a minute."""
    security = _distributed().Security()
    encrypted = scheduler.startswith(("tls://", "wss://"))
    try:
        ready = security.get_connection_args("client").get("ssl_context") is not None
    except (OSError, ValueError) as error:
        raise DtbenchError(f"the certificates for TLS cannot be used: {error}. See docs/scaling.md.") from None
    if encrypted and not ready:
        raise DtbenchError(
            f"'{scheduler}' needs certificates: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and "
            "...__CLIENT__KEY, see docs/scaling.md."
        )
    if security.require_encryption and not encrypted:
        raise DtbenchError(f"'{scheduler}' is not encrypted, but Dask's settings ask for it; expected tls://host:port.")


def default_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def completed(cells: Local, futures: list[Any]) -> Any:
    """Futures as they end, of these and of those that are added later."""
    return _distributed().as_completed(futures, loop=cells.client.loop, raise_errors=False)


def _distributed() -> Any:
    import distributed

    return distributed


def _local(workers: int) -> Any:
    """A cluster of one worker with threads in this process: no ports, no web pages, no log lines.

    Its worker is never given up. It would be for good after five minutes without a sign of life, which also pass while
    a laptop sleeps or a run is stopped with Ctrl-Z.
    """
    dask = _distributed()
    no_pages = {"start_http_server": lambda *_, **__: None}

    async def patient(_: Any) -> None:
        """In the place of what gives up workers."""

    options = {"protocol": "inproc://"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a machine without a network has no address to be found
        return dask.SpecCluster(
            scheduler={
                "cls": type("Scheduler", (dask.Scheduler,), no_pages | {"check_worker_ttl": patient}),
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

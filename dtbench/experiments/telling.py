"""How a training on a worker tells the runner how far it is: through Dask's log of events, on any cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dtbench.experiments import process
from dtbench.experiments.job import Job

PAUSE = 1.0  # seconds between two notes
Heard = Callable[[str, int, int, str], None]  # name of the training, rounds done, of how many, words


def topic(run_id: str) -> str:
    """Under which trainings of a run tell."""
    return f"dtbench-{run_id}"


def run_cell(job: Job) -> tuple[str, bytes | None]:
    """Run a job on a worker, see :func:`dtbench.experiments.process.run_cell`; trainings tell how far they are."""
    if job.training is None:
        return process.run_cell(job)
    from distributed import get_worker

    worker, name, told = get_worker(), job.training.stem, [0.0, 0.0]  # told: when, and how many rounds

    def tell(done: int, total: int, words: str = "") -> None:
        now = time.monotonic()
        if done != told[1] and now >= told[0] + PAUSE:
            told[:] = [now, done]
            worker.log_event(topic(job.run_id), {"training": name, "done": done, "total": total, "words": words[:200]})

    return process.run_cell(job, tell)


def listen(client: Any, run_id: str, heard: Heard) -> None:
    """Have a function told how far trainings of a run are, from another thread."""

    def take(event: Any) -> None:
        told = event[1]
        heard(str(told["training"]), int(told["done"]), int(told["total"]), str(told["words"]))

    client.subscribe_topic(topic(run_id), take)

"""In which order the jobs of a run are worked on: trainings first, each cell when the policy that it plays is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dtbench.errors import DtbenchError
from dtbench.experiments import ending
from dtbench.experiments.job import Job, job_of
from dtbench.experiments.plan import Plan
from dtbench.experiments.planned import Planned, Training
from dtbench.experiments.policies import TrainingRecord, checked, facts_of
from dtbench.experiments.record import Record, Status
from dtbench.experiments.store import Store
from dtbench.outside import read_bytes
from dtbench.weights import MOST_BYTES


class Agenda:
    """The jobs of a run that can be worked on, and those that wait for a policy.

    Policies that the user's cache holds are copied to the results first, so that the results hold all that was played,
    and the workers of a cluster are sent it.

    Parameters
    ----------
    plan, todo
        The plan, and its cells to run in their order.
    run_id, command
        Of the run.
    store
        Results, under lock.

    Attributes
    ----------
    trainings
        Trainings to run, those that may take longest first.
    """

    def __init__(self, plan: Plan, todo: Sequence[Planned], run_id: str, command: str, store: Store) -> None:
        self.store = store
        asked = {p.training for p in todo}
        files = {}
        missing = []
        for training in plan.trainings:
            if training.stem in asked:
                job = job_of(training.planned, run_id, plan.suite, command, training)
                file = self._had(training, job)
                if file:
                    files[training.stem] = file
                else:
                    missing.append((training, job))
        missing.sort(key=lambda pair: -(float("inf") if pair[0].seconds is None else pair[0].seconds))
        self.trainings: tuple[Training, ...] = tuple(training for training, _ in missing)
        self._waiting: dict[str, list[Job]] = {training.stem: [] for training in self.trainings}
        self._ready: deque[Job] = deque(job for _, job in missing)
        for p in todo:
            job = job_of(p, run_id, plan.suite, command)
            if p.training in self._waiting:
                self._waiting[p.training].append(job)
            else:
                self._ready.append(replace(job, policy=files.get(p.training, "")))

    def take(self, count: int) -> Iterator[Job]:
        """At most so many jobs that can be worked on now, which are then no more here."""
        for _ in range(min(count, len(self._ready))):
            yield self._ready.popleft()

    def trained(self, record: TrainingRecord) -> list[Record]:
        """A training has ended, its policy is on the disk: its cells are next, or have failed with these records."""
        waiting = self._waiting.pop(record.stem)
        if record.status == "ok":
            policy = str(self.store.policies.file(record.stem).resolve())
            self._ready.extendleft(replace(job, policy=policy) for job in reversed(waiting))
            return []
        status: Status = "skipped" if record.status == "skipped" else "error"
        word = "declined" if record.status == "skipped" else f"failed ({record.status})"
        reason = f"the training of its policy {word}: {record.reason}"
        stack = "" if record.status == "skipped" else record.traceback
        return [ending.lost(job, reason, stack, status) for job in waiting]

    def _had(self, training: Training, job: Job) -> str:
        """The file of a policy that is there, in the results; empty if it must be trained."""
        policies = self.store.policies
        if training.file is None:
            return ""
        if training.state == "cached":
            try:
                header = checked(training.file, training.identity)
                content = read_bytes(training.file, MOST_BYTES)
            except DtbenchError:  # damaged, or removed since
                return ""
            policies.write(ending.found_training(job, training, facts_of(header), content), content)
        return str(policies.file(training.stem).resolve())

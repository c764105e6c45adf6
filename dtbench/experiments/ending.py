"""How a job ended: from what its process left and its supervisor saw to a record."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path
from typing import Any, Literal

from dtbench.errors import DtbenchError
from dtbench.experiments import provenance
from dtbench.experiments.job import Job
from dtbench.experiments.planned import Training
from dtbench.experiments.policies import Origin, TrainingPayload, TrainingRecord, checked, facts_of
from dtbench.experiments.record import Cell, Payload, Provenance, Record, Status
from dtbench.experiments.training_work import POLICY
from dtbench.experiments.work import SHORT, PayloadT, read_payload, read_result
from dtbench.experiments.zygote import MOST_PROCESSES
from dtbench.weights import MOST_BYTES


def scored(job: Job, report: dict[str, Any], folder: Path, made_by: Provenance) -> tuple[Record, bytes | None]:
    """The record of a cell that has ended, and its decisions, if it came that far."""
    payload = left(job.cell, report, folder, Payload)
    decisions = read_result(folder / "decisions.nc") if payload.status == "ok" else None
    if payload.status == "ok" and decisions is None:
        payload = Payload(status="crash", reason="the process ended without decisions", traceback=report["log"])
    return _believed(_record(job, report, payload, decisions, made_by), decisions)


def _believed(record: Record, decisions: bytes | None) -> tuple[Record, bytes | None]:
    """The record, or that of a failure if the times that the solver's process told cannot be.

    A curve that cannot be is left out: nothing is ranked by it.
    """
    if next(record.curve_faults(), ""):
        record = record.model_copy(update={"anytime": None})
    fault = next(record.time_faults(), "") if record.status == "ok" else ""
    if not fault:
        return record, decisions
    failure = Payload(status="invalid", reason=f"its process tells times that cannot be: {fault}")
    return record.model_copy(
        update=dict(failure) | {"objective": None, "decisions_sha256": None, "anytime": None}
    ), None


def _record(job: Job, report: dict[str, Any], payload: Payload, decisions: bytes | None, made_by: Provenance) -> Record:
    number = -report["exit"] if report["exit"] is not None and report["exit"] < 0 else None
    return Record(
        cell=job.cell,
        key=job.cell.key,
        status=payload.status,
        reason=provenance.scrub(payload.reason),
        traceback=provenance.scrub(payload.traceback),
        signal=signal_name(number) if number is not None else None,
        objective=payload.slots.mean if payload.slots else None,
        slots=payload.slots,
        decisions_sha256=hashlib.sha256(decisions).hexdigest() if decisions is not None else None,
        train_seconds=payload.train_seconds,
        wall_seconds=report["seconds"],
        peak_memory=report["peak"] or None,
        method=payload.method,
        anytime=payload.anytime,
        provenance=made_by,
    )


def trained(
    job: Job, training: Training, report: dict[str, Any], folder: Path, made_by: Provenance
) -> tuple[TrainingRecord, bytes | None]:
    """The record of a training that has ended, and its policy, which is read with suspicion."""
    payload: TrainingPayload | Payload = left(job.cell, report, folder, TrainingPayload)
    policy, facts = None, {}
    source: Origin | Literal[""] = ""
    if isinstance(payload, TrainingPayload):
        file = folder / POLICY
        try:
            policy = read_result(file, MOST_BYTES)
            if policy is None:
                raise DtbenchError("the process ended without a policy")
            facts, source = facts_of(checked(file, training.identity)), payload.source
        except DtbenchError as error:
            payload, policy = Payload(status="invalid", reason=str(error), traceback=report["log"]), None
    number = report["exit"] if report["exit"] is not None and report["exit"] < 0 else None
    failed = payload if isinstance(payload, Payload) else None
    return TrainingRecord(
        cell=job.cell,
        key=training.key,
        status=failed.status if failed else "ok",
        reason=provenance.scrub(failed.reason) if failed else "",
        traceback=provenance.scrub(failed.traceback) if failed else "",
        signal=signal_name(-number) if number is not None else None,
        source=source,
        policy_sha256=hashlib.sha256(policy).hexdigest() if policy is not None else None,
        training=facts,
        wall_seconds=report["seconds"],
        peak_memory=report["peak"] or None,
        provenance=made_by,
    ), policy


def left(cell: Cell, report: dict[str, Any], folder: Path, kind: type[PayloadT]) -> PayloadT | Payload:
    """The result of a kind that the cell left, or what its end says: exactly one status."""
    verdict, code = report["verdict"], report["exit"]
    log = _without_modules(report["log"])

    def failed(status: Status, reason: str) -> Payload:
        return Payload(status=status, reason=reason, traceback=log)

    if verdict == "timeout":
        return failed("timeout", f"killed at the limit of {cell.limits.seconds:g} s")
    if verdict == "memory":
        return failed("memory", f"killed above the limit of {cell.limits.memory / 2**30:g} GiB of resident memory")
    if verdict == "files":
        return failed("error", "killed: it wrote more to its temporary folder than a cell may")
    if verdict == "processes":
        return failed("error", f"killed: it started more than {MOST_PROCESSES} processes")
    if verdict == "lost":
        return failed("crash", "the process that supervises the cell was killed or stopped")
    if code in (0, SHORT):
        found = read_payload(folder, kind)
        if found is not None:
            return found
    if code is not None and code < 0:
        if "bad_alloc" in log:
            return failed("memory", "an allocation failed in native code (std::bad_alloc)")
        hint = ", not by dtbench: the kernel does so when memory runs out" if -code == signal.SIGKILL else ""
        return failed("crash", f"the process was killed by {signal_name(-code)}{hint}")
    return failed("crash", f"the process ended with exit code {code} before there was a result")


def _without_modules(log: str) -> str:
    """A log without the list of modules that faulthandler adds, which is long."""
    lines = log.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Extension modules: "))


def signal_name(number: int) -> str:
    """``SIGABRT`` for 6."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def lost(job: Job, reason: str, traceback: str = "", status: Status = "crash") -> Record:
    """The record of a cell that was not run: its worker died or failed around it, or its policy could not be had."""
    return Record(
        cell=job.cell,
        key=job.cell.key,
        status=status,
        reason=provenance.scrub(reason),
        traceback=provenance.scrub(traceback),
        wall_seconds=0.0,
        provenance=job.provenance(),
    )


def lost_training(job: Job, training: Training, reason: str, traceback: str = "") -> TrainingRecord:
    """The record of a training whose worker died or failed around it."""
    return TrainingRecord(
        cell=job.cell,
        key=training.key,
        status="crash",
        reason=provenance.scrub(reason),
        traceback=provenance.scrub(traceback),
        wall_seconds=0.0,
        provenance=job.provenance(),
    )


def found_training(job: Job, training: Training, facts: dict[str, Any], policy: bytes) -> TrainingRecord:
    """The record of a training that took place before this run: its policy is from the user's cache."""
    return TrainingRecord(
        cell=job.cell,
        key=training.key,
        status="ok",
        source="cache",
        policy_sha256=hashlib.sha256(policy).hexdigest(),
        training=facts,
        wall_seconds=0.0,
        provenance=job.provenance(),
    )

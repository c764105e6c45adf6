"""What happens inside the process of one cell: limits that it sets itself, solver, referee, result.

The result is a JSON file and a netCDF file in the job's folder; what a solver prints goes through a pipe
to the supervisor and is never parsed.
"""

from __future__ import annotations

import errno
import faulthandler
import gc
import json
import math
import os
import resource
import signal
import stat
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter as clock  # as it is before a solver's file runs, which may replace time.perf_counter
from typing import Any, TypeVar

from dtbench import files
from dtbench.anytime import MOST
from dtbench.errors import Declined, DtbenchError, InvalidDecision
from dtbench.experiments import decisions, failure, reported
from dtbench.experiments.opening import NOTE, opened, progress_of
from dtbench.experiments.record import Anytime, Cell, Payload, Slots, Status, Strict
from dtbench.referee import Trajectory, play

PAYLOAD = "payload.json"
NOTE_LENGTH = 1000  # byte
DECISIONS = "decisions.nc"
SCRATCH = "scratch"  # the cell's folder for temporary files
RESULT = 2**29  # byte: the largest result that is read
OPEN_FILES, SPARE_FILES = 4096, 64  # that a cell may open; of them those that are kept for its result
SHORT = os.EX_TEMPFAIL  # exit code of a cell that failed for want of disk, processes or the like
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
ADDRESS_SPACE_MARGIN = 2 * 2**30  # byte: code, thread stacks and allocator arenas that are mapped but not used


def main(job: dict[str, Any], log: int) -> int:
    """Run the cell of a job and leave its result in the job's folder; what is printed goes to the file ``log``.

    Returns
    -------
    int
        The exit code: 0, or :data:`SHORT` where the machine may have failed and not the solver.
    """
    _redirect(log)
    try:
        return _main(job)
    except OSError as error:
        print(failure.stack(error), file=sys.stderr)
        return SHORT if failure.is_shortage(error) else 1


def _main(job: dict[str, Any]) -> int:
    folder = Path(job["folder"])
    cell = Cell.model_validate(job["cell"])
    _use_scratch(folder / SCRATCH)
    _use_cache(job["cache"])
    _limit(cell, job["room"])
    faulthandler.enable()  # a crash in native code leaves the Python stack in the log,
    faulthandler.register(signal.SIGTERM, chain=True)  # and so does the time limit
    payload, short = _guarded(cell, job, folder)
    _limit_address_space(None)  # a result fits, even if the solver's arrays did not
    _open_spare_files()  # it can be written, even if the solver opened all files that it could
    part = folder / (PAYLOAD + ".part")
    part.write_text(payload.model_dump_json(), encoding="utf-8")
    part.rename(folder / PAYLOAD)
    return SHORT if short else 0


def _redirect(log: int) -> None:
    """Standard input is empty; what is printed goes to the log."""
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for end in (1, 2):
        os.dup2(log, end)
    os.close(log)
    for name, end in (("stdout", 1), ("stderr", 2)):  # new ones: those of the zygote may think that they are files
        stream = open(end, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)  # line by line: the log of a killed cell is complete
        setattr(sys, f"__{name}__", stream)


def _use_scratch(folder: Path) -> None:
    """Temporary files of the cell, and of what it starts, lie in its folder and go with it."""
    folder.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(folder)
    tempfile.tempdir = None  # asks the environment again


def _use_cache(folder: str) -> None:
    """The runner's cache of now, which need not be that of when the zygote was started."""
    os.environ.pop(files.CACHE, None)
    if folder:
        os.environ[files.CACHE] = folder


def _limit(cell: Cell, files: int) -> None:
    """Address space, size of files, core files, open files, threads. Resident memory and wall clock, and how much all
    files hold together, are the supervisor's.
    """
    from threadpoolctl import threadpool_limits

    _limit_address_space(cell.limits.memory + ADDRESS_SPACE_MARGIN)
    _lower(resource.RLIMIT_FSIZE, files)  # Python ignores SIGXFSZ: a write beyond is an OSError
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, max(hard - SPARE_FILES, SPARE_FILES)), hard))
    for name in THREAD_VARIABLES:
        os.environ[name] = str(cell.limits.threads)
    threadpool_limits(limits=cell.limits.threads)


def _lower(kind: int, most: int) -> None:
    """Lower a limit for good, for the cell and all that it starts."""
    soft, hard = (most if each == resource.RLIM_INFINITY else min(each, most) for each in resource.getrlimit(kind))
    resource.setrlimit(kind, (soft, hard))


def _open_spare_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _limit_address_space(wanted: int | None) -> None:
    """Linux only: elsewhere the limit is not kept, or cannot be set."""
    if sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        least = hard if wanted is None else wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (least, hard))


def _guarded(cell: Cell, job: dict[str, Any], folder: Path) -> tuple[Strict, bool]:
    """Run the cell; whatever the solver raises becomes a status. Also whether the machine may be what failed."""
    try:
        return _task(cell, job, folder), False
    except Declined as declined:
        return Payload(status="skipped", reason=failure.message(declined) or "the solver gave no reason"), False
    except InvalidDecision as error:
        return _failed("invalid", error), False
    except MemoryError as error:
        gc.collect()
        return _failed("memory", error), False
    except SystemExit as error:
        given = error.code
        shown = failure.words(lambda: repr(given), failure.REASON)
        return Payload(status="crash", reason=f"the solver ended the process with sys.exit({shown})"), False
    except BaseException as error:
        lacks_memory = isinstance(error, OSError) and error.errno == errno.ENOMEM
        return _failed("memory" if lacks_memory else "error", error), failure.is_shortage(error)


def _failed(status: Status, error: BaseException) -> Payload:
    if isinstance(error, DtbenchError):  # says what to mend
        return Payload(status=status, reason=failure.message(error))
    return Payload(status=status, reason=failure.reason(error), traceback=failure.stack(error))


def _task(cell: Cell, job: dict[str, Any], folder: Path) -> Strict:
    """Do what the job asks for: score the solver, train its policy, or say which training that would be."""
    if job["task"] == "score":
        return _score(cell, job, folder)
    from dtbench.experiments import training_work  # few cells need what it imports

    return training_work.train(cell, job, folder) if job["task"] == "train" else training_work.ask(cell, job, folder)


def _score(cell: Cell, job: dict[str, Any], folder: Path) -> Payload:
    progress = progress_of(job, folder)
    owner, instance, regime, solver = opened(cell, job, progress)
    if job["policy"]:
        vars(solver)["prepared"] = Path(job["policy"])  # of a LearnedSolver: nobody else has trainings of their own
    began = clock()
    solver.train()
    train_seconds = clock() - began if type(solver).trains else None
    training = reported.training(solver.training)
    if training is not None:
        train_seconds = training["seconds"]  # of the training itself, wherever it took place
    trajectory = play(owner, instance, solver, regime, progress, listen=True)
    scores = trajectory.scores
    bad = [t for t, value in enumerate(scores.objective.tolist()) if not math.isfinite(value)]
    if bad:
        raise InvalidDecision(f"objective of slot {bad[0]} is {scores.objective[bad[0]]}; expected a finite number")
    decisions.write(folder / DECISIONS, owner, trajectory.decisions)
    slots = Slots(
        objective=scores.objective.tolist(),
        repaired=scores.repaired.tolist(),
        feasible=scores.feasible.tolist(),
        seconds=trajectory.seconds.tolist(),
        bound=[c.bound if c is not None and math.isfinite(c.bound) else None for c in trajectory.certificates],
    )
    method = {"regime": regime} | _method(trajectory)
    method |= {} if training is None else {"training": training}
    curve = _curve(trajectory, slots.mean)
    return Payload(status="ok", slots=slots, train_seconds=train_seconds, method=method, anytime=curve)


def _curve(trajectory: Trajectory, objective: float) -> Anytime | None:
    """What was known when, as a record holds it; its last incumbent is the objective to the last digit."""
    curve = trajectory.curve
    if curve is None or not len(curve.seconds):
        return None
    incumbent, bound = (
        [value if math.isfinite(value) else None for value in values.tolist()]
        for values in (curve.incumbent, curve.bound)
    )
    return Anytime(
        of="horizon" if trajectory.planned else "slot", seconds=curve.seconds.tolist()[-MOST:],
        incumbent=[*incumbent[-MOST:-1], objective], bound=bound[-MOST:],
    )  # fmt: skip


def _method(trajectory: Trajectory) -> dict[str, Any]:
    """What the certificates have in common: methods, backends, how many slots ended in which status."""
    found = [c for c in (*trajectory.certificates, trajectory.horizon) if c is not None]
    if not found:
        return {}
    whole = trajectory.horizon
    horizon = {"horizon_bound": whole.bound} if whole is not None and math.isfinite(whole.bound) else {}
    return (
        horizon
        | _prices(trajectory)
        | {
            "method": failure.cut(", ".join(sorted({c.method for c in found})), failure.REASON),
            "backend": failure.cut(", ".join(sorted({c.backend for c in found})), failure.REASON),
            "statuses": dict(sorted(Counter(c.status for c in found).items())),
        }
    )


def _prices(trajectory: Trajectory) -> dict[str, Any]:
    """Dual prices by name, as lists with a leading time axis; null in slots whose certificate has none."""
    if trajectory.horizon is not None:
        told = {name: value.tolist() for name, value in trajectory.horizon.prices.items()}
    else:
        names = {name for c in trajectory.certificates if c is not None for name in c.prices}
        told = {
            name: [c.prices[name].tolist() if c is not None and name in c.prices else None
                   for c in trajectory.certificates]
            for name in sorted(names)
        }  # fmt: skip
    return {"prices": told} if told else {}


def read_note(folder: Path) -> tuple[int, int, str]:
    """The last note of a cell; nothing done of an unknown total before there is one, or if a solver spoiled it."""
    try:
        done, total, words = json.loads(read_result(folder / NOTE, NOTE_LENGTH) or b"")
        return max(int(done), 0), max(int(total), 0), "".join(sign for sign in str(words) if sign.isprintable())
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return 0, 0, ""


PayloadT = TypeVar("PayloadT", bound=Strict)


def read_payload(folder: Path, kind: type[PayloadT]) -> PayloadT | Payload | None:
    """The result of a kind that a job left, or how it says that it failed; None if it left none that can be read."""
    try:
        content = read_result(folder / PAYLOAD)
        facts = None if content is None else json.loads(content)
        if not isinstance(facts, dict):
            return None
        return (kind if facts.get("status") == "ok" else Payload).model_validate(facts)
    except (ValueError, RecursionError):
        return None


def read_result(file: Path, most: int = RESULT) -> bytes | None:
    """What a plain file of at most ``most`` bytes holds; None where there is no such file.

    Raises
    ------
    OSError
        If the machine cannot read it now.
    """
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as stream:
            there = os.fstat(stream.fileno())
            return stream.read() if stat.S_ISREG(there.st_mode) and there.st_size <= most else None
    except OSError as error:
        if error.errno in failure.SHORTAGES:
            raise
        return None

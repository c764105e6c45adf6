"""What happens inside the process of one cell: limits, solver, referee, result.

The result is a JSON file and a netCDF file in the job's folder; what a solver prints goes to a log and is never parsed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import hashlib
import io
import json
import math
import os
import random
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter as clock  # as it is before a solver's file runs, which may replace time.perf_counter
from typing import Any

import numpy as np

from dtbench import files
from dtbench.core import AnyProblem
from dtbench.errors import Declined, DtbenchError, InvalidDecision
from dtbench.experiments import decisions
from dtbench.experiments.record import Cell, Payload, Slots, Status
from dtbench.library import instances
from dtbench.plugins.discovery import load_solver, read_solver_file
from dtbench.problems import problem, registry, source_sha256
from dtbench.referee import Trajectory, play
from dtbench.solver import Solver, rule_solver

LOG = "log.txt"
PAYLOAD = "payload.json"
DECISIONS = "decisions.nc"
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
ADDRESS_SPACE_MARGIN = 2 * 2**30  # byte: code, thread stacks and allocator arenas that are mapped but not used


def main(job: dict[str, Any]) -> int:
    """Run the cell of a job and leave its result in the job's folder; returns the exit code."""
    folder = Path(job["folder"])
    cell = Cell.model_validate(job["cell"])
    _redirect(folder / LOG)
    _limit(cell)
    faulthandler.enable()  # a crash in native code leaves the Python stack in the log,
    faulthandler.register(signal.SIGTERM, chain=True)  # and so does the time limit
    payload = _guarded(cell, job, folder)
    _limit_address_space(None)  # a result fits, even if the solver's arrays did not
    part = folder / (PAYLOAD + ".part")
    part.write_text(payload.model_dump_json(), encoding="utf-8")
    part.rename(folder / PAYLOAD)
    return 0


def _redirect(log: Path) -> None:
    """Standard input is empty; what is printed goes to a file."""
    with open(os.devnull, "rb") as nothing, log.open("wb") as file:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="replace")  # the log of a killed cell is complete


def _limit(cell: Cell) -> None:
    """Address space, core files, threads. Resident memory and wall clock are the supervisor's."""
    from threadpoolctl import threadpool_limits

    _limit_address_space(cell.limits.memory + ADDRESS_SPACE_MARGIN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for name in THREAD_VARIABLES:
        os.environ[name] = str(cell.limits.threads)
    threadpool_limits(limits=cell.limits.threads)


def _limit_address_space(wanted: int | None) -> None:
    """Linux only: elsewhere the limit is not kept, or cannot be set."""
    if sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        least = hard if wanted is None else wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (least, hard))


def _guarded(cell: Cell, job: dict[str, Any], folder: Path) -> Payload:
    """Run the cell; whatever the solver raises becomes a status."""
    try:
        return _run(cell, job, folder)
    except Declined as declined:
        return Payload(status="skipped", reason=_line(declined) or "the solver gave no reason")
    except InvalidDecision as error:
        return _failure("invalid", error)
    except MemoryError as error:
        gc.collect()
        return _failure("memory", error)
    except SystemExit as error:
        return Payload(status="crash", reason=f"the solver ended the process with sys.exit({error.code!r})")
    except BaseException as error:
        return _failure("error", error)


def _failure(status: Status, error: BaseException) -> Payload:
    if isinstance(error, DtbenchError):  # says what to mend
        return Payload(status=status, reason=_line(error))
    text = "".join(traceback.format_exception(error))
    return Payload(status=status, reason=f"{type(error).__name__}: {_line(error)}", traceback=text)


def _line(error: BaseException) -> str:
    try:
        return str(error).strip().split("\n")[0]
    except Exception as broken:
        return f"(its message cannot be made: {type(broken).__name__})"


def _run(cell: Cell, job: dict[str, Any], folder: Path) -> Payload:
    owner = _problem(cell, job["problems_paths"])
    file = located(job["instance_file"], "instances", cell.instance_sha256)
    instance = instances.load(cell.instance if job["shipped"] else file)
    solver_class = _solver_class(cell, job["solver_file"])
    _seed_globals(cell.seed)
    solver = solver_class(owner, instance, seed=cell.seed, **cell.options)
    began = clock()
    solver.train()
    train_seconds = clock() - began if solver_class.trains else None
    if solver.training is not None:
        train_seconds = float(solver.training["seconds"])  # of the training itself, wherever it took place
    trajectory = play(owner, instance, solver)
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
    method = _method(trajectory) | ({"clairvoyant": True} if solver_class.clairvoyant else {})
    method |= {} if solver.training is None else {"training": solver.training}
    return Payload(status="ok", slots=slots, train_seconds=train_seconds, method=method)


def _problem(cell: Cell, folders: Sequence[str]) -> AnyProblem:
    """The cell's problem on this machine, from the folders that it was planned with.

    Raises
    ------
    DtbenchError
        If it is not here, or its package is another one than that of the plan.
    """
    registry.look_in(folder for folder in folders if Path(folder).is_dir())
    owner = problem(cell.problem)
    if folders and source_sha256(cell.problem) != cell.problem_sha256:
        raise DtbenchError(
            f"the package of problem '{cell.problem}' was changed after the run was planned. Plan again; on a cluster, "
            "give every worker the same files."
        )
    return owner


def _seed_globals(seed: int) -> None:
    """Seed the global generators: cells are forks of one process, and would all draw the same from them."""
    first, second = np.random.SeedSequence(seed).generate_state(2)
    np.random.seed(first)  # noqa: NPY002
    random.seed(int(second))


def located(given: str, shipped: str, sha256: str) -> Path:
    """The file of a job on this machine: the path itself, or the same file in this machine's shipped folder.

    Raises
    ------
    DtbenchError
        If neither has the checksum that the cell was planned with.
    """
    path = Path(given)
    home = files.folder(shipped)
    for candidate in (path, home / path.name, home / path.parent.name / path.name):
        with contextlib.suppress(OSError):
            if hashlib.sha256(candidate.read_bytes()).hexdigest() == sha256:
                return candidate
    raise DtbenchError(
        f"'{path.name}' is missing here or was changed after the run was planned (expected SHA-256 {sha256[:12]}...). "
        "Plan again; on a cluster, give every worker the same files."
    )


def _solver_class(cell: Cell, given: str) -> type[Solver]:
    """The class in a solver's file; of a rule of the problem, where no file is given."""
    if not given:
        return rule_solver(cell.solver)
    file = located(given, "solvers", cell.solver_sha256)
    for entry in read_solver_file(file):
        if entry.name == cell.solver:
            sys.path.insert(0, str(file.parent))  # a solver may import files beside it
            return load_solver(entry)
    raise DtbenchError(f"'{file.name}' holds no solver '{cell.solver}'.")


def _method(trajectory: Trajectory) -> dict[str, Any]:
    """What the certificates have in common: methods, backends, how many slots ended in which status."""
    found = [c for c in (*trajectory.certificates, trajectory.horizon) if c is not None]
    if not found:
        return {}
    whole = trajectory.horizon
    horizon = {"horizon_bound": whole.bound} if whole is not None and math.isfinite(whole.bound) else {}
    return horizon | {
        "method": ", ".join(sorted({c.method for c in found})),
        "backend": ", ".join(sorted({c.backend for c in found})),
        "statuses": dict(sorted(Counter(c.status for c in found).items())),
    }


def read_payload(folder: Path) -> Payload | None:
    """The result that a cell left, None if it left none that can be read."""
    file = folder / PAYLOAD
    try:
        return Payload.model_validate(json.loads(file.read_bytes()))
    except (OSError, ValueError):
        return None

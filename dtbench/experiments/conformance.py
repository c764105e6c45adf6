"""The conformance tests of a solver: what every method must keep to, tried on small instances under limits."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dtbench.core import Instance
from dtbench.envs import make_env
from dtbench.errors import DtbenchError
from dtbench.experiments.job import job_of
from dtbench.experiments.plan import planned
from dtbench.experiments.process import run_cell
from dtbench.experiments.record import CellLimits, Record, Scalar
from dtbench.experiments.suite import instance_file
from dtbench.library import instances
from dtbench.plugins.discovery import SolverEntry
from dtbench.problems import all_problems
from dtbench.progress import Step, untold

LIMITS = CellLimits(seconds=120.0, memory=4 * 2**30)
SEED = 987_654  # fresh instances: nothing is ever tuned on the library
SIZE = "tiny"
BRIEF: Mapping[str, Scalar] = {"episodes": 8, "traces": 2, "cache": False}  # of agents that learn, where they take it
HOME = "what it was trained on"
FEW: Mapping[str, Scalar] = {"generations": 20}  # of searches, where they take it


@dataclass(frozen=True)
class Check:
    """One test and what came out."""

    problem: str
    what: str
    passed: bool
    detail: str = ""


def check(entry: SolverEntry, progress: Step = untold, *, problems: Collection[str] | None = None) -> Iterator[Check]:
    """Try a solver on a fresh tiny instance of every problem that it takes, or of those of ``problems`` that it takes.

    Tests: the file says what it is for; it ends ``ok`` (or declines, with a reason); the same seed gives the same
    decisions; a solver that calls itself deterministic does not depend on the seed. That instances stay as they are,
    and that decisions have the right shape and are finite, is part of ending ``ok``. Agents that learn are trained for
    a few episodes, searches run for a few generations; nothing is kept. A policy that was trained elsewhere and
    declines the fresh instance is tried on what it was trained on. ``progress`` is told of each problem.
    """
    yield Check("", "the file's first line says what it is for", bool(entry.summary), entry.summary)
    with tempfile.TemporaryDirectory() as folder:
        taken = [id for id in all_problems() if entry.takes(id) and (problems is None or id in problems)]
        for number, id in enumerate(taken):
            progress(number, len(taken), f"problems: {id}")
            file = Path(folder) / f"{id}.nc"
            instances.save(file, all_problems()[id].generate(SIZE, SEED))
            yield from _try(entry, id, file)


def _try(entry: SolverEntry, problem: str, file: Path, what: str = "a fresh instance") -> Iterator[Check]:
    first = _run(entry, file, seed=0)
    if first.status == "skipped":
        yield Check(problem, "declines with a reason", bool(first.reason), first.reason)
        home = _home(entry)
        if home is not None and home.problem == problem and what != HOME:
            instances.save(file.with_name("home.nc"), home)
            yield from _try(entry, problem, file.with_name("home.nc"), HOME)
        return
    detail = first.reason if first.status != "ok" else f"objective {first.objective:.6g}, {_repaired(first)}"
    if first.traceback and first.status != "ok":
        detail += "\n" + first.traceback.strip()
    yield Check(problem, f"solves {what}", first.status == "ok", detail)
    if first.status != "ok":
        return
    again = _run(entry, file, seed=0)
    same = again.decisions_sha256 == first.decisions_sha256
    yield Check(problem, "same seed, same decisions", same, "" if same else "draw from self.rng only")
    if entry.deterministic:
        other = _run(entry, file, seed=1)
        same = other.decisions_sha256 == first.decisions_sha256
        yield Check(problem, "deterministic: the seed changes nothing", same, "" if same else "remove 'deterministic'")


def _home(entry: SolverEntry) -> Instance | None:
    """What a policy that was trained elsewhere was trained on; None of other solvers, and of what does not exist."""
    if not entry.trained_on or entry.file is None:
        return None
    beside = entry.file.parent / entry.trained_on
    try:
        home: Instance = make_env(str(beside) if beside.is_file() else entry.trained_on).instance
    except DtbenchError:
        return None
    return home


def _run(entry: SolverEntry, file: Path, seed: int) -> Record:
    known = {option.name: option.kind for option in entry.options or ()}
    brief = BRIEF if entry.trains else FEW
    options = {name: value for name, value in brief.items() if known.get(name) == type(value).__name__}
    record, _ = run_cell(job_of(planned(entry, instance_file(file), seed=seed, limits=LIMITS, options=options)))
    return Record.model_validate_json(record)


def _repaired(record: Record) -> str:
    return f"{100 * (record.repaired_share or 0.0):.3g} % of slots repaired"

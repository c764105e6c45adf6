"""Demonstrations: fresh traces with what an exact method decides on them, for methods that learn from the optimum.

Traces are drawn on the networks of the library's instances of a size, one network after the other; none is a trace of
the library, of training or of ``dtbench fresh``. A trace depends on the seed and its number only, so more of them can
be asked for later. They are files beside a suite, and solved as any suite is: in processes of their own, resumable.
What they come to is gathered in one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from dtbench import netcdf
from dtbench.core import AnyProblem, Decision
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions
from dtbench.experiments.fresh import SUITE, TRACES, networks, suite_text
from dtbench.experiments.record import Record, Slots
from dtbench.experiments.store import Store
from dtbench.experiments.suite import Suite, read
from dtbench.experiments.tables import SolverTable
from dtbench.files import write_safely
from dtbench.library import instances
from dtbench.netcdf import Content, Variable

SEED = 40_000  # of traces: above those of training (10 000 and on) and of fresh ones (20 000)
FILE = "demonstrations.nc"


def prepare(owner: AnyProblem, size: str, method: SolverTable, folder: Path, *, count: int, seed: int) -> Suite:
    """Write fresh traces, and the suite that solves them; files that are there already are the same.

    Raises
    ------
    DtbenchError
        If the library has no instance of the size, whose networks to take.
    """
    (folder / TRACES).mkdir(parents=True, exist_ok=True)
    known, files = networks(owner, size), []
    for number in range(count):
        file = folder / TRACES / f"{size}-seed{seed}-trace{number:05d}.nc"
        if not file.is_file():
            rng = np.random.default_rng([SEED, seed, number])
            instances.save(file, owner.resample(known[number % len(known)], rng))
        files.append(f"{TRACES}/{file.name}")
    text = suite_text(f"demonstrations-{owner.id}-{size}-{seed}", files, [method], 1)
    write_safely(folder / SUITE, text.encode())
    return read(folder / SUITE)


def solved(records: Iterable[Record]) -> list[Record]:
    """Records of traces that were solved, in the order of their numbers."""
    return sorted((r for r in records if r.slots is not None), key=lambda r: r.cell.instance)


def gather(owner: AnyProblem, store: Store, records: Iterable[Record], file: Path) -> int:
    """Write what was decided on all traces that were solved, in the order of their numbers, and give their number.

    The file holds, with leading axes ``demonstration`` (D) and ``time`` (T), the fields of the decisions, ``objective``
    ``bound``, which is NaN where none is proved, and dual prices ``price_<name>``, where the method has
    some. With the axis (D,) it holds ``trace``, its number, and
    ``horizon_bound``, a bound on the mean objective over the horizon.

    Raises
    ------
    DtbenchError
        If no trace was solved, or decisions had to be repaired.
    """
    having = solved(records)
    if not having:
        raise DtbenchError(f"no trace of '{store.folder}' was solved, so there is nothing to write to '{file}'.")
    repaired = [r.cell.instance for r in having if r.slots is not None and any(r.slots.repaired)]
    if repaired:
        raise DtbenchError(f"decisions on '{repaired[0]}' had to be repaired; name a method that needs no repair.")
    given: list[Decision] = [decisions.read(store.decisions(r.cell.stem), owner) for r in having]
    variables = netcdf.variables_of(type(given[0]).stack(given), lead=("demonstration", "time"))
    slots: list[Slots] = [r.slots for r in having if r.slots is not None]
    objective = np.array([s.objective for s in slots])
    bound = np.array([[np.nan if b is None else b for b in s.bound] for s in slots])
    coupled = [owner.coupled(instances.load(store.instance_of(r.cell)).params) for r in having]
    whole = [r.horizon_bound(c) for r, c in zip(having, coupled, strict=True)]
    numbers = np.array([int(Path(r.cell.instance).stem.rpartition("trace")[2]) for r in having], dtype=np.int64)
    both = ("demonstration", "time")
    variables |= {
        "objective": Variable(both, objective, owner.unit, "objective of the slot"),
        "bound": Variable(both, bound, owner.unit, "proved bound on the objective of the slot; NaN if there is none"),
        "horizon_bound": Variable(
            ("demonstration",), np.array([np.nan if b is None else b for b in whole]), owner.unit,
            "proved bound on the mean objective over the horizon; NaN if there is none",
        ),
        "trace": Variable(("demonstration",), numbers, "1", "number of the trace in the names of the files in traces/"),
    }  # fmt: skip
    variables |= _prices(having)
    header = netcdf.header(
        f"{owner.title}: demonstrations of {having[0].cell.label}",
        f"What {having[0].cell.label} decides on fresh traces of {owner.id}, with objective and bound of each slot.",
        problem=owner.id, size=having[0].cell.size, solver=having[0].cell.solver,
    )  # fmt: skip
    netcdf.write(file, Content(variables, header))
    return len(having)


def _prices(having: Sequence[Record]) -> dict[str, Variable]:
    """Dual prices with axes demonstration, time and the method's own; NaN in slots without any."""
    names = sorted({name for record in having for name in record.method.get("prices", {})})
    found = {}
    for name in names:
        told = [record.method.get("prices", {}).get(name) or [None] * len(record.slots.objective)
                for record in having if record.slots is not None]  # fmt: skip
        shape = next(np.shape(slot) for trace in told for slot in trace if slot is not None)
        value = np.array([[np.full(shape, np.nan) if slot is None else slot for slot in trace] for trace in told])
        axes = ("demonstration", "time", *(f"{name}_{axis}" for axis in range(len(shape))))
        found[f"price_{name}"] = Variable(axes, value, "1", f"dual price '{name}' of the certificate, per unit of "
                                          "what is scarce; NaN if there is none")  # fmt: skip
    return found

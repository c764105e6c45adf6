"""Cells and their records: what is asked for, and the evidence of what came out.

Records are JSON, checked against this schema when they are read back. Decisions lie beside the record as netCDF.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dtbench.anytime import MOST
from dtbench.core import Sense
from dtbench.regime import REGIMES, Regime

Status = Literal["ok", "skipped", "timeout", "memory", "crash", "error", "invalid"]
STATUSES: tuple[Status, ...] = ("ok", "skipped", "timeout", "memory", "crash", "error", "invalid")
Scalar = bool | int | float | str
Finite = Annotated[float, Field(allow_inf_nan=False)]
FiniteScalar = bool | int | Finite | str


DECISIVE = ("problem_sha256", "instance_sha256", "solver", "solver_sha256", "options", "seed", "limits")
DEEPEST = 50  # lists and dicts in each other
LATEST = 30.0  # seconds past its limit after which a cell has long been stopped
ROUNDING = 1e-6  # seconds, and relative: sums of times
EARLIER: dict[str, Regime] = {"policy": "global", "clairvoyant": "future"}  # what records of dtbench 0.1 call them
SEALED = 2  # the schema's version since which a record holds a checksum of its content
SOMETIMES = ("checkpoints_sha256",)  # decisive where it is not empty: keys of cells without it stay as they were


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON cannot hold: NaN, and lists without end."""
    if _deeper(facts, DEEPEST):
        raise ValueError("nested too deep")
    json.dumps(facts, allow_nan=False)
    return facts


def _deeper(value: Any, depth: int) -> bool:
    """Whether lists and dicts are nested deeper than that. How deep Python itself goes depends on its version."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return any(depth == 0 or _deeper(each, depth - 1) for each in inner)


Facts = Annotated[dict[str, Any], AfterValidator(_plain)]


class Strict(BaseModel):
    """Frozen; unknown fields, and values of another type than declared, are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class CellLimits(Strict):
    """What a cell may use: wall-clock seconds, bytes of memory, threads."""

    seconds: Finite = Field(gt=0, default=3600.0)
    memory: int = Field(gt=0, default=8 * 2**30)
    threads: int = Field(ge=1, default=1)


class Cell(Strict):
    """Instance x solver x seed: the unit of work. Equal cells have equal keys."""

    problem: str
    problem_sha256: str = ""  # of the sources of the problem's package
    instance: str  # name in the library, "stin-deployment/paper-000", or the path of a file
    size: str
    instance_sha256: str
    solver: str
    solver_sha256: str
    solver_file: str  # file name, without its folder
    checkpoints_sha256: str = ""  # of the files that a learned policy may come from; empty if there are none
    label: str  # how the leaderboard calls solver and options
    options: dict[str, FiniteScalar] = Field(default_factory=dict)
    seed: int = Field(ge=0)
    limits: CellLimits = CellLimits()

    @property
    def key(self) -> str:
        """Hash of all that can change the result: what a finished cell is recognised by."""
        facts = self.model_dump(include={*DECISIVE, *(name for name in SOMETIMES if getattr(self, name))})
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def stem(self) -> str:
        """File name of the record without its suffix; the same for every version of instance, solver and limits."""
        facts = json.dumps([self.instance, self.solver, self.options, self.seed], sort_keys=True)
        short = hashlib.sha256(facts.encode()).hexdigest()[:8]
        instance = self.instance.split("/")[-1].removesuffix(".nc")
        return f"{self.problem}--{instance}--{self.solver}--s{self.seed}--{short}"


class Slots(Strict):
    """Slot by slot, length T each: objective after repair, whether repaired, whether then feasible, seconds, bound."""

    objective: list[Finite]
    repaired: list[bool]
    feasible: list[bool]
    seconds: list[Finite]
    bound: list[Finite | None]

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        slots = len(self.objective)
        if not slots == len(self.repaired) == len(self.feasible) == len(self.seconds) == len(self.bound) or not slots:
            lengths = {name: len(getattr(self, name)) for name in type(self).model_fields}
            raise ValueError(f"slots have unequal or no lengths: {lengths}")
        return self

    @property
    def mean(self) -> float:
        """The horizon's objective: the mean over slots."""
        return math.fsum(self.objective) / len(self.objective)


class Anytime(Strict):
    """What was known when: from so many seconds on, the mean objective over slots and a bound of it.

    ``of`` says whose seconds: of each ``slot``, all stopped after the same time, or of the whole ``horizon``. A value
    is None until every slot has one. The last point is the end. See :mod:`dtbench.anytime`.
    """

    of: Literal["slot", "horizon"]
    seconds: list[Finite] = Field(min_length=1, max_length=MOST)
    incumbent: list[Finite | None]
    bound: list[Finite | None]

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if not len(self.seconds) == len(self.incumbent) == len(self.bound):
            raise ValueError("seconds, incumbent and bound have unequal lengths")
        return self

    def faults(self, sense: Sense | None = None) -> Iterator[str]:
        """What cannot be, whatever was solved: times that do not rise; values that get worse, or are lost again.

        Without a sense the incumbents say it: they get better.
        """
        if self.seconds[0] < 0 or any(b <= a for a, b in itertools.pairwise(self.seconds)):
            yield "times do not rise"
        sign = {"min": -1.0, "max": 1.0}.get(sense or "", 0.0)
        for name, ways in (("incumbent", sign), ("bound", -sign)):
            known: list[float | None] = getattr(self, name)
            values = [value for value in known if value is not None]
            if known[len(known) - len(values) :] != values:
                yield f"the {name} is known, and later it is not"
            steps = [b - a for a, b in itertools.pairwise(values) if not math.isclose(a, b, rel_tol=ROUNDING)]
            rises = [step > 0.0 for step in steps]
            if (ways and any(step * ways < 0.0 for step in steps)) or (rises and any(rises) != all(rises)):
                yield f"the {name} gets worse"


class Payload(Strict):
    """What the process of a cell leaves behind: the part of a record that only it can know."""

    status: Status
    reason: str = ""
    traceback: str = ""
    slots: Slots | None = None
    train_seconds: Finite | None = None
    method: Facts = Field(default_factory=dict)
    anytime: Anytime | None = None

    @model_validator(mode="after")
    def _slots_if_ok(self) -> Self:
        if (self.status == "ok") != (self.slots is not None):
            raise ValueError(f"status is '{self.status}'; slots belong to 'ok' and to nothing else")
        return self


class Provenance(Strict):
    """Where a record comes from. ``speed`` of the machine: see :mod:`dtbench.experiments.calibration`."""

    dtbench: str
    commit: str | None
    python: str
    versions: dict[str, str]
    platform: str
    cpu: str
    cores: int
    speed: Finite | None = None  # earlier records do not tell it
    started: str  # UTC, ISO 8601
    command: str
    suite: str | None
    suite_sha256: str | None


class Record(Strict):
    """Evidence of one cell. ``objective`` is the mean of ``slots.objective``; None unless the status is ``ok``.

    ``sha256`` is a checksum of everything else, set when the record is written; records of version 1 have none. It
    finds damage and careless edits; whoever edits a record on purpose can compute it again.
    """

    schema_version: Literal[1, 2] = 2
    cell: Cell
    key: str
    status: Status
    reason: str = ""  # one line: why it was skipped or how it failed
    traceback: str = ""  # or the tail of what the solver printed
    signal: str | None = None
    objective: Finite | None = None
    slots: Slots | None = None
    decisions_sha256: str | None = None
    train_seconds: Finite | None = None
    wall_seconds: Finite
    peak_memory: int | None = None  # bytes
    method: Facts = Field(default_factory=dict)  # what the solver reports: backend, version, status counts
    provenance: Provenance
    anytime: Anytime | None = None  # earlier records have none
    sha256: str = ""

    @model_validator(mode="after")
    def _scores_if_ok(self) -> Self:
        scored = [self.objective is not None, self.slots is not None, self.decisions_sha256 is not None]
        if scored != [self.status == "ok"] * 3:
            raise ValueError(
                f"status is '{self.status}'; objective, slots and decisions belong to 'ok' and to nothing else"
            )
        return self

    @property
    def content_sha256(self) -> str:
        """Checksum of all fields but ``sha256``."""
        facts = self.model_dump(mode="json", exclude={"sha256"})
        if self.provenance.speed is None:
            del facts["provenance"]["speed"]
        if self.anytime is None:
            del facts["anytime"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def sealed(self) -> Record:
        """The same record with the checksum of its content."""
        whole = self.model_copy(update={"schema_version": SEALED})
        return whole.model_copy(update={"sha256": whole.content_sha256})

    @property
    def intact(self) -> bool:
        """Whether the content fits its checksum; records of version 1 have none."""
        return self.sha256 == (self.content_sha256 if self.schema_version >= SEALED else "")

    def faults(self) -> Iterator[str]:
        """What in a record cannot be, whatever was solved: its times, and what its status may come with."""
        yield from self.time_faults()
        speed = self.provenance.speed
        if speed is not None and not 1e-3 <= speed <= 1e3:
            yield f"the machine's speed is {speed!r}; expected 0.001 to 1000"
        failed = self.status != "ok"
        if failed and (self.method or self.train_seconds is not None or self.anytime is not None):
            yield f"status is '{self.status}', but there are facts that only a finished cell has"
        if failed and not self.reason:
            yield f"status is '{self.status}' without a reason"
        if not failed and (self.reason or self.traceback or self.signal):
            yield "status is 'ok', but a reason, a traceback or a signal says that the cell failed"
        if self.status == "skipped" and (self.traceback or self.signal):
            yield "status is 'skipped', but a traceback or a signal says that the cell failed"
        if self.peak_memory is not None and self.peak_memory <= 0:
            yield f"peak memory is {self.peak_memory} bytes"
        if not failed and self.regime not in REGIMES:
            yield f"method.regime is {self.method.get('regime')!r}; expected one of {', '.join(REGIMES)}"
        bound = self.method.get("horizon_bound", 0.0)
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            yield f"method.horizon_bound is {bound!r}; expected a finite number"

    def curve_faults(self, sense: Sense | None = None) -> Iterator[str]:
        """What of the curve cannot be, or does not end as the record says."""
        curve = self.anytime
        if curve is None or self.slots is None or self.objective is None:
            return
        yield from (f"anytime: {fault}" for fault in curve.faults(sense))
        end = math.fsum(self.slots.seconds) if curve.of == "horizon" else max(self.slots.seconds)
        if not math.isclose(curve.seconds[-1], end, rel_tol=ROUNDING, abs_tol=ROUNDING):
            yield f"anytime: it ends after {curve.seconds[-1]!r} s, but the decisions took {end!r} s"
        last = curve.incumbent[-1]
        if last is None or not math.isclose(last, self.objective, rel_tol=1e-9, abs_tol=1e-12):
            yield f"anytime: the last incumbent is {last!r}, but the objective {self.objective!r}"
        if curve.of == "horizon" and self.regime != "future":
            yield "anytime: it is of the whole horizon, but the method does not see the future"

    def time_faults(self) -> Iterator[str]:
        """Times that cannot be. The wall clock is the supervisor's; the other ones come out of the solver's process."""
        limit, wall = self.cell.limits.seconds, self.wall_seconds
        if not 0 <= wall <= limit + LATEST:
            yield f"wall clock is {wall!r} s with a limit of {limit:g} s"
        if self.status == "timeout" and wall < limit:
            yield f"stopped at the limit of {limit:g} s, but the wall clock is {wall!r} s"
        slots = self.slots.seconds if self.slots else []
        if slots and min(slots) < 0:
            worst = min(range(len(slots)), key=lambda t: slots[t])
            yield f"slot {worst}: the decision took {slots[worst]!r} s"
        train = self.train_seconds or 0.0
        if train < 0:
            yield f"training took {train!r} s"
        training = self.method.get("training")
        here = 0.0  # seconds of training in this cell: what a solver tells of its training may have been elsewhere
        if training is None:
            here = train
        elif not isinstance(training, dict) or training.get("seconds") != self.train_seconds:
            yield f"training took {self.train_seconds!r} s, but the solver tells otherwise"
        if math.fsum(slots) + here > wall * (1 + ROUNDING) + ROUNDING:
            yield f"decisions and training took {math.fsum(slots) + here!r} s, the whole cell {wall!r} s"

    def made_by(self, dtbench: str, problem_sha256: str) -> bool:
        """Whether a version of dtbench, with the problem's sources of this checksum, made the record."""
        same = self.schema_version >= SEALED and self.provenance.dtbench == dtbench
        return same and self.cell.problem_sha256 == problem_sha256

    @property
    def regime(self) -> Any:
        """What the method was given, see :mod:`dtbench.regime`; of earlier records, see :attr:`tells_local`."""
        if self.schema_version < SEALED:
            return "future" if self.method.get("clairvoyant") is True else "global"
        told = self.method.get("regime")
        return EARLIER.get(told, told) if isinstance(told, str) else told

    @property
    def tells_local(self) -> bool:
        """Whether the record tells local methods from global ones; earlier ones call both ``policy``: here global."""
        return self.regime == "future" or (self.schema_version >= SEALED and self.method.get("regime") in REGIMES)

    @property
    def repaired_share(self) -> float | None:
        """Share of slots whose decision had to be repaired."""
        return sum(self.slots.repaired) / len(self.slots.repaired) if self.slots else None

    def horizon_bound(self, coupled: bool) -> float | None:
        """A bound on the objective: the method's own, or the mean of the slots' where slots are not coupled."""
        own = self.method.get("horizon_bound")
        if isinstance(own, int | float):
            return float(own)
        bounds = [b for b in self.slots.bound if b is not None] if self.slots else []
        if coupled or not self.slots or len(bounds) < len(self.slots.bound):
            return None
        return sum(bounds) / len(bounds)

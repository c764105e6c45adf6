"""A trained policy as one safetensors file: weights, and a header that says what it is, how good, and what it cost.

The header is JSON in the file's metadata. Nothing in the file is run, and reading it needs no torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import math
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dtbench import files, weights
from dtbench.encoding import Encoding
from dtbench.errors import DtbenchError, shown
from dtbench.files import write_safely
from dtbench.learning.network_key import digest
from dtbench.learning.policy import Policy
from dtbench.learning.training import TRAINING_SEED, Point, Trained, Validation
from dtbench.machine import cpu, version
from dtbench.outside import parse_json, read_checksums
from dtbench.weights import HEADER, Arrays, check_finite

SUFFIX = ".safetensors"
FOLDER = "checkpoints"  # beside a solver's file
POLICIES = "dtbench_policies"  # the package with those that the wheel leaves out
CHECKSUMS = "SHA256SUMS"
NAME = re.compile(r".+--(?P<size>[^-]+)--[^-]+--(?P<settings>[^-]+)--s(?P<seed>\d+)" + re.escape(SUFFIX))
PACKAGES = ("dtbench", "numpy", "torch", "safetensors")
REMEDY = "Train it with `dtbench train`."
Scalar = bool | int | float | str
Natural = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Strict(BaseModel):
    """Frozen, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Identity(Strict):
    """What a training is of; equal identities, and equal sources, give equal weights.

    ``params`` are those of the problem that agents are trained on and see. ``network`` is the hash that
    :mod:`dtbench.learning.network_key` gives for the scope. ``options`` are those that decide what is learned.
    """

    solver: str
    version: int
    problem: str
    size: str
    params: dict[str, Scalar]
    scope: Literal["network", "size"]
    network: str
    preset: str
    options: dict[str, Scalar]
    seed: Natural

    def differs(self, wanted: Identity, defaults: Mapping[str, Scalar]) -> str:
        """How this identity is not the wanted one, in words; empty if it is.

        An option that was added since has its default here. Names of presets are words for the same options.
        """
        for name in ("solver", "version", "problem", "size", "scope", "network", "seed"):
            if getattr(self, name) != getattr(wanted, name):
                return f"{name} is {getattr(self, name)!r}, expected {getattr(wanted, name)!r}"
        for what in ("params", "options"):
            mine, theirs = getattr(self, what), getattr(wanted, what)
            mine = {n: defaults[n] for n in theirs if n in defaults} | mine if what == "options" else mine
            for name in sorted({*mine, *theirs}):
                if mine.get(name) != theirs.get(name):
                    one = "parameter" if what == "params" else "option"
                    return f"{one} '{name}' is {mine.get(name)!r}, expected {theirs.get(name)!r}"
        return ""

    @property
    def settings(self) -> str:
        """The options as a short hash, for file names."""
        return digest(self.options)[:8]


class CurvePoint(Strict):
    """A point of the learning curve, see :class:`dtbench.learning.training.Point`; None stands for inf and NaN."""

    round: Natural
    episodes: Natural
    frames: Natural
    seconds: Seconds
    objective: float | None
    reward: float | None

    @classmethod
    def of(cls, point: Point) -> Self:
        """From a point of training."""
        return cls.model_validate({k: v if math.isfinite(v) else None for k, v in dataclasses.asdict(point).items()})


class Hardware(Strict):
    """What it was trained on."""

    cpu: str
    cores: Natural
    threads: Natural


class Header(Strict):
    """What a file of weights says of itself; times in s.

    ``policy`` is what :meth:`dtbench.learning.policy.Policy.facts` gives. ``best`` is where the weights are from.
    ``split`` is the time by part; validation and bookkeeping are the rest. ``sources`` are checksums of the code.
    """

    format: Literal[1] = 1
    identity: Identity
    training_seed: Natural
    validation_seed: Natural
    validation_traces: Natural
    policy: dict[str, Any]
    best: CurvePoint
    curve: list[CurvePoint] = Field(min_length=1)
    rounds: Natural
    episodes: Natural
    frames: Natural
    seconds: Seconds
    split: dict[str, Seconds]
    hardware: Hardware
    versions: dict[str, str]
    sources: dict[str, str]
    date: str  # UTC, ISO 8601

    @classmethod
    def of(cls, identity: Identity, trained: Trained, sources: Mapping[str, str], validation: Validation) -> Self:
        """Of a training that has just ended on this machine."""
        learner = trained.learner
        return cls(
            identity=identity,
            training_seed=TRAINING_SEED + identity.seed,
            validation_seed=validation.seed,
            validation_traces=validation.traces,
            policy=learner.policy.facts(),
            best=CurvePoint.of(trained.best),
            curve=[CurvePoint.of(point) for point in trained.curve],
            rounds=learner.rounds,
            episodes=learner.episodes,
            frames=learner.frames,
            seconds=trained.seconds,
            split=dict(learner.seconds),
            hardware=Hardware(cpu=cpu(), cores=os.cpu_count() or 1, threads=1),
            versions={"python": platform.python_version()} | {n: v for n in PACKAGES if (v := version(n)) is not None},
            sources=dict(sources),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )


@dataclass(frozen=True)
class Checkpoint:
    """A trained policy: header, weights ``{"group/array": values}``, and the file's checksum."""

    header: Header
    arrays: Arrays
    sha256: str
    file: Path

    def policy(self, kind: type[Policy], encoding: Encoding) -> Policy:
        """The policy, for agents of an encoding.

        Raises
        ------
        DtbenchError
            If it is of another kind, does not fit, or the file holds more or less than its weights.
        """
        trained = self.header.identity
        where = f"'{self.file}' (trained on {trained.problem}, size {trained.size})"
        try:
            policy = kind.restore(encoding, self.header.policy, self.arrays, where)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise DtbenchError(
                f"{where}: its facts of the policy cannot be read ({type(error).__name__}: {error}). {REMEDY}"
            ) from None
        extra = sorted(set(self.arrays) ^ set(policy.arrays()))
        if extra:
            raise DtbenchError(f"{where}: array '{extra[0]}' is not one of the policy's. {REMEDY}")
        return policy


def write(file: Path, header: Header, arrays: Mapping[str, npt.NDArray[Any]]) -> Checkpoint:
    """Write a trained policy; the name stands for the whole file at any moment.

    Raises
    ------
    DtbenchError
        If an array holds NaN or inf: such a policy cannot be read back.
    """
    from safetensors.numpy import save

    contiguous = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    check_finite(file, contiguous, REMEDY)
    content = save(contiguous, {HEADER: header.model_dump_json()})
    write_safely(file, content)
    return Checkpoint(header, contiguous, hashlib.sha256(content).hexdigest(), file)


def read(file: Path) -> Checkpoint:
    """Read and check a trained policy.

    Raises
    ------
    DtbenchError
        If there is none, or the file is truncated, of another format, or holds NaN; the message names file and field.
    """
    stored = weights.read(file, REMEDY)
    header = _header(file, stored.text)
    check_finite(file, stored.arrays, REMEDY)
    return Checkpoint(header, stored.arrays, stored.sha256, file)


def shipped_name(identity: Identity, settings: str) -> str:
    """Name of a shipped file: what it is of, as far as a name can tell; the header is compared, too."""
    network = "size" if identity.scope == "size" else identity.network[:8]
    return f"{identity.solver}--{identity.size}--{network}--{settings}--s{identity.seed}{SUFFIX}"


def shipped_folders(solver_file: Path, problem: str) -> list[Path]:
    """Where checkpoints that come with a solver's file may lie: beside it; those of ours also in ``dtbench-policies``.

    That package holds what the wheel of dtbench leaves out for its size. A checkout has all beside the solvers.
    """
    ours = solver_file.resolve().parent == files.folder("solvers").resolve()
    return [place / FOLDER / problem for place in (solver_file.parent, *(installed_policies() if ours else ()))]


@cache
def installed_policies() -> tuple[Path, ...]:
    """The folder of the package of policies; none if it is not installed."""
    found = importlib.util.find_spec(POLICIES)
    return () if found is None else tuple(Path(place) for place in found.submodule_search_locations or ())


def shipped_files(solver_file: Path, problem: str, solver: str, size: str = "*", seed: int | str = "*") -> list[Path]:
    """Checkpoints that are shipped with a solver's file, sorted; each name once."""
    found: dict[str, Path] = {}
    for folder in shipped_folders(solver_file, problem):
        for file in folder.glob(f"{solver}--{size}--*--s{seed}{SUFFIX}"):
            if NAME.fullmatch(file.name):
                found.setdefault(file.name, file)
    return [found[name] for name in sorted(found)]


def read_shipped(solver_file: Path, problem: str, name: str) -> Checkpoint | None:
    """The shipped checkpoint of a name; None if there is none.

    Raises
    ------
    DtbenchError
        If it is damaged, or is not the one that the list beside it names.
    """
    for folder in shipped_folders(solver_file, problem):
        file, checksums = folder / name, folder / CHECKSUMS
        if file.is_file():
            listed = read_checksums(checksums).get(name) if checksums.is_file() else None
            if listed is not None and hashlib.sha256(file.read_bytes()).hexdigest() != listed:
                raise DtbenchError(
                    f"policy '{file}' differs from its checksum in {CHECKSUMS}: it was changed or damaged. Restore it "
                    "(from git, or by installing again), or train it anew and name it by its path."
                )
            return read(file)
    return None


def shipped_parts(file: Path) -> tuple[str, str, int]:
    """Size, preset (or hash of options) and seed of a file of :func:`shipped_files`."""
    match = NAME.fullmatch(file.name)
    if match is None:
        raise ValueError(f"'{file.name}' is not the name of a shipped checkpoint.")
    return match["size"], match["settings"], int(match["seed"])


def shipped_sha256(
    solver_file: Path, problem: str, solver: str, size: str, seed: int, options: Mapping[str, Scalar]
) -> str:
    """Checksum over all files that a cell's policy may come from: those shipped, or the one that an option names.

    Empty if there are none.
    """
    named = str(options.get("checkpoint", ""))
    found = [Path(named)] if named else shipped_files(solver_file, problem, solver, size, seed)
    contents = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in found if file.is_file()}
    return digest(contents) if contents else ""


def _header(file: Path, text: str) -> Header:
    if not text:
        raise DtbenchError(f"'{file}' has no header '{HEADER}' in its metadata: no file of dtbench. {REMEDY}")
    try:
        facts = parse_json(text, f"'{file}': its header")
    except DtbenchError as error:
        raise DtbenchError(f"{error} {REMEDY}") from None
    if isinstance(facts, dict) and facts.get("format") != 1:
        version = shown(facts.get("format"))
        raise DtbenchError(f"'{file}': format is {version}, this version of dtbench reads 1. {REMEDY}")
    try:
        return Header.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "header"
        raise DtbenchError(f"'{file}': {field}: {first['msg']}. {REMEDY}") from None

"""Trained policies of a folder of results, each with the record of its training.

    DIR/policies/<stem>.safetensors   the policy, as `dtbench train` writes it
    DIR/policies/<stem>.json          what its training cost, where and how it took place, or how it failed

A training is a cell of its own: it has limits of its own, and its policy is what the cells of an agent play.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from dtbench.errors import DtbenchError
from dtbench.experiments.record import Cell, Facts, Finite, Provenance, Status, Strict
from dtbench.files import write_safely
from dtbench.learning import checkpoint
from dtbench.learning.checkpoint import SUFFIX, Header, Identity
from dtbench.outside import parse_json, read_bytes
from dtbench.weights import MOST_BYTES

FOLDER = "policies"
LARGEST_RECORD = 2**24  # byte
Origin = Literal["trained", "cache"]


class TrainingPayload(Strict):
    """What the process of a training leaves behind beside its policy: where that was found."""

    status: Literal["ok"] = "ok"
    source: Origin


class TrainingRecord(Strict):
    """Evidence of one training.

    Attributes
    ----------
    cell
        The cell that it was trained for, with the limits of a training: other cells may play the same policy.
    key
        Hash of all that decides the weights: identity and sources.
    source
        ``trained`` in this run, or found in the user's ``cache``; empty if it failed.
    training
        The header of the policy: identity, seconds, frames, hardware, validation, learning curve.
    wall_seconds, peak_memory
        Of the process [s], [byte]. A training that went on after an interruption took longer than that.
    sha256
        Checksum of everything else.
    """

    schema_version: Literal[1] = 1
    cell: Cell
    key: str
    status: Status
    reason: str = ""
    traceback: str = ""
    signal: str | None = None
    source: Origin | Literal[""] = ""
    policy_sha256: str | None = None
    training: Facts = Field(default_factory=dict)
    wall_seconds: Finite
    peak_memory: int | None = None
    provenance: Provenance
    sha256: str = ""

    @property
    def stem(self) -> str:
        """Name of its files without suffix."""
        return stem_of(self.cell, self.key)

    @property
    def seconds(self) -> float | None:
        """What the training took [s], interruptions left out; None if it has not ended."""
        given = self.training.get("seconds")
        return float(given) if isinstance(given, int | float) else None

    @property
    def content_sha256(self) -> str:
        """Checksum of all fields but ``sha256``."""
        facts = self.model_dump(mode="json", exclude={"sha256"})
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def sealed(self) -> TrainingRecord:
        """The same record with the checksum of its content."""
        return self.model_copy(update={"sha256": self.content_sha256})


def stem_of(cell: Cell, key: str) -> str:
    """Name of the files of a training, without suffix."""
    return f"{cell.problem}--{cell.size}--{cell.solver}--s{cell.seed}--{key[:16]}"


def facts_of(header: Header) -> dict[str, Any]:
    """What a training's record says of it: all of the header but how the policy is built."""
    return header.model_dump(mode="json", exclude={"policy"})


def checked(file: Path, identity: Identity) -> Header:
    """The header of a policy that a training left.

    Raises
    ------
    DtbenchError
        If the file cannot be read, or is of another training than was asked for.
    """
    header = checkpoint.read(file).header
    differs = header.identity.differs(identity, {})
    if differs:
        raise DtbenchError(f"the policy is of another training than was asked for: {differs}")
    return header


class Policies:
    """The policies in a folder of results."""

    def __init__(self, results: Path) -> None:
        self.folder = results / FOLDER

    def file(self, stem: str) -> Path:
        """File of a policy."""
        return self.folder / f"{stem}{SUFFIX}"

    def records(self) -> list[TrainingRecord]:
        """Records that can be read and hold, in order of their names."""
        found = []
        for stem in self.stems():
            try:
                record = self.read(stem)
            except DtbenchError:
                continue
            if record.sha256 == record.content_sha256:
                found.append(record)
        return found

    def read(self, stem: str) -> TrainingRecord:
        """The record of a training.

        Raises
        ------
        DtbenchError
            If there is none that can be read; the message names the file.
        """
        where = f"training '{stem}.json'"
        try:
            content = read_bytes(self.folder / f"{stem}.json", LARGEST_RECORD)
            return TrainingRecord.model_validate(parse_json(content, where))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "record"
            raise DtbenchError(f"{where}: {key}: {first['msg']}.") from None

    def kept(self, stem: str, key: str) -> Path | None:
        """The file of the policy of a training, if it is here and holds."""
        try:
            record = self.read(stem)
        except DtbenchError:
            return None
        return self.file(stem) if record.key == key and not next(self._faults(stem, record), "") else None

    def write(self, record: TrainingRecord, policy: bytes | None) -> None:
        """Put a record, sealed, and its policy on the disk; the policy before the record that names its checksum.

        Raises
        ------
        ValueError
            If the policy is not the one that the record names.
        """
        found = None if policy is None else hashlib.sha256(policy).hexdigest()
        if found != record.policy_sha256:
            raise ValueError(f"record names policy {record.policy_sha256}, got {found}")
        self.folder.mkdir(parents=True, exist_ok=True)
        if policy is None:
            self.file(record.stem).unlink(missing_ok=True)
        else:
            write_safely(self.file(record.stem), policy)
        text = json.dumps(record.sealed().model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
        write_safely(self.folder / f"{record.stem}.json", text.encode() + b"\n")

    def faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong: names, and the first reason of each."""
        for stem in self.stems():
            try:
                reason = next(self._faults(stem, self.read(stem)), "")
            except DtbenchError as error:
                reason = str(error)
            if reason:
                yield f"{FOLDER}/{stem}", reason

    def _faults(self, stem: str, record: TrainingRecord) -> Iterator[str]:
        if record.sha256 != record.content_sha256:
            yield "the record was changed: its checksum differs"
        if record.stem != stem:
            yield f"the file is named '{stem}', but its training is '{record.stem}'"
        if (record.status == "ok") != (record.policy_sha256 is not None):
            yield f"status is '{record.status}'; a policy belongs to 'ok' and to nothing else"
        file = self.file(stem)
        if record.policy_sha256 is None:
            if file.exists():
                yield f"status is '{record.status}', but a policy lies beside the record"
            return
        try:
            content = read_bytes(file, MOST_BYTES)
        except DtbenchError:
            yield f"policy '{file.name}' is missing"
            return
        if hashlib.sha256(content).hexdigest() != record.policy_sha256:
            yield f"policy '{file.name}' was changed: its checksum differs"
            return
        try:
            header = checkpoint.read(file).header
        except DtbenchError as error:
            yield str(error)
            return
        if facts_of(header) != record.training:
            yield f"policy '{file.name}' tells another training than the record"

    def stems(self) -> list[str]:
        """Names of the records without suffix, sorted."""
        return sorted(file.stem for file in self.folder.glob("*.json") if not file.name.startswith("."))

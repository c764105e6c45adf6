"""The user's folder of trained policies: each is trained once, by one process, and goes on after an interruption.

    <folder>/<problem>/<stem>.safetensors          a trained policy
    <folder>/<problem>/<stem>.resume.safetensors   a training that has not ended
    <folder>/<problem>/<stem>.lock                 held by the process that trains

The stem ends with a hash of all that decides the weights, sources included: what has changed is trained again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dtbench import files, weights
from dtbench.errors import DtbenchError
from dtbench.files import replacing
from dtbench.learning.checkpoint import SUFFIX, Checkpoint, Identity, read
from dtbench.learning.network_key import digest
from dtbench.learning.training import Learner, Memo, Point
from dtbench.outside import parse_json
from dtbench.problems import source_sha256
from dtbench.weights import HEADER

VARIABLE = files.CACHE
SHARE = 20.0  # a resume file is written when the last writing took less than 1/20 of the time since
RESUME = ".resume" + SUFFIX
MEMO, STATE = "memo", "learner"  # arrays of the best policy; of the learner
Tell = Callable[[str], None]


def folder() -> Path:
    """``$DTBENCH_CACHE/policies``, or the platform's folder for caches."""
    return files.cache("policies")


@cache
def learning_sha256() -> str:
    """Checksum of what all agents are trained with: the sources of ``dtbench.learning`` and the environments."""
    digest = hashlib.sha256()
    for package in ("learning", "envs"):
        root = files.PACKAGE / package
        for file in sorted(root.rglob("*.py")):
            digest.update(f"{package}/{file.relative_to(root).as_posix()}\0".encode())
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def sources(solver_file: Path, problem: str) -> dict[str, str]:
    """Checksums of the code that decides what is learned."""
    solver = hashlib.sha256(solver_file.read_bytes()).hexdigest()
    return {"solver": solver, "learning": learning_sha256(), "problem": source_sha256(problem)}


@dataclass
class Place:
    """Where a policy is kept, and its training while it lasts.

    Attributes
    ----------
    key
        Hash of identity and sources.
    file
        The trained policy.
    """

    identity: Identity
    sources: dict[str, str]
    tell: Tell = print
    key: str = field(init=False)
    file: Path = field(init=False)

    def __post_init__(self) -> None:
        named = {"preset"}  # a word for options that are compared
        self.key = digest([self.identity.model_dump(exclude=named), self.sources])
        stem = f"{self.identity.solver}--{self.identity.size}--s{self.identity.seed}--{self.key[:16]}"
        self.file = folder() / self.identity.problem / (stem + SUFFIX)

    @property
    def resume(self) -> Path:
        """State of a training that has not ended."""
        return self.file.with_name(self.file.name.removesuffix(SUFFIX) + RESUME)

    def kept(self) -> Checkpoint | None:
        """The trained policy; None if there is none, or none that can be read."""
        if not self.file.is_file():
            return None
        try:
            return read(self.file)
        except DtbenchError as error:
            self.tell(f"{error} It is trained again.")
            return None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the place: one process trains, others wait for it. The lock ends with the process, however that ends.

        Raises
        ------
        DtbenchError
            If the folder cannot be written to.
        """
        lock = self.file.with_name(self.file.name.removesuffix(SUFFIX) + ".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = lock.open("a+", encoding="utf-8")
        except OSError as error:
            raise DtbenchError(
                f"trained policies cannot be kept in '{lock.parent}': {error.strerror}. Name another folder with "
                f"${VARIABLE}, or give the option cache=false."
            ) from None
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.tell("another process trains this policy: waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def restore(self, learner: Learner) -> Memo | None:
        """Put a learner where its training was interrupted; None if there is nothing to go on from."""
        if not self.resume.is_file():
            return None
        try:
            stored = weights.read(self.resume, "It holds a training that was interrupted.")
            facts = parse_json(stored.text, f"'{self.resume}': its header", nan=True)
            if not isinstance(facts, dict) or facts.get("key") != self.key:
                raise DtbenchError(f"'{self.resume}' is of another training.")
            if facts.pop("checksum", "") != _checksum(facts, stored.arrays):
                raise DtbenchError(f"'{self.resume}' was changed or damaged: its checksum differs.")
        except DtbenchError as error:
            self.tell(f"{error} It starts anew.")
            return None
        arrays = {name: stored.arrays[name] for name in facts["order"]}
        learner.load((_part(arrays, STATE), facts["learner"]))
        learner.episodes, learner.frames, learner.seconds = facts["episodes"], facts["frames"], facts["split"]
        curve = [Point(**point) for point in facts["curve"]]
        best = Point(**facts["best"]) if facts["best"] else None
        self.tell(f"going on after round {facts['round']} of {learner.rounds}")
        return Memo(facts["round"], facts["seconds"], curve, best, _part(arrays, MEMO))

    def saver(self) -> Callable[[Memo, Learner], None]:
        """What :func:`dtbench.learning.training.fit` calls to write the state of a training, not too often."""
        last, cost = -float("inf"), 0.0

        def save(memo: Memo, learner: Learner) -> None:
            nonlocal last, cost
            began = time.perf_counter()
            if began - last >= SHARE * cost:
                self.save(memo, learner)
                last = time.perf_counter()
                cost = last - began

        return save

    def save(self, memo: Memo, learner: Learner) -> None:
        """Write all that the training needs to go on."""
        from safetensors.numpy import save_file

        arrays, state = learner.state()
        parts = {MEMO: memo.arrays, STATE: arrays}
        flat = {f"{part}/{n}": np.asarray(v, order="C") for part, named in parts.items() for n, v in named.items()}
        facts: dict[str, Any] = {
            "key": self.key,
            "order": list(flat),  # safetensors sorts by size and name
            "learner": state,
            "round": memo.round,
            "seconds": memo.seconds,
            "curve": [dataclasses.asdict(point) for point in memo.curve],
            "best": dataclasses.asdict(memo.best) if memo.best else None,
            "episodes": learner.episodes,
            "frames": learner.frames,
            "split": learner.seconds,
        }
        facts["checksum"] = _checksum(facts, flat)
        with replacing(self.resume) as part:
            save_file(flat, part, {HEADER: json.dumps(facts)})

    def finished(self) -> None:
        """The policy is kept: the state of its training is not needed any more."""
        self.resume.unlink(missing_ok=True)


def _checksum(facts: dict[str, Any], arrays: Mapping[str, Any]) -> str:
    """Of all that a training goes on from; facts as JSON gives them back."""
    made = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        made.update(f"{name}\0{arrays[name].dtype}\0{arrays[name].shape}\0".encode() + arrays[name].tobytes())
    return made.hexdigest()


def _part(arrays: dict[str, Any], part: str) -> dict[str, Any]:
    """The arrays of a part, without its name."""
    return {n.removeprefix(part + "/"): v for n, v in arrays.items() if n.startswith(part + "/")}

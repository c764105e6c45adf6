"""What happens inside the process of a training, and inside the one that asks what solvers would train.

Both run the solver's code, so they have limits as cells have; :mod:`dtbench.experiments.work` sets them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dtbench.core import AnyProblem
from dtbench.errors import DtbenchError
from dtbench.experiments import opening
from dtbench.experiments.policies import TrainingPayload
from dtbench.experiments.record import Cell, FiniteScalar, Strict
from dtbench.learning.checkpoint import Identity
from dtbench.learning.solver import LearnedSolver
from dtbench.regime import shown
from dtbench.solver import Solver

POLICY = "policy.safetensors"
QUESTIONS = "questions.json"


class Question(Strict):
    """A cell whose training is asked for; ``options`` name files as they lie here."""

    instance: str
    instance_file: str
    instance_sha256: str
    shipped: bool
    options: dict[str, FiniteScalar]
    seed: int


class Answer(BaseModel):
    """What a cell plays: a policy that is there (``needed`` is false), or one of this training.

    ``key`` and ``file`` are of the place in the user's cache. Without a key, the solver trains inside its cells or
    could not be asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needed: bool = True
    key: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    file: str = Field(default="", pattern=r"^(\w[\w.-]*)?$")
    identity: Identity | None = None


class Answers(Strict):
    """One answer for each question, in order."""

    status: str = "ok"
    answers: list[Answer]


def train(cell: Cell, job: dict[str, Any], folder: Path) -> TrainingPayload:
    """Find or train the policy of a cell, and leave it in the folder.

    Raises
    ------
    DtbenchError
        If the solver's policies are not kept in files.
    """
    _, _, _, solver = opening.opened(cell, job, opening.progress_of(job, folder))
    if not isinstance(solver, LearnedSolver):
        raise DtbenchError(
            f"solver '{cell.solver}' trains inside of its own cells; its policies are not kept in files."
        )
    found, source = solver.obtain(shipped=False)
    (folder / POLICY).write_bytes(found.file.read_bytes())
    return TrainingPayload(source="cache" if source == "cache" else "trained")


def ask(cell: Cell, job: dict[str, Any], folder: Path) -> Answers:
    """Which trainings the cells of the questions in the folder need; they are of the problem and solver of ``cell``."""
    asked = json.loads((folder / QUESTIONS).read_text(encoding="utf-8"))  # before the solver's file runs
    owner = opening.problem_of(cell, job["problems_paths"])
    solver_class = opening.solver_class_of(cell, job["solver_file"])
    return Answers(answers=answers(owner, solver_class, [Question.model_validate(each) for each in asked]))


def answers(owner: AnyProblem, solver_class: type[Solver], questions: Sequence[Question]) -> list[Answer]:
    """Which trainings cells of one problem and solver need.

    Whatever a solver raises is no answer: its cell will raise it again, and have it recorded.
    """
    if not issubclass(solver_class, LearnedSolver):
        return [Answer() for _ in questions]
    learned: type[LearnedSolver] = solver_class
    seen: dict[str, Any] = {}  # instances as the solver is given them; they are loaded once
    identities: dict[str, Identity] = {}  # the network's key takes longest, and seeds share it

    def answer(asked: Question) -> Answer:
        if asked.instance_sha256 not in seen:
            place = (asked.instance, asked.instance_file, asked.instance_sha256, asked.shipped)
            seen[asked.instance_sha256] = shown(owner, opening.instance_of(*place), learned.regime())
        agent = learned(owner, seen[asked.instance_sha256], seed=asked.seed, **asked.options)
        agent.tell = lambda _: None
        if agent.options.checkpoint or not agent.options.cache:
            return Answer(needed=not agent.options.checkpoint)
        what = repr([asked.instance_sha256, sorted(asked.options.items())])
        if what not in identities:
            identities[what] = agent.identity
        agent.identity = identities[what].model_copy(update={"seed": agent.seed})
        if agent.shipped() is not None:
            return Answer(needed=False)
        place_kept = agent.place
        return Answer(key=place_kept.key, file=place_kept.file.name, identity=place_kept.identity)

    found = []
    for asked in questions:
        try:
            found.append(answer(asked))
        except Exception:
            found.append(Answer())
    return found

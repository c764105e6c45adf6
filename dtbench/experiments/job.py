"""From a planned cell to a job, the one way for suites, `dtbench solve` and the conformance tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dtbench.experiments import provenance
from dtbench.experiments.planned import Planned, Training
from dtbench.experiments.record import Cell, Provenance
from dtbench.experiments.suite import Suite
from dtbench.problems import registry


@dataclass(frozen=True)
class Job:
    """A cell with what it takes to run it on some machine, and the run it belongs to.

    ``task`` is what is done with it: its solver is scored; its solver's policy is trained, which is then of the
    training ``training``; or its solver is asked for the trainings of further cells, ``questions``.
    """

    cell: Cell
    instance_file: str
    shipped: bool  # whether the instance is the library's
    solver_file: str  # empty for a rule of the problem
    run_id: str = ""
    command: str = ""
    suite: str | None = None
    suite_sha256: str | None = None
    problems_paths: tuple[str, ...] = field(default_factory=registry.folders)  # where its problem may stand
    files: dict[str, str] = field(default_factory=dict)  # options that name a file -> where it is on this machine
    task: Literal["score", "train", "ask"] = "score"
    policy: str = ""  # file of the policy that was trained for it
    training: Training | None = None
    questions: tuple[dict[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """What tells jobs of one run apart."""
        return self.cell.stem if self.training is None else f"training-{self.training.stem}"

    def provenance(self) -> Provenance:
        """Provenance of the cell, started here and now."""
        return provenance.collect(self.command, self.suite, self.suite_sha256)


def job_of(
    planned: Planned, run_id: str = "", suite: Suite | None = None, command: str = "", training: Training | None = None
) -> Job:
    """What a worker is sent for a planned cell, to score it, or for its training."""
    return Job(
        cell=planned.cell,
        instance_file=str(planned.instance.file.resolve()),
        shipped=planned.instance.shipped,
        solver_file=str(planned.solver_file or ""),
        files=dict(planned.files),
        run_id=run_id,
        command=command,
        suite=suite.name if suite else None,
        suite_sha256=suite.source.sha256 if suite else None,
        task="score" if training is None else "train",
        training=training,
    )

"""What a plan is made of: cells to score, and trainings of the policies that some of them play."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from dtbench.experiments.policies import stem_of
from dtbench.experiments.record import Cell
from dtbench.experiments.suite import InstanceFile
from dtbench.learning.checkpoint import Identity
from dtbench.regime import Regime

CellState = Literal["done", "missing", "stale"]
Asked = Literal["", "seeds", "solver"]  # what of a cell was named on the command line, not by the suite
State = Literal["kept", "cached", "missing"]


@dataclass(frozen=True)
class Planned:
    """A cell of a plan.

    Attributes
    ----------
    cell
        Instance, solver, seed, limits.
    instance
        File of the instance.
    solver_file
        File of the solver; None for a rule of the problem.
    state
        ``done``: the store has its record; ``stale``: the record there is of another version of problem,
        instance, solver or limits; ``missing``: there is none.
    seconds
        Median wall clock of earlier cells of this solver on instances of this size; None if there are none.
    sees
        What the solver's file says that it is given; None if nothing is known of it.
    untrained
        Whether no policy is at hand for it, and it trains in the cell.
    learns
        Whether its solver may play a policy that is trained before.
    training
        Name of the training whose policy it plays, see :mod:`dtbench.experiments.trainings`; empty without one.
    files
        Options that name a file -> where it is on this machine.
    asked
        ``solver`` for a solver without a table in the suite, ``seeds`` where ``--seeds`` was given; empty otherwise.
    """

    cell: Cell
    instance: InstanceFile
    solver_file: Path | None
    state: CellState = "missing"
    seconds: float | None = None
    sees: Regime | None = None
    untrained: bool = False
    learns: bool = False
    training: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    asked: Asked = ""


def kind_of(cell: Cell) -> tuple[str, ...]:
    """What cells that take about as long have in common: problem, size, solver, options."""
    return cell.problem, cell.size, cell.solver, json.dumps(cell.options, sort_keys=True)


@dataclass(frozen=True)
class Training:
    """A policy that cells need and that is neither shipped nor named.

    Attributes
    ----------
    planned
        The first cell that needs it, with the limits of a training.
    identity, key
        What is trained, and a hash of that and the sources.
    state
        ``kept``: the results hold it; ``cached``: the user's cache does; ``missing``: it will be trained.
    file
        Where the policy is; None if it is missing.
    cells
        Names of the records of the cells that play it.
    seconds
        Median of earlier trainings of the kind [s]; None if there are none.
    """

    planned: Planned
    identity: Identity
    key: str
    state: State = "missing"
    file: Path | None = None
    cells: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def cell(self) -> Cell:
        """The first cell, with the limits of a training."""
        return self.planned.cell

    @cached_property
    def stem(self) -> str:
        """Name of its files, without suffix."""
        return stem_of(self.cell, self.key)

    @property
    def kind(self) -> tuple[str, ...]:
        """What trainings that take about as long have in common."""
        return training_kind(self.identity)


def training_kind(identity: Identity) -> tuple[str, ...]:
    """What trainings that take about as long have in common: solver, problem, size, options."""
    return identity.solver, identity.problem, identity.size, identity.settings

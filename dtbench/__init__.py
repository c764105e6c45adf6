"""Benchmark suite for digital-twin network optimisation: one referee for exact, heuristic and learned methods."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dtbench.core import Certificate, Decision, Instance, Outcome, Problem, Slot
from dtbench.envs import make_env, register_envs
from dtbench.errors import Declined, DtbenchError
from dtbench.params import Options, param
from dtbench.problems import all_problems, problem
from dtbench.solver import Heuristic, Solver

if TYPE_CHECKING:
    from dtbench.api import compare, leaderboard, plot, reference, results, run
    from dtbench.learning.gym_policy import GymPolicy
    from dtbench.library.instances import load

__version__ = "0.2.0"

__all__ = [
    "Certificate",
    "Decision",
    "Declined",
    "DtbenchError",
    "GymPolicy",
    "Heuristic",
    "Instance",
    "Options",
    "Outcome",
    "Problem",
    "Slot",
    "Solver",
    "all_problems",
    "compare",
    "leaderboard",
    "load",
    "make_env",
    "param",
    "plot",
    "problem",
    "reference",
    "results",
    "run",
]

LATE = {
    "GymPolicy": "learning.gym_policy",
    "load": "library.instances",
    "compare": "api",
    "leaderboard": "api",
    "plot": "api",
    "reference": "api",
    "results": "api",
    "run": "api",
}  # names whose modules are imported when they are used


def __getattr__(name: str) -> Any:
    if name in LATE:
        return getattr(importlib.import_module(f"dtbench.{LATE[name]}"), name)
    raise AttributeError(f"module 'dtbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *LATE})


register_envs()  # Gymnasium loads no plugins: its ids are known once this package is imported

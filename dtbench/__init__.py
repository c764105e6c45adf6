"""Benchmark suite for digital-twin network optimisation: one referee for exact, heuristic and learned methods."""

from __future__ import annotations

from dtbench.core import Certificate, Decision, Instance, Outcome, Problem, Slot
from dtbench.envs import make_env, register_envs
from dtbench.errors import Declined, DtbenchError
from dtbench.library.instances import load
from dtbench.params import Options, param
from dtbench.problems import all_problems, problem
from dtbench.solver import Heuristic, Solver

__version__ = "0.1.0"

__all__ = [
    "Certificate",
    "Decision",
    "Declined",
    "DtbenchError",
    "Heuristic",
    "Instance",
    "Options",
    "Outcome",
    "Problem",
    "Slot",
    "Solver",
    "all_problems",
    "load",
    "make_env",
    "param",
    "problem",
]

register_envs()  # Gymnasium loads no plugins: its ids are known once this package is imported

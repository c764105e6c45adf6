"""Synchronisation and migration of the twins of mobile users (Liu et al. 2025)."""

from dtbench.problems.mec_synchronization.problem import MecSynchronization

__all__ = ["PROBLEMS"]

PROBLEMS = (MecSynchronization(),)

"""Resource blocks shared between users and twin synchronisation (Yu et al. 2025)."""

from dtbench.problems.dnt_spectrum.problem import DntSpectrum

__all__ = ["PROBLEMS"]

PROBLEMS = (DntSpectrum(),)

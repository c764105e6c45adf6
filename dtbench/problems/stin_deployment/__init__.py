"""Digital-twin deployment in a satellite-terrestrial network (Tao et al. 2025)."""

from dtbench.problems.stin_deployment.problem import StinDeployment

__all__ = ["PROBLEMS"]

PROBLEMS = (StinDeployment(),)

"""Offloading of UAV data to satellites for the training of digital twins (Li and Han 2025)."""

from dtbench.problems.satellite_offloading.problem import SatelliteOffloading

__all__ = ["PROBLEMS"]

PROBLEMS = (SatelliteOffloading(),)

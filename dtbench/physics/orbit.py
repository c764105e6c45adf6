"""A satellite on a circular orbit through the zenith, seen from the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

EARTH_RADIUS = 6_371_000.0  # m
EARTH_GM = 3.986004418e14  # m^3/s^2


def half_pass(altitude: float, min_elevation: float) -> float:
    """Earth-centre angle [rad] between the zenith and the lowest usable elevation [deg] at an altitude [m]."""
    elevation = np.deg2rad(min_elevation)
    return float(np.arccos(EARTH_RADIUS * np.cos(elevation) / (EARTH_RADIUS + altitude)) - elevation)


def angular_speed(altitude: float) -> float:
    """Angular speed [rad/s] of a circular orbit at an altitude [m]; Earth's rotation is ignored."""
    return float(np.sqrt(EARTH_GM / (EARTH_RADIUS + altitude) ** 3))


def slant_range(angle: npt.ArrayLike, altitude: float) -> Any:
    """Distance [m] to a satellite at an Earth-centre ``angle`` [rad] from the zenith."""
    orbit = EARTH_RADIUS + altitude
    return np.sqrt(EARTH_RADIUS**2 + orbit**2 - 2.0 * EARTH_RADIUS * orbit * np.cos(angle))

"""Radio links: Shannon rates, path loss, fading. SI units; decibels only in arguments that say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array

SPEED_OF_LIGHT = 299_792_458.0  # m/s


def from_db(decibel: npt.ArrayLike) -> Any:
    """Ratio of powers of a value in dB."""
    return 10.0 ** (np.asarray(decibel) / 10.0)


def shannon_rate(bandwidth: npt.ArrayLike, power: npt.ArrayLike, gain: npt.ArrayLike, noise_psd: npt.ArrayLike) -> Any:
    """Rate [bit/s] of a link of ``bandwidth`` [Hz] with transmit ``power`` [W], gain [1] and noise density [W/Hz]."""
    bandwidth = np.asarray(bandwidth, dtype=np.float64)
    snr = np.asarray(power) * np.asarray(gain) / (bandwidth * np.asarray(noise_psd))
    return bandwidth * np.log1p(snr) / np.log(2.0)


def log_distance_gain(distance: npt.ArrayLike, loss_at_1m_db: float, exponent: float) -> Any:
    """Power gain [1] at ``distance`` [m, at least 1]: ``loss_at_1m_db + 10 exponent log10(distance)`` dB are lost."""
    return from_db(-(loss_at_1m_db + 10.0 * exponent * np.log10(distance)))


def free_space_loss_db(distance: npt.ArrayLike, frequency: float) -> Any:
    """Free-space path loss [dB] over ``distance`` [m] at ``frequency`` [Hz]."""
    return 20.0 * np.log10(4.0 * np.pi * np.asarray(distance) * frequency / SPEED_OF_LIGHT)


def rician_power(rng: np.random.Generator, k: float, shape: tuple[int, ...], floor: float = 0.0) -> Array:
    """Fading powers of mean 1: ``|sqrt(K/(K+1)) + CN(0, 1/(K+1))|^2``, not less than ``floor``."""
    scatter = np.sqrt(0.5 / (k + 1.0))
    real = np.sqrt(k / (k + 1.0)) + scatter * rng.standard_normal(shape)
    imaginary = scatter * rng.standard_normal(shape)
    return np.maximum(real**2 + imaginary**2, floor)

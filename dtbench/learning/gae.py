"""Advantages and value targets of rollouts."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, BoolArray


def gae(
    reward: Array, value: Array, next_value: Array, terminated: BoolArray, done: BoolArray, *, gamma: float, lam: float
) -> tuple[Array, Array]:
    """Advantages and value targets, Schulman et al. (2016), Sec. 3; Eq. (31) of Liu et al. (2025).

    Parameters
    ----------
    reward, value, next_value
        (steps, ...): what was earned, V of the observation acted on, and V of the one reached, before any reset.
    terminated
        (steps, ...): nothing can be earned after this step: cuts the bootstrap.
    done
        (steps, ...): terminated or truncated: cuts the sum. A truncated step bootstraps from ``next_value``.
    gamma, lam
        Discount, and the weight of longer returns.

    Returns
    -------
    tuple
        Advantages and targets (advantage + value), both (steps, ...).
    """
    delta = reward + gamma * next_value * ~terminated - value
    advantage, carry = np.empty_like(delta), np.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        advantage[t] = carry = delta[t] + gamma * lam * ~done[t] * carry
    return advantage, advantage + value

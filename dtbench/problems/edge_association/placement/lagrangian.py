"""A lower bound of all placements by prices on users and on places of servers, and the sets of servers it leads to.

For slots whose MILPs take hours. With a price l_i on the service of each user and a toll t_k on each place of a server,
what users cost, in the unit of (13), is at least

    sum_i l_i + sum_k min(0, fee - t_k N_k + min_S sum_{i in S} (B_i q_ik + t_k - l_i) + R_S^2 / F_k)

with R_S the sum of sqrt(w_i) over a set S of users. The inner minimum is at least, for every p >= 0, that of
``p R_S - F_k p^2 / 4`` in place of the square: a sum over users. The best p is ``2 R_S / F_k`` of the users that pay.
Deadlines only leave out pairs whose floor does not fit. Prices and tolls climb by steps of Polyak (1969).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dtbench.arrays import Array, BoolArray
from dtbench.problems.edge_association.placement.model import PlacementSlot
from dtbench.problems.edge_association.placement.waterfill import TOLERANCE

HALVINGS = 14  # of the bracket of each p
STEPS, PATIENCE, LEAST_STEP = 600, 10, 1e-3  # steps at most; those without progress before they are halved; the last
PROGRESS = 1e-5  # relative, that counts
TOLL = 0.3  # length of a step of tolls against that of prices
SETS = 6  # of servers that are remembered, the last ones that made progress


@dataclass(frozen=True)
class Ascent:
    """``bound`` of the objective of every placement; ``opened`` (R, M): sets of servers, the best bound's first."""

    bound: float
    opened: BoolArray


@dataclass(frozen=True)
class Servers:
    """``carry`` (N, M) [s], inf where a pair is left out; ``root`` (N, 1); ``cpu``, ``cap`` (M,); ``fee`` [s]."""

    carry: Array
    root: Array
    cpu: Array
    cap: Array
    fee: float

    @classmethod
    def of(cls, slot: PlacementSlot) -> Servers:
        """The servers of a slot without leading axes."""
        cpu = np.asarray(slot.cpu) * (1.0 + TOLERANCE)
        carry = np.where(slot.floor <= cpu, slot.carry, np.inf)
        fee = slot.fee_weight * slot.params.open_cost / slot.user_weight
        return cls(carry, slot.root[:, None], cpu, np.asarray(slot.cap, dtype=float), fee)

    def best(self, price: Array, toll: Array) -> tuple[Array, BoolArray]:
        """What each server adds if it opens (M,) [s], at least, and the users (N, M) that it would take."""
        base = self.carry + toll - price[:, None]
        low, high = np.zeros(self.cpu.shape), 2.0 * self.root.sum() / self.cpu
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            load = np.where(base + middle * self.root < 0.0, self.root, 0.0).sum(axis=0)
            up = 2.0 * load / self.cpu > middle
            low, high = np.where(up, middle, low), np.where(up, high, middle)
        rate = 0.5 * (low + high)
        paid = base + rate * self.root
        taken = paid < 0.0
        gained = np.where(taken, paid, 0.0).sum(axis=0)
        return self.fee - 0.25 * self.cpu * rate**2 - toll * self.cap + gained, np.asarray(taken)


def ascend(slot: PlacementSlot, upper: float, until: float = np.inf) -> Ascent:
    """Climb to a good bound of a slot (no leading axes).

    Parameters
    ----------
    upper
        The objective of a placement, which sets the length of steps.
    until
        When to stop [s, of ``time.perf_counter``], after one step at least.
    """
    servers, rest = Servers.of(slot), float(slot.fee_weight * slot.energy)
    goal = (upper - rest) / slot.user_weight
    price = (servers.carry + 2.0 * np.sqrt(servers.fee / servers.cpu) * servers.root).min(axis=1)
    toll = np.zeros(slot.n_bs)
    best, kept, step, idle = -np.inf, (price, toll), 1.0, 0
    sets: list[BoolArray] = []
    for _ in range(STEPS):
        added, taken = servers.best(price, toll)
        opened = added < 0.0
        value = float(price.sum() + np.minimum(added, 0.0).sum())
        if not sets or value > best + PROGRESS * abs(best):
            kept, idle = (price, toll), 0
            sets = [opened, *sets[: SETS - 1]]
        else:
            idle += 1
        best = max(best, value)
        if idle == PATIENCE:
            step, idle, (price, toll) = 0.5 * step, 0, kept
        if step < LEAST_STEP or time.perf_counter() >= until:
            break
        count = (taken & opened).sum(axis=0)
        missing = 1.0 - (taken & opened).sum(axis=1)
        over = np.where(opened & ((toll > 0.0) | (count > servers.cap)), count - servers.cap, 0.0)
        price = price + step * (goal - value) / max((missing**2).sum(), 1.0) * missing
        toll = np.maximum(toll + TOLL * step * (goal - value) / max((over**2).sum(), 1.0) * over, 0.0)
    return Ascent(rest + slot.user_weight * best, np.stack(sets))

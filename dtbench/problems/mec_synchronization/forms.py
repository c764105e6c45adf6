"""Models of ``mec-synchronization`` for other solvers, and what their columns say of a decision.

*Strong*: binaries say who is served; what that takes beside the energies alone, ``extra``, is bounded by rows. With
e_k = E({k}) and E_tb the least energy in the longest uplink times,

    extra >= sum over pairs of (E_tb({j, k}) - e_j - e_k) y_jk,    y_jk >= s_j + s_k - 1,
    extra >= (E(I) - sum of e over I) (1 - sum over k in I of (1 - s_k)),

for any set I, or ``sum over I of s <= |I| - 1`` where I cannot be served. The first holds as E_tb is a sum over
interference paths with weights that are not negative, the second as E is superadditive over disjoint sets. Rows of the
sets that the model picks are added until its optimum is the problem's. *Reference* is a MILP on eight levels of uplink
time, a lower bound. Decisions take from the columns who is served; powers, wires and processors are the best for them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import Limits, relative_gap
from dtbench.exact.form import WORK_GAP, Chosen, Form, pyomo_form
from dtbench.exact.linear import LinearModel
from dtbench.problems.mec_synchronization import heuristics, reference
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.exact import attainable, decision_of
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot
from dtbench.problems.mec_synchronization.sets import Prices, best_flips

ROUNDS = 2000  # most sets that are priced
ROUNDING = 1e-6  # relative, of powers that two users need at least
SERVED = (
    "A decision that is read back serves whom the columns say (who cannot be served together with the others is "
    "dropped, by rising worth), with the least energy: power, wire, cpu are those of the convex program; hosts stay."
)


def slot_form(slot: MecSlot, formulation: str, limits: Limits | None) -> Form:
    """The model on sets of served users or, as a bound, the paper's problem on levels of uplink time."""
    return strong(slot, limits) if formulation == "strong" else paper(slot)


def decision_serving(slot: MecSlot, prices: Prices, member: BoolArray) -> MecDecision:
    """The decision of least energy that serves a set (n,), without those who stand in its way."""
    return decision_of(slot, prices.candidates, slot.host, attainable(prices, member))


def served_by(slot: MecSlot, candidates: Candidates, decision: MecDecision) -> BoolArray:
    """Who of the candidates (n,) sends."""
    return np.asarray(candidates.valid & (decision.power[candidates.user] > 0.0))


@dataclass
class Sets:
    """The model on sets: columns s (those who can be served), y of pairs, ``extra`` [E_0]."""

    prices: Prices
    scale: float  # users of the slot

    def __post_init__(self) -> None:
        candidates = self.prices.candidates
        self.alone = candidates.alone()
        self.part: IntArray = np.flatnonzero(candidates.valid & np.isfinite(self.alone))
        n = len(self.part)
        first, second = np.triu_indices(n, 1)
        beside, possible = self._pairs(first, second)
        self.first, self.second, self.never = first[possible], second[possible], (first[~possible], second[~possible])
        keep = beside[possible] > 0.0
        self.first, self.second, self.beside = self.first[keep], self.second[keep], beside[possible][keep]
        self.extra = n + len(self.beside)
        self.columns: list[IntArray] = []
        self.values: list[Array] = []
        self.most: list[float] = []

    def _pairs(self, first: IntArray, second: IntArray) -> tuple[Array, BoolArray]:
        """What two users take beside their energies alone [E_0], in the longest times, and whether they can send."""
        candidates, p = self.prices.candidates, self.prices.candidates.params
        one, other = self.part[first], self.part[second]
        theta, cross, time = self.prices.theta, candidates.cross, candidates.longest
        room = 1.0 - theta[one] * theta[other] * cross[one, other] * cross[other, one]
        possible = room > 0.0
        power = [
            theta[j] * p.noise * (1.0 + theta[k] * cross[j, k]) / np.where(possible, room, 1.0)
            for j, k in ((one, other), (other, one))
        ]
        possible &= (np.maximum(*power) <= p.p_max * (1.0 + ROUNDING)) if len(one) else possible
        energy = (power[0] * time[one] + power[1] * time[other]) / p.e0
        return np.where(possible, energy - self.alone[one] - self.alone[other], 0.0), possible

    def add(self, member: BoolArray) -> None:
        """The row of a set (n,) that has been priced."""
        priced = self.prices.of(member)
        columns = np.flatnonzero(member[self.part])
        size = len(columns)
        beside = priced.lower - float(self.alone[member].sum())
        if math.isinf(priced.lower):
            self._row(columns, np.ones(size), size - 1.0)
        elif beside > 0.0:
            self._row(np.append(columns, self.extra), np.append(np.full(size, beside), -1.0), beside * (size - 1.0))

    def _row(self, columns: IntArray, values: Array, most: float) -> None:
        self.columns.append(columns)
        self.values.append(values)
        self.most.append(most)

    def member(self, x: Array) -> BoolArray:
        """The set (n,) of a point."""
        member = np.zeros(self.prices.candidates.count, dtype=bool)
        member[self.part[x[: len(self.part)] > 0.5]] = True
        return member

    def model(self) -> LinearModel:
        """The model with the rows so far; its objective is J."""
        n, pairs, width = len(self.part), len(self.beside), self.extra + 1
        value = self.prices.value
        cost = np.concatenate([self.alone[self.part] - value[self.part], np.zeros(pairs), [1.0]]) / self.scale
        each, y = np.arange(pairs), n + np.arange(pairs)
        never = len(self.never[0])
        blocks = [  # (rows, row, column, value), <=
            (pairs, np.tile(each, 3), np.concatenate([self.first, self.second, y]), np.repeat([1.0, 1.0, -1.0], pairs)),
            (never, np.tile(np.arange(never), 2), np.concatenate(self.never), np.ones(2 * never)),
            (1, np.zeros(pairs + 1, dtype=int), np.append(y, self.extra), np.append(self.beside, -1.0)),
            (
                len(self.most), np.repeat(np.arange(len(self.most)), [len(c) for c in self.columns]),
                np.concatenate([np.zeros(0, dtype=int), *self.columns]), np.concatenate([np.zeros(0), *self.values]),
            ),
        ]  # fmt: skip
        rows = [sparse.csr_array((data, (row, column)), shape=(count, width)) for count, row, column, data in blocks]
        high = np.concatenate([np.ones(pairs + never), [0.0], self.most])
        lost = float(self.prices.candidates.lost) + float(value.sum())
        names = [f"serve_{self.prices.candidates.user[k]}" for k in self.part.tolist()]
        user = self.prices.candidates.user[self.part]
        names += [f"both_{user[j]}_{user[k]}" for j, k in zip(self.first.tolist(), self.second.tolist(), strict=True)]
        return LinearModel(
            cost=cost, lower=np.zeros(width), upper=np.append(np.ones(width - 1), np.inf), integer=np.arange(width) < n,
            rows=sparse.csr_array(sparse.vstack(rows)), row_lower=np.full(len(high), -np.inf), row_upper=high,
            offset=lost / self.scale, names=[*names, "extra"],
        )  # fmt: skip


def strong(slot: MecSlot, limits: Limits | None) -> Form:
    """The model on sets of served users; exact if there was time for all rows that it takes."""
    candidates = Candidates.of(slot, slot.host)
    prices = Prices(candidates)
    sets, gap = Sets(prices, float(slot.n_users)), math.nan
    note = SERVED
    if limits is not None:
        gap = closed(sets, replace(limits, gap=limits.gap or WORK_GAP))
    if slot.hosts_open and slot.params.migration_slots == 0:
        gap, note = math.nan, "Hosts stay as they are; moving twins takes no time here and may pay. " + SERVED

    def chosen(decision: MecDecision) -> Chosen:
        member = served_by(slot, candidates, decision)
        if not np.isfinite(sets.alone[member]).all():
            raise ValueError("it serves a user who cannot be in time even alone")
        return dict(enumerate(member[sets.part].astype(float).tolist()))

    legend = (
        "serve_K = 1: user K is in time, power[K] > 0; 0: silent, or without a request",
        "both_J_K: both are served; extra: energy beside that of each alone, in units of E_0 (no field)",
    )
    return Form(
        model=sets.model(), legend=legend, decision=lambda x: decision_serving(slot, prices, sets.member(x)),
        chosen=chosen, gap=gap, note=note,
    )  # fmt: skip


def closed(sets: Sets, limits: Limits) -> float:
    """Add rows until the model's optimum is the problem's; the relative gap that is left, NaN if none is known."""
    from dtbench.exact.highs import solve_highs

    prices, until = sets.prices, time.perf_counter() + limits.seconds
    best = best_flips(prices, heuristics.admitted(prices.candidates), until)
    lost = float(prices.candidates.lost)
    cost = prices.total(best.member) + lost
    for member in (np.frombuffer(key, dtype=bool) for key in list(prices.sets)):
        sets.add(member)
    bound = -math.inf
    wanted = limits.gap or 0.0
    for _ in range(ROUNDS):
        left = until - time.perf_counter()
        if left <= 0.0:
            break
        result = solve_highs(sets.model(), replace(limits, seconds=left, gap=0.3 * wanted, gap_abs=0.0))
        bound = max(bound, result.bound * sets.scale) if math.isfinite(result.bound) else bound
        if result.x is None:
            break
        member = sets.member(result.x)
        known = member.tobytes() in prices.sets
        if math.isfinite(prices.of(member).upper):
            cost = min(cost, prices.total(member) + lost)
        if cost - bound <= wanted * abs(cost) or known:
            break
        sets.add(member)
    return relative_gap(cost, min(bound, cost)) if math.isfinite(bound) else math.nan


def paper(slot: MecSlot) -> Form:
    """Problem (14) of the paper on levels of uplink time: a lower bound."""
    candidates, model = Candidates.of(slot, slot.host), reference.build(slot)
    user = reference.users_of_levels(slot)

    def decision() -> MecDecision:
        return decision_serving(slot, Prices(candidates), reference.members(model, slot))

    def chosen(given: MecDecision) -> Iterator[tuple[Any, float]]:
        member = served_by(slot, candidates, given)
        for c in model.levels:
            if not member[user[c]]:
                yield model.z[c], 0.0

    legend = (
        "z_C = 1: the user of level C is served, power[K] > 0; levels C of users K: " + ranges(candidates, user),
        "p_C: power [W] on the level; w, f: shares of wire and processor (no field)",
    )
    note = "Uplink times are on levels: the radio has the longest time of a level, all else what the shortest leaves; "
    note += "--formulation strong is exact. "
    return pyomo_form(model, legend, decision, chosen, math.nan, note + SERVED)


def ranges(candidates: Candidates, user: IntArray) -> str:
    """``0-7: user 3``, and so on."""
    parts = []
    for k in np.unique(user).tolist():
        levels = np.flatnonzero(user == k)
        parts.append(f"{levels[0]}-{levels[-1]}: {candidates.user[k]}")
    return ", ".join(parts)

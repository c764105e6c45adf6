"""The pattern model of a slot: one binary column per thing that can happen on an RB. Any interference, few users.

A pattern says what every base station does on one RB: nothing, its upload, or one of the users that it covers. Its
value is what the referee gives it as a decision of one RB, which also leaves out patterns that break a delay limit.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.exact.linear import LinearModel
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, evaluate

LARGEST = 300_000  # columns
IDLE, UPLOAD = -1, -2


@dataclass(frozen=True)
class Patterns:
    """Columns of the model: patterns, then v_m and g_u as in the active-set model.

    ``what`` (P, M): user, ``IDLE`` or ``UPLOAD``. ``rate`` (P,) [bit/s]: sum rate. ``block_worth`` (M,), ``user_worth``
    (len(g_user),) and ``constant`` as there.
    """

    slot: DntSlot
    what: IntArray
    rate: Array
    g_user: IntArray
    block_worth: Array
    user_worth: Array
    constant: float

    @staticmethod
    def count(slot: DntSlot) -> int:
        """Patterns before any is left out: prod_m (|U_m| + 2) - 1."""
        return math.prod((slot.cover.sum(axis=0) + 2).tolist()) - 1

    @classmethod
    def of(cls, slot: DntSlot) -> Patterns:
        """All patterns of a slot that are feasible on their own.

        Raises
        ------
        ValueError
            If there would be more than 300 000.
        """
        from dtbench.problems.dnt_spectrum.active_sets import ActiveSets

        if cls.count(slot) > LARGEST:
            raise ValueError(f"the slot has {cls.count(slot):.6g} patterns; more than {LARGEST} are not enumerated")
        choices = [[IDLE, UPLOAD, *np.flatnonzero(slot.cover[:, m]).tolist()] for m in range(slot.n_bs)]
        what = np.array(list(itertools.product(*choices)), dtype=np.int64)[1:]  # the first is all idle
        ordered = np.sort(what, axis=1)
        twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
        what = what[~twice]
        outcome = evaluate(slot, as_decision(slot, what))
        broken = outcome.violations["upload_delay"] > 0.0
        sets = ActiveSets.of(slot)
        return cls(
            slot, what[~broken], outcome.metrics["rate_sum"][~broken],
            sets.g_user, sets.block_worth, sets.user_worth, sets.constant,
        )  # fmt: skip

    @property
    def upload_columns(self) -> slice:
        """Columns v."""
        return slice(len(self.what), len(self.what) + self.slot.n_bs)

    def model(
        self, *, upload: BoolArray | None = None, at_most: bool = False, bonus: float | Array = 0.0, whole: bool = False
    ) -> LinearModel:
        """The MILP: every user in one pattern at most, every upload in v_m, at most N patterns.

        Parameters as of :meth:`dtbench.problems.dnt_spectrum.active_sets.ActiveSets.model`.
        """
        slot = self.slot
        users, stations, n_g, size = slot.n_users, slot.n_bs, len(self.g_user), len(self.what)
        end = size + stations + n_g
        at, station = np.nonzero(self.what >= 0)
        up_at, up_bs = np.nonzero(self.what == UPLOAD)
        g_index, g_bs = np.nonzero(slot.cover[self.g_user])
        first = np.cumsum([0, users, stations, 1, n_g])
        entries = [
            (self.what[at, station], at, 1.0),
            (first[1] + up_bs, up_at, 1.0),
            (first[1] + np.arange(stations), size + np.arange(stations), -1.0),
            (np.full(size, first[2]), np.arange(size), 1.0),
            (first[3] + np.arange(n_g), size + stations + np.arange(n_g), 1.0),
            (first[3] + g_index, size + g_bs, -1.0),
        ]
        row, column = (np.concatenate([e[i] for e in entries]) for i in (0, 1))
        value = np.concatenate([np.full(len(e[0]), e[2]) for e in entries])
        row_upper = np.zeros(first[-1])
        row_upper[:users], row_upper[first[2]] = 1.0, slot.n_rb
        row_lower = np.full(first[-1], -np.inf)
        row_lower[first[1] : first[2]] = 0.0
        if slot.params.serve_all:
            row_lower[:users] = slot.cover.any(axis=-1)
        lower, upper, integer = np.zeros(end), np.ones(end), np.ones(end, dtype=bool)
        if upload is not None:
            upper[size : size + stations] = upload
            lower[size : size + stations] = 0.0 if at_most else upload
        integer[size + stations :] = whole
        return LinearModel(
            cost=np.concatenate([slot.params.rate_weight * self.rate, self.block_worth + bonus, self.user_worth]),
            lower=lower, upper=upper, integer=integer, row_lower=row_lower, row_upper=row_upper, sense="max",
            rows=sparse.csr_array((value, (row, column)), shape=(int(first[-1]), end)), offset=self.constant,
        )  # fmt: skip

    def decision(self, x: Array) -> DntDecision:
        """The chosen patterns on RBs 0, 1, ..."""
        what = self.what[x[: len(self.what)] > 0.5]
        bs, rb = np.full((2, self.slot.n_users), -1)
        up = np.full(self.slot.n_bs, -1)
        block, station = np.nonzero(what >= 0)
        user = what[block, station]
        bs[user], rb[user] = station, block
        block, station = np.nonzero(what == UPLOAD)
        up[station] = block
        return DntDecision.of(bs, rb, up)


def as_decision(slot: DntSlot, what: IntArray) -> DntDecision:
    """Patterns (P, M) as decisions of RB 0 only."""
    size = len(what)
    bs = np.full((size, slot.n_users), -1)
    row, station = np.nonzero(what >= 0)
    bs[row, what[row, station]] = station
    return DntDecision.of(bs, np.where(bs >= 0, 0, -1), np.where(what == UPLOAD, 0, -1))

"""The strong formulation of ``edge-placement`` in integers, for CP-SAT."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from dtbench.anytime import Teller
from dtbench.arrays import IntArray
from dtbench.core import Limits
from dtbench.exact.cpsat import solve_cpsat
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.problems.edge_association.placement.formulation import Cuts, Formulation
from dtbench.problems.edge_association.placement.model import PlacementDecision

TICK = 1e-7  # s, unit of all costs; rounding loses at most two of them per twin
PARTS = 10**9  # of a processor, in which floors are counted


class CpSatMaster:
    """Costs in ticks, cuts with phi rounded down and constants up, floors rounded down: the bound stays valid.

    A placement whose floors fit by rounding only is none for the referee and never becomes the incumbent.
    """

    def __init__(self, form: Formulation, cuts: list[Cuts]) -> None:
        self.form = form
        self.unit = form.slot.user_weight * TICK  # objective per tick
        self.model = self._integer()
        for each in cuts:
            self.add(each)

    def _integer(self) -> LinearModel:
        form, m = self.form, self.form.n_bs
        model = form.model()
        rows = sparse.csr_array(model.rows[:-m])
        shares = model.rows[-m:] * float(PARTS)
        shares.data = np.floor(shares.data)
        cost = model.cost / self.unit
        cost[-m:] = 1.0
        longest = np.where(form.pair, form.slot.root[:, None] ** 2 / form.slot.floor, 0.0).sum(axis=0)  # V_k on floors
        upper = model.upper.copy()
        upper[-m:] = np.ceil(longest / TICK) + 1.0
        return replace(
            model, cost=cost, upper=upper, integer=np.ones(form.n_columns, dtype=bool), offset=0.0,
            rows=sparse.csr_array(sparse.vstack([rows, shares])),
        )  # fmt: skip

    def add(self, cuts: Cuts) -> None:
        """Take more cuts."""
        count = len(cuts.server)
        scaled = Cuts(cuts.server, np.floor(cuts.phi / TICK), np.ceil(cuts.constant / TICK))
        self.model = self.model.with_rows(self.form.cut_rows(scaled), np.full(count, -np.inf), np.zeros(count))

    def solve(self, limits: Limits, start: IntArray | None) -> tuple[MilpResult, PlacementDecision | None]:
        """Solve with the cuts so far, from an association (N,) if there is one."""
        offset = float(self.form.slot.fee_weight * self.form.slot.energy)
        hint = None
        if start is not None:
            hint = self.form.point(start)
            hint[-self.form.n_bs :] = np.ceil(hint[-self.form.n_bs :] / TICK)
        teller = Teller(self.form.decision, lambda bound: bound * self.unit + offset)
        limits = replace(limits, gap_abs=limits.gap_abs / self.unit)
        ticks = solve_cpsat(self.model, limits, scale=1.0, start=hint, teller=teller)
        result = replace(ticks, objective=ticks.objective * self.unit + offset, bound=ticks.bound * self.unit + offset)
        return result, None if result.x is None else self.form.decision(result.x)

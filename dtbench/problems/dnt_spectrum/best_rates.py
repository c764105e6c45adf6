"""The best sum rate of every slot and set of uploads: first a bound of each by linear programming, then what is needed.

The relaxation of the active-set model is nearly always tight, and one simplex run goes on from the other where only the
uploads change. The few entries that an optimal timeline uses are then settled by MILP.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import highspy
import numpy as np

from dtbench.arrays import Array, BoolArray
from dtbench.core import Limits
from dtbench.exact.highs import LOCK, load
from dtbench.exact.linear import FEASIBILITY, LinearModel
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets
from dtbench.problems.dnt_spectrum.exact import by_highs, form_of
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot
from dtbench.problems.dnt_spectrum.packing import members
from dtbench.problems.dnt_spectrum.patterns import Patterns

OUT_OF_TIME = "Time limit reached"  # HiGHS' word for it


@dataclass
class BestRates:
    """Bounds of epsilon times the sum rate if exactly the base stations in V upload.

    ``value`` (T, 2^M): -inf where V is impossible. ``decision``: of the entries that are settled, None if impossible.
    """

    forms: list[ActiveSets | Patterns]
    models: list[LinearModel]
    value: Array
    decision: dict[tuple[int, int], DntDecision | None]

    @classmethod
    def of(cls, slots: DntSlot, deadline: float) -> BestRates | None:
        """Bounds for slots (T,) whose twin is right; None if time is over."""
        forms: list[ActiveSets | Patterns] = []
        models: list[LinearModel] = []
        values: list[Array] = []
        for t in range(len(slots.gain)):
            forms.append(form_of(slots[t], patterns=slots.params.interference == "printed"))
            models.append(forms[-1].model())
            value = relaxed(models[-1], forms[-1].upload_columns, deadline)
            if value is None:
                return None
            values.append(value)
        return cls(forms, models, np.stack(values), {})

    def settle(self, t: int, v: int, limits: Limits) -> bool:
        """Solve entry (t, V) by MILP, if that has not been done; returns whether its value fell.

        An entry that has no point when time is over stays open.
        """
        if (t, v) in self.decision:
            return False
        form, upload = self.forms[t], members(self.forms[t].slot.n_bs)[v]
        result = by_highs(fixed(self.models[t], form.upload_columns, upload), limits)
        before = self.value[t, v]
        if result.x is None and result.native == OUT_OF_TIME:
            return False
        if result.x is None and result.status != "infeasible":
            raise ValueError(
                f"HiGHS finds no point in slot {t} for a set of uploads that may have one: {result.native}"
            )
        self.decision[t, v] = None if result.x is None else form.decision(result.x)
        self.value[t, v] = -np.inf if result.x is None else min(before, result.bound)
        return bool(self.value[t, v] < before)


def fixed(model: LinearModel, columns: slice, upload: BoolArray) -> LinearModel:
    """The model with its upload columns fixed to ``upload`` (M,)."""
    lower, upper = model.lower.copy(), model.upper.copy()
    lower[columns] = upper[columns] = upload
    return replace(model, lower=lower, upper=upper)


def relaxed(model: LinearModel, columns: slice, deadline: float = np.inf) -> Array | None:
    """Value (2^M,) of the relaxation for every V, -inf where it has no point; None if time is over before.

    Raises
    ------
    ValueError
        If HiGHS proves nothing about one, warm or cold.
    """
    highs = load(replace(model, integer=np.zeros(model.n_columns, dtype=bool)))
    for name in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        highs.setOptionValue(name, FEASIBILITY)
    highs.setOptionValue("threads", 1)
    at = np.arange(columns.start, columns.stop, dtype=np.int32)
    sets = members(len(at))
    value = np.full(len(sets), -np.inf)
    for v, upload in enumerate(sets.astype(np.float64)):
        if time.perf_counter() > deadline:
            return None
        highs.changeColsBounds(len(at), at, upload, upload)
        with LOCK:
            highs.run()
            if highs.getModelStatus() not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
                highs.clearSolver()
                highs.run()
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            value[v] = highs.getInfo().objective_function_value
        elif status != highspy.HighsModelStatus.kInfeasible:
            raise ValueError(f"HiGHS ended with '{highs.modelStatusToString(status)}' on a relaxation")
    return value

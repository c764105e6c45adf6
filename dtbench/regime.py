"""What a method may know of an instance: its regime decides, and access follows from it.

``local``
    What agents observe, slot by slot, as the problem defines it: that of the papers' agents. The method is never given
    a slot; see :mod:`dtbench.view`.
``global``
    The whole slot, as it comes.
``future``
    The whole trace.

All of them know what does not change, the network. Who is not given the future is handed copies, so nothing that it is
given leads to later slots. A regime says what a method is given, not what it uses: a rule is handed the slot and is
``global``, if it looks at one distance only.

Not prevented, because solver and referee share a process: a solver that reads the instance's file or walks the
interpreter's frames and objects, and one that recognises an instance of the library, which is public. Nor that one of
several local agents uses what another one observes: they are one object.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from dtbench.arrays import ArraySpec
from dtbench.core import AnyProblem, Instance, Slot

Regime = Literal["local", "global", "future"]
REGIMES: tuple[Regime, ...] = get_args(Regime)
FORMS: dict[str, Regime] = {"gym": "global", "parallel": "local"}  # what a dtbench.GymPolicy of a form is given
STAND_IN = 0  # seed of the trace whose first slot stands for one that is not shown


def shown(problem: AnyProblem, instance: Instance, regime: Regime) -> Instance:
    """The instance as a method of a regime sees it before the first slot.

    Without the future, the trace stands still: what changes from slot to slot has the first slot's value in all of
    them. To a local method, these are not the played trace's, but those of a fresh trace of the same network. Shapes
    and parameters are the instance's, but for those that would draw the same trace again; seed and name are left out.
    """
    if regime == "future":
        return instance
    source = instance
    if regime == "local":
        held = _standing(problem, instance)  # nothing of the trace but its first slot can reach the draw
        source = problem.resample(held, np.random.default_rng(np.random.SeedSequence(STAND_IN)))
    return _standing(problem, source)


def _standing(problem: AnyProblem, instance: Instance) -> Instance:
    """The instance with the first slot's values in all slots."""
    new: dict[str, Any] = {n: _held(np.asarray(v), spec, problem.trace_axes) for n, spec, v in instance.arrays()}
    defaults = type(instance.params)()
    unnamed = {name: getattr(defaults, name) for name, what in problem.seed_params.items() if what == "trace"}
    new["params"] = instance.params.replace(unnamed)
    return dataclasses.replace(instance, **new, seed=-1, name="")


def handed(slot: Slot, known: Instance) -> Slot:
    """Slots as a method gets them that knows an instance as :func:`shown`: copies that cannot be written to."""
    return dataclasses.replace(slot.copied(), params=known.params)


def _held(value: npt.NDArray[Any], spec: ArraySpec, axes: tuple[str, ...]) -> npt.NDArray[Any]:
    """Values (\\*batch, time, ...) that are those of the first slot in every slot; a copy, read-only."""
    lead = value.ndim - len(spec.dims)
    first = tuple(slice(0, 1) if dim in axes else slice(None) for dim in spec.dims)
    return np.broadcast_to(np.array(value[(slice(None),) * lead + first]), value.shape)

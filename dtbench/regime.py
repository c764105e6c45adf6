"""What a method may know of an instance: its regime decides, and access follows from it.

``policy``: what does not change, and slot by slot the present one. ``clairvoyant``: the whole trace. A policy is handed
copies, so nothing that it is given leads to later slots. Not prevented, because solver and referee share a process: a
solver that reads the instance's file or walks the interpreter's frames and objects, and one that recognises an instance
of the library, which is public.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dtbench.arrays import ArraySpec
from dtbench.core import AnyProblem, Instance, Slot

Regime = Literal["policy", "clairvoyant"]


def shown(problem: AnyProblem, instance: Instance, regime: Regime) -> Instance:
    """The instance as a method of a regime sees it before the first slot.

    To a policy, the trace stands still: what changes from slot to slot has the first slot's value in all of them.
    Shapes and parameters are the instance's, but for those that would draw the same trace again; seed and name are left
    out.
    """
    if regime == "clairvoyant":
        return instance
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

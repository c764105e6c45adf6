"""Slots, joint actions and decisions to try a problem with, all in read-only arrays: nothing may write to its input."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Batched
from dtbench.core import AnyProblem, Decision, Instance, Slot
from dtbench.encoding import Encoding

MEMBERS = 4  # joint actions per slot
Joint = npt.NDArray[Any]
BatchedT = TypeVar("BatchedT", bound=Batched)


def frozen(batched: BatchedT) -> BatchedT:
    """A copy whose arrays cannot be written to."""
    return dataclasses.replace(batched, **{name: readonly(np.array(value)) for name, _, value in batched.arrays()})


def writable(batched: BatchedT) -> BatchedT:
    """A copy whose arrays can be written to."""
    return dataclasses.replace(batched, **{name: np.array(value) for name, _, value in batched.arrays()})


def readonly(x: Joint) -> Joint:
    """The same array, which cannot be written to any more."""
    x.flags.writeable = False
    return x


@cache
def instance_of(problem: AnyProblem, size: str, seed: int = 1) -> Instance:
    """An instance of a size."""
    instance: Instance = frozen(problem.generate(size, seed))
    return instance


@cache
def walked(problem: AnyProblem, size: str, slots: int = 5) -> Slot:
    """Slots (T,) that a random policy meets."""
    instance, rng = instance_of(problem, size), np.random.default_rng(2)
    encoding = problem.encodings(instance)["search"]
    state, met = problem.start(instance), []
    for t in range(min(slots, instance.horizon)):
        slot = frozen(problem.slot(instance, t, frozen(state)))
        met.append(slot)
        decision = encoding.decode(slot, readonly(encoding.sample(rng)))
        state = problem.advance(slot, frozen(decision))
    return frozen(type(met[0]).stack(met))


def drawn(problem: AnyProblem, size: str, name: str = "search") -> tuple[Slot, Encoding, Joint, Decision]:
    """Slots (T,), an encoding, joint actions (P, T, size) and their decisions (P, T)."""
    slots = walked(problem, size)
    encoding = problem.encodings(instance_of(problem, size))[name]
    x = readonly(encoding.sample(np.random.default_rng(3), (MEMBERS, *slots.batch_shape)))
    return slots, encoding, x, frozen(encoding.decode(slots, x))


def disturbed(decision: BatchedT) -> BatchedT:
    """A decision with some entries moved, out of their range too: mostly infeasible."""
    rng, new = np.random.default_rng(4), {}
    for name, spec, value in decision.arrays():
        hit = rng.random(value.shape) < 0.5
        if spec.kind == "int":
            moved = value + rng.integers(-2, 3, value.shape)
        elif spec.kind == "bool":
            moved = ~value
        else:
            moved = value * rng.uniform(-0.5, 3.0, value.shape) + rng.uniform(0.0, 1e-3, value.shape)
        new[name] = np.where(hit, moved, value)
    return frozen(dataclasses.replace(decision, **new))

"""Slots, joint actions and decisions to try a problem with, in read-only arrays, and comparisons of what comes out."""

import dataclasses
from functools import cache

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

MEMBERS = 4  # joint actions per slot


def frozen(batched):
    """A copy whose arrays cannot be written to."""
    new = {}
    for name, _, value in batched.arrays():
        new[name] = np.array(value)
        new[name].flags.writeable = False
    return dataclasses.replace(batched, **new)


def readonly(x):
    x.flags.writeable = False
    return x


@cache
def instance_of(problem, size, seed=1):
    return frozen(problem.generate(size, seed))


@cache
def walked(problem, size, slots=5):
    """Slots (T,) that a random policy meets, in read-only arrays."""
    instance, rng = instance_of(problem, size), np.random.default_rng(2)
    encoding = problem.encodings(instance)["search"]
    state, met = problem.start(instance), []
    for t in range(min(slots, instance.horizon)):
        slot = frozen(problem.slot(instance, t, frozen(state)))
        met.append(slot)
        decision = encoding.decode(slot, readonly(encoding.sample(rng)))
        state = problem.advance(slot, frozen(decision))
    return frozen(type(met[0]).stack(met))


def drawn(problem, size, name="search", seed=3):
    """Slots (T,), an encoding, joint actions (P, T, size) and their decisions (P, T)."""
    slots = walked(problem, size)
    encoding = problem.encodings(instance_of(problem, size))[name]
    x = readonly(encoding.sample(np.random.default_rng(seed), (MEMBERS, *slots.batch_shape)))
    return slots, encoding, x, frozen(encoding.decode(slots, x))


def disturbed(decision, seed=4):
    """A decision with some entries moved, out of their range too: mostly infeasible."""
    rng, new = np.random.default_rng(seed), {}
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


def arrays(value, prefix=""):
    """Every array of a batched dataclass, an outcome, an observation or a dict, by its path."""
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name != "params"}
    if not isinstance(value, dict):
        return {prefix: np.asarray(value)}
    return {path: a for name, part in value.items() for path, a in arrays(part, f"{prefix}/{name}").items()}


def assert_close(found, expected, **tolerance):
    found, expected = arrays(found), arrays(expected)
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        if value.dtype.kind in "biu":
            assert_array_equal(found[path], value, err_msg=path)
        elif value.dtype.kind == "f":
            assert_allclose(found[path], value, **({"rtol": 1e-9, "atol": 1e-12} | tolerance), err_msg=path)


def member(value, index, batch):
    """Part ``index`` of all arrays of a value whose leading axes are (broadcast to) ``batch``."""
    return {path: a[index] if a.shape[: len(batch)] == batch else a for path, a in arrays(value).items()}


def assert_batch_equals_loop(whole, single, batch):
    """``whole`` has leading axes ``batch``; ``single(index)`` computes one member."""
    for index in np.ndindex(*batch):
        for path, value in arrays(single(index)).items():
            if value.dtype.kind not in "biuf":
                continue
            found = arrays(whole)[path]
            assert found.shape == (*batch, *value.shape), path
            if value.dtype == np.float32:
                assert_allclose(found[index], value, rtol=1e-5, atol=1e-6, err_msg=path)
            else:
                assert_allclose(found[index], value, rtol=1e-9, atol=1e-12, err_msg=path)

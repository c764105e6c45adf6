"""Which network a policy is of: a hash of all that stays when a problem draws fresh traces of an instance."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.core import AnyProblem, Instance

PROBES = 3  # fresh traces that must agree with the instance; small whole numbers agree with one by chance
TOLERANCE = 1e-9  # relative: the same law may round otherwise on another processor


def network_key(problem: AnyProblem, instance: Instance) -> str:
    """Hash of the parameters and of the arrays that ``problem.resample`` keeps; the same on every machine.

    Instances of one key give policies the same training: where a problem draws everything anew, all instances of the
    same parameters have one key.
    """
    texts = {name: _text(value) for name, value in kept(problem, instance).items()}
    return digest({"problem": problem.id, "params": network_params(problem, instance), "arrays": texts})


def size_key(problem: AnyProblem, instance: Instance) -> str:
    """Hash of the parameters alone: what stays when every episode is on another network of the size."""
    return digest({"problem": problem.id, "params": size_params(problem, instance)})


def network_params(problem: AnyProblem, instance: Instance) -> dict[str, Any]:
    """The parameters but those that only say which trace it is."""
    seeds = problem.seed_params
    return {n: value for n, value in instance.params.asdict().items() if seeds.get(n) != "trace"}


def size_params(problem: AnyProblem, instance: Instance) -> dict[str, Any]:
    """The parameters but those that say which network of the size, or which trace, it is."""
    return {n: value for n, value in instance.params.asdict().items() if n not in problem.seed_params}


def kept(problem: AnyProblem, instance: Instance) -> dict[str, npt.NDArray[Any]]:
    """The array fields of an instance that fresh traces share with it."""
    fresh = problem.resample(instance, np.random.default_rng(0), (PROBES,))
    redrawn = {name: value for name, _, value in fresh.arrays()}
    return {n: np.asarray(v) for n, _, v in instance.arrays() if _agree(np.asarray(v), np.asarray(redrawn[n]))}


def digest(facts: Any) -> str:
    """SHA-256 of facts as canonical JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _agree(value: npt.NDArray[Any], fresh: npt.NDArray[Any]) -> bool:
    """Whether all fresh values (\\*batch, ...) are those of the instance (...)."""
    if value.dtype.kind == "f":
        return bool(np.allclose(fresh, value, rtol=TOLERANCE, atol=0.0, equal_nan=True))
    return bool((fresh == value).all())


def _text(value: npt.NDArray[Any]) -> str:
    """Shape and numbers, real ones to nine digits."""
    form = "{:.8e}" if value.dtype.kind == "f" else "{}"
    return f"{value.shape} " + " ".join(map(form.format, value.ravel().tolist()))

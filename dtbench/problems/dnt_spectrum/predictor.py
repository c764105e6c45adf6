"""The twin's prediction of the next status from its last K: hold, mean move, or a gated recurrent unit.

Yu et al. (2025), Sec. III.A, Eqs. (9) to (13). The forward pass is numpy over any leading axes, so that scoring needs
no learning framework; weights are read from safetensors files in ``weights/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dtbench import weights
from dtbench.arrays import Array
from dtbench.errors import DtbenchError, shown
from dtbench.outside import parse_json
from dtbench.problems.dnt_spectrum.instance import DntParams
from dtbench.weights import HEADER

FOLDER = Path(__file__).resolve().parent / "weights"
PROBLEM = "dnt-spectrum"
REMEDY = "Train the network again with `dtbench train-predictor`."
LAW = ("world", "n_bs", "n_users", "spacing", "half_height", "radius", "confine", "step", "history")  # of the walks


@dataclass(frozen=True)
class Gru:
    """Weights of the network, named as in the paper; N^h hidden units, 2U inputs and outputs.

    ``input_*`` (N^h, 2U) and ``hidden_*`` (N^h, N^h) are W and U of the reset gate (9), the candidate (10) and the
    update gate (11); ``output`` (2U, N^h) is W^o of (13). ``bias_*`` (N^h,) are ours, zero gives the paper's network.
    ``drift`` (U, 2) [m] is that of the world it was trained on, by which a foreign world is recognised.
    """

    input_reset: Array
    input_candidate: Array
    input_update: Array
    hidden_reset: Array
    hidden_candidate: Array
    hidden_update: Array
    bias_reset: Array
    bias_candidate: Array
    bias_update: Array
    output: Array
    drift: Array

    def __post_init__(self) -> None:
        if self.input_reset.ndim != 2:
            raise DtbenchError(f"weights 'input_reset' have shape {self.input_reset.shape}, expected two axes.")
        units, inputs = self.input_reset.shape
        wanted = {
            "input": (units, inputs), "hidden": (units, units), "bias": (units,), "output": (inputs, units),
            "drift": (inputs // 2, 2),
        }  # fmt: skip
        for name in self.__dataclass_fields__:
            shape, expected = getattr(self, name).shape, wanted[name.split("_")[0]]
            if shape != expected:
                raise DtbenchError(
                    f"weights '{name}' have shape {shape}, expected {expected}; train the network again."
                )

    def hidden(self, window: Array) -> Array:
        """Hidden state h_t (..., N^h) after the steps of ``window`` (..., K, 2U), Eqs. (9) to (12), from h = 0."""
        state = np.zeros((*window.shape[:-2], self.output.shape[1]))
        for step in range(window.shape[-2]):
            x = window[..., step, :]
            reset = sigmoid(x @ self.input_reset.T + state @ self.hidden_reset.T + self.bias_reset)  # Eq. (9)
            inner = (state * reset) @ self.hidden_candidate.T
            candidate = np.tanh(x @ self.input_candidate.T + inner + self.bias_candidate)  # Eq. (10)
            update = sigmoid(x @ self.input_update.T + state @ self.hidden_update.T + self.bias_update)  # Eq. (11)
            state = (1.0 - update) * candidate + update * state  # Eq. (12)
        return state

    def predict(self, window: Array) -> Array:
        """W^o h_t (..., 2U), Eq. (13)."""
        return np.asarray(self.hidden(window) @ self.output.T)


@dataclass(frozen=True)
class Weights:
    """A network and the header it is stored with: what it was trained for, with which options, how well."""

    network: Gru
    header: Mapping[str, Any]


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x))


def predict(params: DntParams, history: Array, drift: Array) -> Array:
    """Estimated positions (..., U, 2) [m] of the next slot.

    ``hold``: the last status. ``drift``: that plus the user's mean move, the best guess away from walls. ``gru``: the
    last status plus the network's displacement, from displacements over K. ``gru_printed``: absolute positions in units
    of half the area's length go in and come out, as the paper prints it.

    Parameters
    ----------
    history
        (..., K, U, 2) [m], twin statuses, the newest last.
    drift
        (..., U, 2) [m].

    Raises
    ------
    DtbenchError
        If the network's weights are missing, damaged, or of another world.
    """
    last = history[..., -1, :, :]
    if params.predictor == "hold":
        return last
    if params.predictor == "drift":
        return np.asarray(last + drift)
    return estimate(network_for(params, drift), params, history)


def estimate(network: Gru, params: DntParams, history: Array) -> Array:
    """What a network makes of twin statuses (..., K, U, 2) [m] in the form that ``params.predictor`` names."""
    last = history[..., -1, :, :]
    if params.predictor == "gru":
        shift = network.predict(flat((history - last[..., None, :, :]) / params.history))
        return np.asarray(last + shift.reshape(last.shape))
    return np.asarray(params.half_length * network.predict(flat(history / params.half_length)).reshape(last.shape))


def flat(window: Array) -> Array:
    """Statuses (..., K, U, 2) as inputs (..., K, 2U)."""
    return window.reshape(*window.shape[:-2], -1)


def trained_for(params: DntParams) -> dict[str, Any]:
    """What a network must have been trained for to serve instances of these parameters."""
    return {name: getattr(params, name) for name in ("predictor", *LAW)}


def weights_file(params: DntParams, folder: Path | None = None) -> Path:
    """Where the weights for a world are: named by predictor, world, M and U, and a checksum of other settings."""
    unusual = {n: getattr(params, n) for n in LAW[3:] if getattr(params, n) != getattr(DntParams(), n)}
    tail = f"-{hashlib.sha256(json.dumps(unusual).encode()).hexdigest()[:8]}" if unusual else ""
    stem = f"{params.predictor}-world{params.world}-m{params.n_bs}-u{params.n_users}{tail}"
    return (folder or FOLDER) / f"{stem}.safetensors"


def remedy(params: DntParams) -> str:
    """What to do without fitting weights."""
    command = ["dtbench", "train-predictor", PROBLEM, "--size", "paper", "--world", str(params.world)]
    for name in ("predictor", *LAW[1:]):
        if getattr(params, name) != ("gru" if name == "predictor" else getattr(DntParams(), name)):
            command += ["--set", f"{name}={getattr(params, name)}"]
    return f"Train it with `{' '.join(command)}`, or take predictor 'hold' or 'drift'."


def network_for(params: DntParams, drift: Array, folder: Path | None = None) -> Gru:
    """The network that was trained for these parameters; ``drift`` (..., U, 2) [m] tells worlds apart.

    Raises
    ------
    DtbenchError
        If its weights are missing, damaged, or of another world; the message names the file.
    """
    file = weights_file(params, folder)
    if not file.is_file():
        there = ", ".join(sorted(path.name for path in file.parent.glob("*.safetensors"))) or "none"
        raise DtbenchError(f"no predictor weights '{file.name}' in '{file.parent}' (there: {there}). {remedy(params)}")
    weights = load(file)
    if weights.header.get("problem") != PROBLEM:
        raise DtbenchError(f"'{file}' is of problem {weights.header.get('problem')!r}. {remedy(params)}")
    theirs = weights.header.get("trained_for")
    for name, wanted in trained_for(params).items():
        trained = theirs.get(name) if isinstance(theirs, Mapping) else None
        if trained != wanted:
            raise DtbenchError(
                f"'{file}' was trained for {name} = {trained}, the instance has {wanted}. {remedy(params)}"
            )
    network = weights.network
    if network.drift.shape != drift.shape[-2:] or not np.allclose(network.drift, drift, atol=1e-6):
        raise DtbenchError(
            f"'{file}' was trained on another world: its mean moves differ from the instance's. {remedy(params)}"
        )
    return network


@lru_cache(maxsize=32)
def load(file: Path) -> Weights:
    """Read a network and its header.

    Raises
    ------
    DtbenchError
        If the file is damaged or incomplete.
    """
    stored = weights.read(file, REMEDY)
    names = set(Gru.__dataclass_fields__)
    if set(stored.arrays) != names:
        held = shown(", ".join(sorted(stored.arrays)))
        raise DtbenchError(f"'{file}' holds tensors {held}; expected {', '.join(sorted(names))}. {REMEDY}")
    for name, value in stored.arrays.items():
        if value.dtype.kind != "f":
            raise DtbenchError(f"'{file}': array '{name}' holds {value.dtype}, expected real numbers. {REMEDY}")
    weights.check_finite(file, stored.arrays, REMEDY)
    tensors = {name: value.astype(np.float64) for name, value in stored.arrays.items()}
    if not stored.text:
        raise DtbenchError(f"'{file}' has no header '{HEADER}' in its metadata. {REMEDY}")
    header = parse_json(stored.text, f"'{file}': its header")
    if not isinstance(header, dict):
        raise DtbenchError(f"'{file}': its header is {shown(header)}, expected a table. {REMEDY}")
    try:
        return Weights(Gru(**tensors), header)
    except DtbenchError as error:
        raise DtbenchError(f"'{file}': {error}") from None


def save(file: Path, weights: Weights) -> None:
    """Write a network in single precision and its header as JSON in the metadata, under a temporary name first."""
    from safetensors.numpy import save_file

    network = weights.network
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {n: np.ascontiguousarray(getattr(network, n), dtype=np.float32) for n in network.__dataclass_fields__}
    temporary = file.with_suffix(".tmp")
    save_file(tensors, temporary, {HEADER: json.dumps(weights.header, sort_keys=True)})
    temporary.replace(file)
    load.cache_clear()

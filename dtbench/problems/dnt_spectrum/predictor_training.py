"""Trains and measures the twin's gated recurrent unit, Yu et al. (2025), Sec. III.A and III.B, Eqs. (9) to (15).

The paper draws 2000 trajectories of 30 steps and minimises (14) by mini-batch gradient descent. Ours where it is
silent: walks 10000 to 11999 of the world, every window of K statuses and the next one, a tenth of the walks held out,
batches of 256, 15 epochs. Deviations: Adam instead of plain descent (which is an option), for plain descent at the
paper's rate has gone a third of the way from holding to the floor by then; gates have biases; the weights of the epoch
with the least error on the walks held out are kept; the network sees displacements (``gru``), for absolute positions
(``gru_printed``) are predicted far worse than by holding the last one.

PyTorch is imported where a network is trained, and nowhere else.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array
from dtbench.errors import DtbenchError
from dtbench.params import Options, param
from dtbench.prediction import Case, PredictionError, PredictorTraining, Report, Trained
from dtbench.problems.dnt_spectrum import generator
from dtbench.problems.dnt_spectrum import predictor as files
from dtbench.problems.dnt_spectrum.instance import SIZES, DntParams
from dtbench.problems.dnt_spectrum.predictor import Gru, Weights, estimate, network_for, predict, save

if TYPE_CHECKING:
    from torch import Tensor

FIRST_WALK = 10_000  # of training; those of the library are below 10, those of shipped sweeps 4000 (seed // 5) and on
FRESH_WALK = 15_000  # of measuring
STEPS_AHEAD = (1, 5, 20)
SHIPPED: Mapping[str, range] = {"tiny": range(5), "small": range(5), "paper": range(5), "large": range(3)}  # worlds
UNITS = {"paper": 128, "paper9": 128}  # the paper's N^h; 32 do as well elsewhere, in a file of a tenth to a sixth
OTHER_UNITS = 32


@dataclass(frozen=True, kw_only=True)
class GruOptions(Options):
    """How a predictor is trained; the defaults train the shipped ones."""

    seed: int = param(0, "1", "of the first weights and of the order of windows", low=0, high=2**31)
    trajectories: int = param(2000, "1", "walks, a tenth of them held out", low=2, high=FRESH_WALK - FIRST_WALK)
    steps: int = param(30, "slot", "length of a walk", low=2)
    units: int = param(128, "1", "N^h, hidden units", low=1)
    epochs: int = param(15, "1", "passes over all windows", low=1)
    batch: int = param(256, "1", "windows in a step of descent", low=1)
    rate: float = param(1e-3, "1", "lambda_G, learning rate", low=1e-12)
    optimiser: str = param("adam", "1", "Adam, or the paper's gradient descent", choices=("adam", "sgd"))


class GruTraining(PredictorTraining):
    """What ``dtbench train-predictor dnt-spectrum`` does."""

    Options = GruOptions
    unit = "m^2 per coordinate"
    part = "user"
    reported = "Yu et al. (2025), Fig. 2: 0.188, 0.075 and 0.320 for three users"

    @property
    def folder(self) -> Path:
        return files.FOLDER

    def cases(self, sizes: Sequence[str], worlds: Sequence[int], settings: Mapping[str, Any]) -> list[Case]:
        named = sizes or (["paper"] if settings else list(SHIPPED))
        cases = []
        for size in named:
            if size not in SIZES:
                raise DtbenchError(f"unknown size '{size}' of '{files.PROBLEM}'. Known: {', '.join(SIZES)}.")
            params = SIZES[size].replace({"predictor": "gru"} | dict(settings))
            if params.predictor not in ("gru", "gru_printed"):
                raise DtbenchError(f"predictor is '{params.predictor}', which is not trained: gru or gru_printed.")
            fixed = [params.world] if params.world >= 0 else SHIPPED.get(size, range(generator.WORLDS))
            for world in worlds or fixed:
                at = params.replace({"world": world})
                cases.append(Case(f"{size}, world {world}", at, {"units": UNITS.get(size, OTHER_UNITS)}))
        return cases

    def train(self, case: Case, options: Any, folder: Path, report: Report | None = None) -> Trained:
        weights = fit(_params(case), options, report)
        file = files.weights_file(_params(case), folder)
        save(file, weights)
        error = weights.header["error"]
        return Trained(case, file, weights.header, error["gru"], error["hold"])

    def errors(self, case: Case, folder: Path, count: int) -> list[PredictionError]:
        params = _params(case)
        walk, drift = trajectories(params, FRESH_WALK, count, params.history + max(STEPS_AHEAD) + 5)
        return measure(case, walk, drift, network_for(params, drift, folder))


def _params(case: Case) -> DntParams:
    if not isinstance(case.params, DntParams):
        raise TypeError(f"parameters of '{case.name}' are {type(case.params).__name__}, expected DntParams")
    return case.params


def trajectories(params: DntParams, first: int, count: int, steps: int) -> tuple[Array, Array]:
    """Positions (count, steps, U, 2) [m] of walks ``first``, ``first + 1``, ... of a world; and its drift (U, 2) [m].

    They are those of the instances of the same walk, from their warm-up on.
    """
    p_move, _ = generator.draw_world(params)
    walks = []
    for walk in range(first, first + count):
        rng = np.random.default_rng([generator.WALK_STREAM, params.world, walk])
        start = np.array([generator.first_admissible(params, rng) for _ in range(params.n_users)])
        walks.append(generator.walks(params, rng, start, p_move, steps))
    return np.stack(walks), np.asarray(params.step * p_move @ generator.MOVES)


def windows(params: DntParams, walk: Array) -> tuple[Array, Array]:
    """Inputs (I, K, 2U) and targets (I, 2U) of all windows of walks (B, steps, U, 2), in the network's units."""
    k = params.history
    seen = np.lib.stride_tricks.sliding_window_view(walk, k, axis=1)[:, :-1]  # (B, steps - K, U, 2, K)
    seen = np.moveaxis(seen, -1, 2).reshape(-1, k, *walk.shape[-2:])
    following = walk[:, k:].reshape(-1, *walk.shape[-2:])
    if params.predictor == "gru":
        last = seen[:, -1]
        seen, following = (seen - last[:, None]) / k, following - last
    else:
        seen, following = seen / params.half_length, following / params.half_length
    return files.flat(seen), following.reshape(len(following), -1)


def fit(params: DntParams, options: GruOptions, report: Report | None = None) -> Weights:
    """Train a network on one thread.

    Raises
    ------
    DtbenchError
        If PyTorch is not installed, or walks are not longer than the window.
    """
    torch = _torch()
    if options.steps <= params.history:
        raise DtbenchError(f"option 'steps' is {options.steps}; expected more than the window of {params.history}.")
    walk, drift = trajectories(params, FIRST_WALK, options.trajectories, options.steps)
    held_out = max(options.trajectories // 10, 1)
    taught, held = windows(params, walk[held_out:]), windows(params, walk[:held_out])
    scale = 1.0 if params.predictor == "gru" else params.half_length  # to metres
    with one_thread(torch):
        network, error = _descend(torch, taught, held, options, report, scale)
    held_still = float(np.mean((walk[:held_out, params.history :] - walk[:held_out, params.history - 1 : -1]) ** 2))
    header = {
        "problem": files.PROBLEM,
        "trained_for": files.trained_for(params),
        "shape": {"users": params.n_users, "inputs": 2 * params.n_users, "units": options.units},
        "options": options.asdict(),
        "walks": [FIRST_WALK, FIRST_WALK + options.trajectories - 1],
        "error": {"gru": error, "hold": held_still, "of": f"one step ahead, walks held out, {GruTraining.unit}"},
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": str(torch.__version__)},
    }
    return Weights(Gru(**network, drift=drift), header)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise DtbenchError(
            f"training needs PyTorch, which cannot be imported ({error}). Install it: pip install 'dtbench[learn]'"
        ) from error
    return torch


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """One thread and deterministic sums, as long as the context lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


GATES = ("reset", "update", "candidate")  # order of the rows in stacked weights


def first_weights(torch: Any, inputs: int, units: int, generator: Any) -> dict[str, Tensor]:
    """Uniform in 1/sqrt(N^h), as PyTorch's own: stacked ``input`` (3N, 2U), ``hidden``, ``bias``; and ``output``."""
    shapes = {
        "input": (3 * units, inputs), "hidden": (3 * units, units), "bias": (3 * units,), "output": (inputs, units),
    }  # fmt: skip
    bound = units**-0.5
    return {
        name: torch.empty(shape).uniform_(-bound, bound, generator=generator).requires_grad_()
        for name, shape in shapes.items()
    }


def forward(torch: Any, weights: Mapping[str, Tensor], window: Tensor) -> Tensor:
    """Output (I, 2U) for windows (I, K, 2U), Eqs. (9) to (13); :meth:`Gru.predict` in PyTorch."""
    units = weights["output"].shape[1]
    gates, candidate = weights["hidden"][: 2 * units], weights["hidden"][2 * units :]
    given = window @ weights["input"].T + weights["bias"]
    state = torch.zeros(len(window), units, dtype=window.dtype)
    for step in range(window.shape[1]):
        both = torch.sigmoid(given[:, step, : 2 * units] + state @ gates.T)
        reset, update = both[:, :units], both[:, units:]  # Eqs. (9), (11)
        new = torch.tanh(given[:, step, 2 * units :] + (state * reset) @ candidate.T)  # Eq. (10)
        state = (1.0 - update) * new + update * state  # Eq. (12)
    return state @ weights["output"].T  # Eq. (13)


def unstacked(weights: Mapping[str, Tensor]) -> dict[str, Array]:
    """Weights under the names of :class:`Gru`, but for the drift."""
    arrays = {"output": weights["output"].detach().numpy().astype(np.float64)}
    for name in ("input", "hidden", "bias"):
        parts = np.split(weights[name].detach().numpy().astype(np.float64), len(GATES))
        arrays |= {f"{name}_{gate}": part for gate, part in zip(GATES, parts, strict=True)}
    return arrays


def _descend(
    torch: Any,
    taught: tuple[Array, Array],
    held: tuple[Array, Array],
    options: GruOptions,
    report: Report | None,
    scale: float,
) -> tuple[dict[str, Array], float]:
    """The weights of the best epoch, and their error on the windows held out [m^2 per coordinate]."""
    draw = torch.Generator().manual_seed(options.seed)
    weights = first_weights(torch, taught[0].shape[-1], options.units, draw)
    (x, y), (x_held, y_held) = ([torch.tensor(v, dtype=torch.float32) for v in pair] for pair in (taught, held))
    kind = torch.optim.Adam if options.optimiser == "adam" else torch.optim.SGD
    optimiser = kind(list(weights.values()), lr=options.rate)
    best, least = unstacked(weights), np.inf
    for epoch in range(options.epochs):
        for chosen in torch.randperm(len(x), generator=draw).split(options.batch):
            loss = ((forward(torch, weights, x[chosen]) - y[chosen]) ** 2).mean()  # Eq. (14)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()  # Eq. (15)
        with torch.no_grad():
            error = float(((forward(torch, weights, x_held) - y_held) ** 2).mean()) * scale**2
        if error < least:
            best, least = unstacked(weights), error
        if report is not None:
            report(epoch + 1, options.epochs, least)
    if not np.isfinite(least):
        raise DtbenchError(f"training diverged: option 'rate' is {options.rate:g}; try a smaller one.")
    return best, least


def measure(case: Case, walk: Array, drift: Array, network: Gru) -> list[PredictionError]:
    """Errors of hold, drift and a network on walks (B, steps, U, 2) [m], with predictions fed back in.

    Every window that has all of ``STEPS_AHEAD`` behind it starts from K true positions; the predictor's own follow.
    """
    params, k, far = _params(case), _params(case).history, max(STEPS_AHEAD)
    starts = range(walk.shape[1] - k - far + 1)
    measured = []
    for name in ("hold", "drift", params.predictor):
        at = params.replace({"predictor": name})
        history = np.stack([walk[:, start : start + k] for start in starts], axis=1)
        squares = {}
        for step in range(far):
            guess = estimate(network, at, history) if name == params.predictor else predict(at, history, drift)
            truth = np.stack([walk[:, start + k + step] for start in starts], axis=1)
            squares[step + 1] = ((guess - truth) ** 2).mean(axis=(0, 1, 3))  # of each user
            history = np.concatenate([history[:, :, 1:], guess[:, :, None]], axis=2)
        errors = {ahead: float(squares[ahead].mean()) for ahead in STEPS_AHEAD}
        measured.append(PredictionError(case, name, errors, tuple(float(v) for v in squares[1])))
    return measured

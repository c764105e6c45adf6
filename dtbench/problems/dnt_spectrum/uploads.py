"""The encoding ``uploads`` of ``dnt-spectrum``: what an upload is worth beyond its slot; the rest is exact.

One controller sees the whole slot and says, for every base station, what its upload is worth in later slots. The
uploads and RBs are then those that maximise the slot's objective plus these worths. If all are 0 the slot is solved as
if it were the last one. So a network has to learn only what the slot does not show, and its errors matter only where
they change who uploads.

The optimum of a whole trace teaches it (:func:`teacher`): by how much the best that can still come, from the state that
was reached, is better with the upload than without. Averaged over what may come, that is the worth by which hindsight
optimisation decides (Chong, Givan and Chang 2000), which is learned here instead of sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import AnyProblem, Limits
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Head, Layout, Part
from dtbench.problems.dnt_spectrum.board import flattened
from dtbench.problems.dnt_spectrum.instance import DntInstance, DntParams
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, rate, twin_error
from dtbench.problems.dnt_spectrum.packing import best_rates, members, pack, packs
from dtbench.problems.dnt_spectrum.timeline import stale_errors

CERTAIN = 1e3  # of the objective: a worth that decides
OLDEST = 10  # slots: ages of base stations that are told apart
CUT = 8.0  # features are cut at it
TABLES = 3  # base stations up to which all sets of uploads are looked at
CONTROLLER = "controller"

Answer = Callable[[int, DntSlot], npt.NDArray[Any]]


@cache
def layout(n_users: int, n_bs: int) -> Layout:
    """What is seen and what is said: see :func:`observe`, :func:`decode`."""
    return Layout(
        axes={"user": n_users, "station": n_bs},
        parts=(
            Part("pair", ("user", "station"), 5),
            Part("user", ("user",), 3),
            Part("station", ("station",), 7),
            Part("whole", (), 2),
        ),
        heads=(Head("worth", ("station",), "value"),),
    )


def encoding(params: DntParams) -> Encoding:
    """One controller: what the upload of each base station is worth later, in the objective's unit."""
    sets = layout(params.n_users, params.n_bs)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -CERTAIN, CERTAIN), sets.state_size)
    bounds: dict[str, Bounds] = dict.fromkeys((CONTROLLER, "state"), ((sets.state_size, -CUT, CUT),))
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets, teacher=teacher)


def tabulated(params: DntParams) -> bool:
    """Whether the best rates of all sets of uploads are at hand, :func:`best_rates`."""
    return params.n_bs <= TABLES and packs(params)


def values(slot: DntSlot, rates: Array | None = None) -> Array:
    """The best objective (..., 2^M) of the slot for every set of uploads, -inf where it cannot be.

    ``rates`` are the slot's best rates, if they are known.
    """
    rates = best_rates(slot) if rates is None else rates
    error = twin_error(slot[..., None], members(slot.n_bs))
    return np.asarray(slot.params.rate_weight * rates - slot.params.error_weight * error)


def observe(slot: DntSlot) -> Observation:
    """The state, in the order of :func:`layout`; cut at 8. Errors are weighted, in units of epsilon B.

    Pair: whether the user is covered, and by nobody else; what it would get alone / 5 B, its error and the drift of its
    error if covered. User: error; drift of the error, 2 (l - estimate) times the mean move; the mean move's square.
    Base station: what its upload costs in rate if it is the only one, and if all others upload, over B; by how much the
    slot's objective is better with it than without, each with the best choice of the others, over epsilon B; the errors
    and drifts of its users; min(age, 10) / 10; share of the users covered. The first three are 0 where
    :func:`tabulated` is not true. Whole: slots left over T, and min(slots left, 10) / 10.
    """
    slot = slot[...]
    p, lead, stations = slot.params, slot.batch_shape, slot.n_bs
    unit = max(p.rate_weight, 1e-12) * p.bandwidth
    weight = p.error_weight / unit
    error = weight * slot.error
    drift = weight * 2.0 * ((slot.position - slot.estimate) * slot.drift).sum(axis=-1)
    cover = slot.cover.astype(np.float64)
    alone = slot.cover & (slot.cover.sum(axis=-1, keepdims=True) == 1)
    reached = rate(p, p.tx_power * slot.gain, np.zeros(())) / (5.0 * p.bandwidth)
    pair = [cover, alone, cover * reached, cover * error[..., None], cover * drift[..., None]]
    price = np.zeros((*lead, stations, 3))
    if tabulated(p):
        price = prices(slot, unit)
    of_block = [(part[..., None] * cover).sum(axis=-2) for part in (error, drift)]
    left = np.maximum(p.horizon - slot.elapsed, 0)[..., None]
    parts = {
        "pair": np.stack(pair, axis=-1),
        "user": np.stack([error, drift, weight * (slot.drift**2).sum(axis=-1)], axis=-1),
        "station": np.concatenate(
            [price, np.stack([*of_block, np.minimum(slot.age, OLDEST) / OLDEST, cover.mean(axis=-2)], axis=-1)], axis=-1
        ),
        "whole": np.concatenate([left / p.horizon, np.minimum(left, OLDEST) / OLDEST], axis=-1),
    }
    cut = {name: np.clip(part, -CUT, CUT) for name, part in parts.items()}
    state = layout(slot.n_users, stations).join_state(cut, lead)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def prices(slot: DntSlot, unit: float) -> Array:
    """The first three features (..., M, 3) of a base station, see :func:`observe`."""
    stations = slot.n_bs
    sets, rates, all_sets = members(stations), best_rates(slot), 2**stations - 1
    whole = values(slot, rates)
    best = np.where(np.isfinite(rates), rates, -CUT * slot.params.bandwidth)
    told = []
    for m in range(stations):
        gain = whole[..., sets[:, m]].max(axis=-1) - whole[..., ~sets[:, m]].max(axis=-1)
        only = best[..., 0] - best[..., 1 << m]
        last = best[..., all_sets - (1 << m)] - best[..., all_sets]
        told.append(np.stack([only / slot.params.bandwidth, last / slot.params.bandwidth, gain / unit], axis=-1))
    return np.stack(told, axis=-2)


def encode(slot: DntSlot, decision: DntDecision) -> npt.NDArray[Any]:
    """Worths (..., M) that decide for the uploads of a decision."""
    return np.where(decision.up >= 0, CERTAIN, -CERTAIN)


def decode(slot: DntSlot, x: npt.NDArray[Any]) -> DntDecision:
    """The decision that maximises the slot's objective plus worths (..., M) of uploads; exact, members one by one."""
    x = np.asarray(x, dtype=np.float64)
    if tabulated(slot.params):
        sets = members(slot.n_bs)
        chosen = (values(slot) + np.where(sets, x[..., None, :], 0.0).sum(axis=-1)).argmax(axis=-1)
        return pack(slot, sets[chosen])
    return pack(slot, planned(slot, x))


def planned(slot: DntSlot, worth: Array) -> BoolArray:
    """The uploads (..., M) of the same by MILP."""
    from dtbench.problems.dnt_spectrum.exact import best_of, form_of

    lead = np.broadcast_shapes(slot.batch_shape, worth.shape[:-1])
    flat = flattened(slot, lead)
    worth = np.broadcast_to(worth, (*lead, slot.n_bs)).reshape(-1, slot.n_bs)
    printed, flags = slot.params.interference == "printed", []
    for member in range(len(flat.gain)):
        form = form_of(flat[member], patterns=printed)
        flags.append(best_of(form, form.model(bonus=worth[member])).up >= 0)
    return np.reshape(flags, (*lead, slot.n_bs))


def teacher(problem: AnyProblem, instance: DntInstance, limits: Limits) -> Answer:
    """Who says what uploads are worth on a trace: the best that can come after them, by dynamic programming.

    The trace to come is known to it. The state is how long ago each base station has uploaded; users count as
    refreshed when one that covers them now was. Who walks from one cell to the next is taken for a user of the new one
    all the time: on 20 traces of size ``paper`` the plan that follows is within 1e-6 of the timeline's optimum. Where
    :func:`tabulated` is not true, or the twin is another, uploads of the optimal plan are certain instead.
    """
    from dtbench.problems.dnt_spectrum.horizon import perfect

    p = instance.params
    if not tabulated(p) or p.predictor not in ("hold", "drift") or p.error_scope != "user":
        plan = problem.exact_horizon(instance, limits)
        decisions = None if plan is None else plan.decision
        return lambda t, slot: np.full(p.n_bs, np.nan) if decisions is None else encode(slot, decisions[t])
    rates, sets = best_rates(perfect(problem, instance)), members(p.n_bs)
    ahead = values_to_come(instance, rates)

    def answer(t: int, slot: DntSlot) -> npt.NDArray[Any]:
        after = np.where(sets, 0, np.minimum(slot.age + 1, OLDEST))
        later = ahead[(t + 1, *after.T)]
        best = int((values(slot, rates[t]) + later).argmax())
        return np.array([later[best | 1 << m] - later[best & ~(1 << m)] for m in range(p.n_bs)])

    return answer


def values_to_come(instance: DntInstance, rates: Array) -> Array:
    """The most (T + 1, 11, .., 11) that slots t, t + 1, .. can sum up to, by the ages of all base stations in slot t.

    ``rates`` (T, 2^M): the best ones of every set of uploads.
    """
    p, sets = instance.params, members(instance.params.n_bs)
    ages = np.stack(np.meshgrid(*[np.arange(OLDEST + 1)] * p.n_bs, indexing="ij"), axis=-1)
    older = np.minimum(ages + 1, OLDEST)
    youngest = np.stack([np.where(s, ages, OLDEST).min(axis=-1) for s in sets])  # by set, (2^M, 11, ..)
    stale = p.error_weight * errors_by_age(instance)
    ahead = np.zeros((p.horizon + 1, *ages.shape[:-1]))
    for t in reversed(range(p.horizon)):
        options = []
        for v, upload in enumerate(sets):
            unseen = [c for c in range(1, len(sets)) if not c & v]
            lost = sum((stale[t, c][youngest[c]] for c in unseen), np.zeros(ages.shape[:-1]))
            after = np.where(upload, 0, older)
            options.append(p.rate_weight * rates[t, v] - lost + ahead[(t + 1, *np.moveaxis(after, -1, 0))])
        ahead[t] = np.max(options, axis=0)
    return ahead


def errors_by_age(instance: DntInstance) -> Array:
    """Errors (T, 2^M, 11) [m^2] of users whom exactly the base stations of a set cover, by slots since refreshed."""
    p = instance.params
    t, age = np.arange(p.horizon)[:, None], np.arange(OLDEST + 1)
    stale = np.moveaxis(stale_errors(instance)[:, np.maximum(t - age, 0), t], 0, -1)  # (T, 11, U)
    code: IntArray = (instance.cover * 2 ** np.arange(p.n_bs)).sum(axis=-1)
    by_set = [np.where((code == c)[:, None], stale, 0.0).sum(axis=-1) for c in range(2**p.n_bs)]
    return np.stack(by_set, axis=1)

"""Who is served: an encoding of ``mec-synchronization`` that leaves powers and shares to a convex program.

Not in Liu et al. (2025), whose agents choose powers and shares. There the least powers of a set lie at the edge of a
cliff, which agents cannot see: whoever is a little too quiet fails. Here one controller says of each user (K) the
log-odds that it should be served. What is asked for is the likeliest set; but log-odds also tell doubt. A few sets that
differ from it where log-odds are near 0 are priced as well, and the cheapest is taken, with least powers and the best
shares for it (:mod:`.completion`).

A decision is feasible whatever is said: where none of these sets can be served, the sets of the highest log-odds are
priced, one for each size. Twins stay where they are.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, portions
from dtbench.core import AnyProblem, Limits
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Head, Layout, Part
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.completion import Completed, complete
from dtbench.problems.mec_synchronization.heuristics import admitted
from dtbench.problems.mec_synchronization.instance import MecInstance, MecParams
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, transmit

CONTROLLER = "controller"
CERTAIN = 20.0  # greatest log-odds
SURE = 10.0  # log-odds beyond which what they say is not doubted
SETS, DOUBTED = 16, 7  # sets that are priced; users in whom they differ
POINTS, TEACHING = 3, 4  # of a completion, in play and of the teacher: 2e-3 and 4e-4 above the least energy
IMPROVES = 1e-6  # relative; less is what completions leave
OF_USER, OF_PAIR = 16, 4  # features
LEAST_WORTH, LEAST_ENERGY, HIGHEST = 1e-3, 1e-6, 2.0  # [E_0], [E_0], [y_max]: where features are cut


@cache
def layout(n_users: int, n_bs: int) -> Layout:
    """What is seen of users and of pairs of user and base station, and what is said of users: see :func:`observe`."""
    return Layout(
        axes={"user": n_users, "bs": n_bs},
        parts=(Part("user", ("user",), OF_USER), Part("pair", ("user", "bs"), OF_PAIR)),
        heads=(Head("served", ("user",), "yes"),),
    )


def encoding(p: MecParams) -> Encoding:
    """One controller: log-odds in [-20, 20] for each user, see :func:`decode`."""
    sets = layout(p.n_users, p.n_bs)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -CERTAIN, CERTAIN), sets.state_size)
    inf = np.inf
    user: Bounds = (
        (1, 0.0, 1.0), (1, 0.0, HIGHEST), (4, -inf, inf), (3, 0.0, inf), (1, 0.0, 1.0), (5, 0.0, inf), (1, -inf, inf),
    )  # fmt: skip
    pair: Bounds = ((2, -inf, inf), (2, 0.0, 1.0))
    seen = user * p.n_users + pair * (p.n_users * p.n_bs)
    bounds: dict[str, Bounds] = {CONTROLLER: seen, "state": seen}
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets, teacher=teacher)


def observe(slot: MecSlot) -> Observation:
    """The state, in the order of :func:`layout`: all 0 of users who do not ask, or who are out of reach alone.

    Of a user: see :func:`of_users`. Of a pair: log g_km, the same less that of the own base station, whether m serves
    the user, whether it hosts the twin. Logarithms of gains are to base 10, times 0.5, plus 4.
    """
    slot = slot[...]
    candidates = Candidates.of(slot, slot.host)
    rows = of_users(candidates)
    user = np.zeros((*slot.batch_shape, slot.n_users, OF_USER))
    np.put_along_axis(user, candidates.user[..., None], rows, axis=-2)
    stations = np.arange(slot.n_bs)
    gain = 0.5 * np.log10(slot.gain) + 4.0
    own = 0.5 * np.log10(slot.own_gain)[..., None] + 4.0
    flags = slot.access[..., None] == stations, slot.host[..., None] == stations
    pair = np.stack(np.broadcast_arrays(gain, gain - own, *flags), axis=-1)
    pair = np.where(user[..., :1, None] > 0.0, pair, 0.0)
    state = layout(slot.n_users, slot.n_bs).join_state({"user": user, "pair": pair}, slot.batch_shape)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def of_users(candidates: Candidates) -> Array:
    """What is seen of candidates (..., n, 16).

    1, where in reach. v_k / y_max, cut at 2. log v_k, log e_k and their difference, e_k the least energy alone. log g_k
    as in :func:`observe`. D_k / D_max. D_k C_k / (F tau_k), the share of the server that the deadline needs.
    tau_k / tau_max. Whether the twin is remote. Sums over those before k by v / e, and over all, of that share on the
    same server; how many before k have the same base station. What k hears of those before it, and of all, if each
    sends as if alone, over the noise, as log(1 + x). By how much more those before k would have to send because of it,
    as log(1e-6 W + x). Logarithms are to base 10.
    """
    c, p = candidates, candidates.params
    alone = c.alone()
    can = c.valid & np.isfinite(alone)
    energy = np.log10(np.maximum(np.where(can, alone, 1.0), LEAST_ENERGY))
    worth = np.log10(np.maximum(c.value, LEAST_WORTH))
    need = c.work / (p.f_max * c.deadline)
    theta = np.where(can, c.gamma(np.where(can, c.longest, c.deadline)), 0.0) / c.gain
    power = theta * p.noise
    rank = np.where(can, worth - energy, -np.inf)
    others = np.broadcast_to(can[..., None, :], c.cross.shape)
    ahead = others & (rank[..., None, :] > rank[..., :, None])
    access = c.link // c.n_bs
    same_server = c.server[..., None, :] == c.server[..., :, None]
    same_bs = access[..., None, :] == access[..., :, None]
    heard = c.cross * power[..., None, :] / p.noise
    asked = np.swapaxes(c.cross, -1, -2) * theta[..., None, :]

    def total(which: BoolArray, value: Array) -> Array:
        return np.asarray(np.where(which, value, 0.0).sum(axis=-1))

    columns = [
        can, np.minimum(c.value / p.y_max if p.y_max else c.value, HIGHEST), worth, energy, worth - energy,
        0.5 * np.log10(c.gain) + 4.0, c.bits / p.data_max, need, c.deadline / p.deadlines[1], c.remote,
        total(ahead & same_server, need[..., None, :]), total(others & same_server, need[..., None, :]),
        total(ahead & same_bs, np.ones(ahead.shape)), np.log10(1.0 + total(ahead, heard)),
        np.log10(1.0 + total(others, heard)), np.log10(LEAST_ENERGY + power * total(ahead, asked)),
    ]  # fmt: skip
    return np.where(can[..., None], np.stack([np.asarray(v, dtype=np.float64) for v in columns], axis=-1), 0.0)


def encode(slot: MecSlot, decision: MecDecision) -> npt.NDArray[Any]:
    """Log-odds (..., K) of a decision: 20 of users that it serves, else -20."""
    sent = transmit(slot, decision)
    return np.where(sent.active & ~sent.failed, CERTAIN, -CERTAIN)


def decode(slot: MecSlot, x: npt.NDArray[Any]) -> MecDecision:
    """The cheapest of the likely sets of log-odds (..., K), with least powers and the best shares."""
    x, p = np.asarray(x, dtype=np.float64), slot.params
    lead = np.broadcast_shapes(x.shape[:-1], slot.batch_shape)
    whole = Candidates.of(slot, slot.host)
    user = np.broadcast_to(whole.user, (*lead, whole.count)).reshape(-1, whole.count)
    said = np.broadcast_to(x, (*lead, x.shape[-1])).reshape(len(user), -1)
    member, done = cheapest(whole.rows(lead), np.take_along_axis(said, user, axis=-1))
    shape = (*lead, whole.count)
    values = (done.power, p.w_link * done.wire, p.f_max * done.cpu)
    return whole.decision(slot, slot.host, member.reshape(shape), *(v.reshape(shape) for v in values))


def cheapest(candidates: Candidates, odds: Array) -> tuple[BoolArray, Completed]:
    """Members (R, n) of the cheapest likely set of log-odds (R, n), and its completion.

    Who cannot be served even alone never is. Among equals those who are worth more for their energy alone come first.
    """
    alone = candidates.alone()
    can = candidates.valid & np.isfinite(alone)
    with np.errstate(invalid="ignore", divide="ignore"):
        rank = np.where(can, candidates.value / alone, -1.0)
    member, done = best_of(candidates, likely(odds, can, rank, SETS))
    none = np.flatnonzero(np.isinf(done.energy))
    if none.size:
        member[none], found = best_of(candidates[none], highest(odds[none], can[none], rank[none]))
        done.put(none, found)
    return member, done


def best_of(candidates: Candidates, member: BoolArray) -> tuple[BoolArray, Completed]:
    """The cheapest (R, n) of sets (R, B, n), and its completion."""
    rows, sets, n = member.shape
    at = np.arange(rows)
    of, flat = np.repeat(at, sets), member.reshape(-1, n)
    parts = portions(max(len(of), 1), n * n)  # gains between all candidates of a set
    done = Completed.join([complete(candidates[of[part]], flat[part], POINTS) for part in parts])
    lost = np.where(member, 0.0, candidates.value[:, None, :]).sum(axis=-1)
    best = (done.energy.reshape(rows, sets) + lost).argmin(axis=-1)
    return member[at, best], done[at * sets + best]


def likely(odds: Array, can: BoolArray, rank: Array, sets: int) -> BoolArray:
    """The likeliest sets (R, B, n) for log-odds (R, n), the likeliest first; B is less where there are fewer.

    A set loses ``|odds|`` for each user that it does not treat as they say. That is done to some of the 7 users of
    least ``|odds|`` only, and to none if it loses more than 10.
    """
    lost = np.where(can, np.abs(odds), np.inf)
    doubted = np.lexsort((rank, lost), axis=-1)[:, :DOUBTED]
    choices = subsets(doubted.shape[-1])
    least = np.minimum(np.take_along_axis(lost, doubted, axis=-1), 2.0 * SURE)  # finite
    loss = least @ choices.T
    best = np.argsort(loss, axis=-1, kind="stable")[:, :sets]
    kept = choices[best] * (np.take_along_axis(loss, best, axis=-1) <= SURE)[:, :, None]
    flips = np.zeros((*best.shape, odds.shape[-1]), dtype=bool)
    np.put_along_axis(flips, np.broadcast_to(doubted[:, None, :], kept.shape), kept > 0.0, axis=-1)
    return np.asarray((can & (odds >= 0.0))[:, None, :] ^ flips)


@cache
def subsets(n: int) -> Array:
    """All subsets (2^n, n) of n, as 0 and 1: in the order of binary numbers, the first element as the last digit."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=n)))[:, ::-1]


def highest(odds: Array, can: BoolArray, rank: Array) -> BoolArray:
    """The sets (R, n + 1, n) of the highest log-odds, of all sizes, that of nobody first."""
    place = np.argsort(np.lexsort((-rank, -odds, ~can), axis=-1), axis=-1)
    return np.asarray(can[:, None, :] & (place[:, None, :] < np.arange(odds.shape[-1] + 1)[:, None]))


def teacher(problem: AnyProblem, instance: MecInstance, limits: Limits) -> Callable[[int, MecSlot], Array]:
    """Who answers on a trace: the local search of :func:`descend`, as log-odds (K,); NaN of users who do not ask.

    A proof of the optimum takes most of a second per slot at size ``paper``, this search a few hundredths.
    """

    def answer(t: int, slot: MecSlot) -> Array:
        candidates = Candidates.of(slot, slot.host)
        member = descend(candidates, admitted(candidates), limits.seconds)
        odds = np.full(slot.n_users, np.nan)
        odds[candidates.user[candidates.valid]] = np.where(member, CERTAIN, -CERTAIN)[candidates.valid]
        return odds

    return answer


def descend(candidates: Candidates, member: BoolArray, seconds: float = np.inf) -> BoolArray:
    """From a set (n,), the single admission or removal that lowers the cost most, until none does or time is over."""
    until, users = time.perf_counter() + seconds, np.flatnonzero(candidates.valid)

    def cost(sets: BoolArray) -> Array:
        energy = complete(candidates.rows((len(sets),)), sets, TEACHING).energy
        return energy + np.where(candidates.valid & ~sets, candidates.value, 0.0).sum(axis=-1)

    current = cost(member[None])[0]
    while users.size and time.perf_counter() < until:
        near = member ^ (np.arange(candidates.count) == users[:, None])
        costs = cost(near)
        best = int(costs.argmin())
        if not costs[best] < current * (1.0 - IMPROVES):
            break
        member, current = near[best], costs[best]
    return member if np.isfinite(current) else np.zeros_like(member)

"""Agents of ``mec-synchronization``: users, base stations and, in the closed protocol, the control centre.

Liu et al. (2025), Sec. III-B: observations (20), (22), (24), actions (21), (23), (25), rewards (26)-(28). Users choose
powers, base stations the shares of their wires and processors, in every slot. The control centre proposes hosts in
every slot; they apply at the start of a frame only. Which base station serves a user is no action: it is the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, pick
from dtbench.core import Outcome
from dtbench.encoding import Bounds, Box, Categorical, Encoding, Group, Observation
from dtbench.problems.mec_synchronization import served
from dtbench.problems.mec_synchronization.credit import differences
from dtbench.problems.mec_synchronization.genes import direct_encoding, search_encoding
from dtbench.problems.mec_synchronization.instance import MecInstance, MecParams
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, pick_rows, placement, sums
from dtbench.problems.mec_synchronization.repair import repair

LONGEST = 1.0  # queues look no longer, in units of the greatest reference queue: beyond it agents have learned nothing
QUIET = 0.02  # log actions below this are silence
LEAST_SHARE = 1e-3  # floor of a base station's action
POWER_DECADES = 3.0  # range of log actions
PLACES = 3  # what a user is told of its cell: how many ask, and how many have longer queues and better channels
CROWD = 8.0  # requests in a cell that count as 1
MUTE = 0.2  # margins below this are silence, which some users should choose in most slots


def lengths(p: MecParams) -> tuple[int, int, int]:
    """Observations of a user, a base station and the control centre."""
    users, bs = p.n_users, p.n_bs
    if p.observation == "paper":
        return 2 * bs + 7, 1 + 2 * bs + users * (8 + bs), users * bs + 2 * bs + 2 * users
    user = 4 * bs + 9 + PLACES * (p.observation == "cell")
    return user, 1 + 2 * bs + users * (10 + bs), 2 * users * bs + 2 * bs + 3 * users + 1


def encodings(instance: MecInstance) -> Mapping[str, Encoding]:
    """``agents``; ``search``: admission and shares; ``direct``: powers, wires, processors (and hosts); ``served``."""
    p = instance.params
    user, station, centre = lengths(p)
    groups = [
        Group("mu", p.n_users, Box(1, 0.0, 1.0), user),
        Group("bs", p.n_bs, Box(2 * p.n_users, 0.0, 1.0), station),
    ]
    if p.closed:
        space = Categorical((p.n_bs,) * p.n_users) if p.host_action == "categorical" else Box(p.n_users, 0.0, 1.0)
        groups.append(Group("cc", 1, space, centre))
    return {
        "agents": Encoding(tuple(groups), decode, agent_rewards=agent_rewards),
        "search": search_encoding(p),
        "direct": direct_encoding(p),
        "served": served.encoding(p),
    }


def decode(slot: MecSlot, x: npt.NDArray[Any]) -> MecDecision:
    """Decision of a joint action (..., size).

    Base station m sets the processors of twins that it hosts and the wires of users that it serves; each splits what it
    has among the candidates in proportion to its entries.
    """
    p, users, bs = slot.params, slot.n_users, slot.n_bs
    x = np.asarray(x, dtype=np.float64)
    raw = x[..., users : users + 2 * users * bs].reshape(*x.shape[:-1], bs, 2, users)
    host, _ = placement(slot, proposed(slot, x))
    active = candidates(slot, host)
    remote = active & (host != slot.access)
    wire = share(raw[..., 0, :], slot.access, remote, slot.access * bs + host, bs * bs, p.w_link)
    cpu = share(raw[..., 1, :], host, active, host, bs, p.f_max)
    power = np.where(active, powers(slot, x[..., :users], host), 0.0)
    return repair(slot, MecDecision(power=power, wire=wire, cpu=cpu, host=host))


def candidates(slot: MecSlot, host: IntArray) -> BoolArray:
    """Requests (..., K) of twins that do not move if they go to ``host``."""
    moves = slot.hosts_open[..., None] & (host != slot.host)
    return slot.request & (slot.moving == 0) & ~(moves & (slot.params.migration_slots > 0))


def proposed(slot: MecSlot, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Hosts (..., K) that the control centre names, whether or not they apply; without it, those there are."""
    p, users, bs = slot.params, slot.n_users, slot.n_bs
    if not p.closed:
        return np.broadcast_to(slot.host, np.broadcast_shapes(slot.host.shape, (*x.shape[:-1], users)))
    named = x[..., users + 2 * users * bs :]
    if p.host_action == "real":
        named = np.floor(named * bs)
    return np.clip(named, 0, bs - 1).astype(np.int64)


def powers(slot: MecSlot, u: Array, host: IntArray) -> Array:
    """Transmit power [W] (..., K) of users' actions; at most P_max.

    ``margin``: 0 to 30 dB, for u from 0.2 to 1, above the least power that meets the deadline with the whole server and
    wire and without interference, which a user can tell from what it observes; silence below, or where none does.
    """
    p = slot.params
    if p.power_action == "linear":
        return p.p_max * u
    if p.power_action == "log":
        return np.where(u < QUIET, 0.0, p.p_max * 10.0 ** (-POWER_DECADES * (1.0 - u)))
    spent = slot.data_bits * (slot.cycles / p.f_max + (host != slot.access) / p.w_link)
    left = slot.deadline - spent
    with np.errstate(over="ignore"):
        sinr = np.expm1(np.log(2.0) * slot.data_bits / (p.bandwidth * np.where(left > 0.0, left, 1.0)))
        wanted = 10.0 ** (POWER_DECADES * (u - MUTE) / (1.0 - MUTE)) * sinr * p.noise / slot.own_gain
    return np.where((left > 0.0) & (u >= MUTE), np.minimum(wanted, p.p_max), 0.0)


def share(raw: Array, chooser: IntArray, mine: BoolArray, group: IntArray, count: int, capacity: float) -> Array:
    """``capacity`` of each group split among ``mine`` (..., K) in proportion to what their chooser says.

    ``raw`` (..., M, K) are all base stations' entries, ``chooser`` (..., K) the one that counts.
    """
    shape = np.broadcast_shapes(mine.shape, raw.shape[:-2] + raw.shape[-1:])
    said = np.maximum(pick(np.swapaxes(raw, -1, -2), chooser), LEAST_SHARE)
    part = np.where(mine, said, 0.0)
    whole = pick_rows(sums(part, group, count), group, shape)
    return capacity * part / np.where(mine, whole, 1.0)


def observe(slot: MecSlot) -> Observation:
    """What users, base stations and the control centre see, and the global state, scaled to about [-1, 1].

    Global state (..., 9 K + 3 K M + 1): positions; a, D, C, tau; gains; base stations and hosts one-hot; migration; Y
    and Y at the frame's start, each at most ``y_max``; phase. What belongs to a request is 0 without one.
    """
    slot, p = slot[...], slot.params
    see = Seen(slot)
    agents = {"mu": users_see(see), "bs": stations_see(see)}
    masks = {}
    if p.closed:
        agents["cc"] = centre_sees(see)
        if p.host_action == "categorical":
            masks["cc"] = np.ones((*slot.batch_shape, 1, slot.n_users * slot.n_bs), dtype=bool)
    state = np.concatenate(
        [
            flat(see.xy), see.request, see.bits, see.cycles, see.deadline, flat(see.gain), flat(see.served),
            flat(see.hosted), see.moving, see.queue, see.frozen, slot.phase[..., None],
        ],
        axis=-1,
    )  # fmt: skip
    return Observation({n: v.astype(np.float32) for n, v in agents.items()}, masks, state.astype(np.float32))


def bounds(instance: MecInstance) -> Mapping[str, Bounds]:
    """Between which values :func:`observe` stays: [0, 1], but for gains and for the places in a crowded cell."""
    p = instance.params
    users, bs = p.n_users, p.n_bs
    more = p.observation != "paper"
    gain, crowd = (-math.inf, math.inf), (0.0, math.inf)
    user: Bounds = ((2 * bs + 7, 0.0, 1.0),)
    task: Bounds = ((8 + bs + more, 0.0, 1.0),)
    if more:
        user += ((bs, *gain), (bs + 2, 0.0, 1.0), (PLACES * (p.observation == "cell"), *crowd))
        task += ((1, *gain),)
    state = ((6 * users, 0.0, 1.0), (users * bs, *gain), (2 * users * bs + 3 * users + 1, 0.0, 1.0))
    known = {"mu": user, "bs": ((1 + 2 * bs, 0.0, 1.0), *task * users), "state": state}
    return known | ({"cc": ((lengths(p)[2], 0.0, 1.0),)} if p.closed else {})


class Seen:
    """The scaled quantities that observations are made of; all (..., K) or with one more axis."""

    def __init__(self, slot: MecSlot) -> None:
        p = slot.params
        self.slot, self.params = slot, p
        self.request = slot.request.astype(np.float64)
        self.xy = slot.user_xy / p.area
        self.bs_xy = slot.bs_xy / p.area
        self.bits = self.request * slot.data_bits / p.data_max
        self.cycles = self.request * slot.cycles / p.cycles_max
        self.deadline = self.request * slot.deadline / p.deadlines[1]
        self.gain = (np.log10(slot.gain) + 8.0) / 2.0
        stations = np.arange(slot.n_bs)
        self.served = (slot.access[..., None] == stations).astype(np.float64)
        self.hosted = (slot.host[..., None] == stations).astype(np.float64)
        self.moving = (slot.moving > 0).astype(np.float64)
        top = max(p.y_max, 1.0)
        self.weight, self.queue, self.frozen = (
            np.minimum(value / top, LONGEST) for value in (slot.weight, slot.queue, slot.queue_frame)
        )


def users_see(see: Seen) -> Array:
    """(..., K, 2 M + 7), Eq. (20), 4 M + 9 or 4 M + 12: the paper's hides channel, twin and queue."""
    users = see.request.shape[-1]
    lead = see.request.shape[:-1]
    number = np.broadcast_to((np.arange(1, users + 1) / users), see.request.shape)[..., None]
    stations = np.broadcast_to(flat(see.bs_xy)[..., None, :], (*lead, users, 2 * see.bs_xy.shape[-2]))
    tasks = np.stack([see.request, see.bits, see.cycles, see.deadline], axis=-1)
    parts = [number, see.xy, stations, tasks]
    if see.params.observation != "paper":
        parts += [see.gain, see.hosted, see.weight[..., None], see.moving[..., None]]
    if see.params.observation == "cell":
        parts.append(places(see.slot))
    return np.concatenate(parts, axis=-1)


def places(slot: MecSlot) -> Array:
    """What its base station tells a user that asks (..., K, 3), over 8.

    How many of the cell ask, itself among them; how many of these have a longer queue, or the same and a lower number;
    how many have a better channel. 0 for those that do not ask.
    """
    asks = slot.request & (slot.moving == 0)
    beside = asks[..., :, None] & asks[..., None, :] & (slot.access[..., :, None] == slot.access[..., None, :])
    weight, gain, number = np.broadcast_to(slot.weight, asks.shape), slot.own_gain, np.arange(slot.n_users)
    longer = weight[..., None, :] > weight[..., :, None]
    alike = (weight[..., None, :] == weight[..., :, None]) & (number < number[:, None])
    better = gain[..., None, :] > gain[..., :, None]
    told = [beside, beside & (longer | alike), beside & better]
    return np.stack([value.sum(axis=-1) for value in told], axis=-1) / CROWD


def stations_see(see: Seen) -> Array:
    """(..., M, 1 + 2 M + K (8 + M)) or (..., M, 1 + 2 M + K (10 + M)), Eq. (22): own position first."""
    bs, users = see.served.shape[-1], see.served.shape[-2]
    lead = see.request.shape[:-1]
    number = np.broadcast_to((np.arange(1, bs + 1) / bs)[:, None], (*lead, bs, 1))
    order = np.array([[m, *(j for j in range(bs) if j != m)] for m in range(bs)])
    around = see.bs_xy[..., order, :].reshape(*lead, bs, 2 * bs)

    def each(value: Array) -> Array:  # the same for every base station
        return np.broadcast_to(value[..., None, :, :], (*lead, bs, users, value.shape[-1]))

    tasks = np.stack([see.request, see.bits, see.cycles, see.deadline], axis=-1)
    parts = [
        np.swapaxes(see.served, -1, -2)[..., None], np.swapaxes(see.hosted, -1, -2)[..., None], each(see.hosted),
        each(see.xy), each(tasks),
    ]  # fmt: skip
    if see.params.observation != "paper":
        parts += [each(see.weight[..., None]), np.swapaxes(see.gain, -1, -2)[..., None]]
    block = np.concatenate(parts, axis=-1) * see.request[..., None, :, None]
    return np.concatenate([number, around, block.reshape(*lead, bs, -1)], axis=-1)


def centre_sees(see: Seen) -> Array:
    """(..., 1, K M + 2 M + 2 K), or with hosts, queues and phase (..., 1, 2 K M + 2 M + 3 K + 1), Eq. (24)."""
    parts = [flat(see.served), flat(see.bs_xy), flat(see.xy)]
    if see.params.observation != "paper":
        parts += [flat(see.hosted), see.queue, see.slot.phase[..., None]]
    return np.concatenate(parts, axis=-1)[..., None, :]


def flat(value: Array) -> Array:
    """The last two axes as one."""
    return value.reshape(*value.shape[:-2], -1)


def effective(slot: MecSlot) -> Mapping[str, BoolArray]:
    """Which entries of the actions count: powers of candidates, wires of those served, processors of those hosted."""
    slot = slot[...]
    stations = np.arange(slot.n_bs)[:, None]
    active = candidates(slot, slot.host)
    remote = active & (slot.host != slot.access)
    wires = remote[..., None, :] & (slot.access[..., None, :] == stations)
    cpus = active[..., None, :] & (slot.host[..., None, :] == stations)
    counted = {"mu": active[..., None], "bs": np.concatenate([wires, cpus], axis=-1)}
    if slot.params.closed:
        counted["cc"] = np.ones((*slot.batch_shape, 1, slot.n_users), dtype=bool)
        if slot.hosts_open.any():  # hosts are still to be chosen: any candidate may come to any server
            may = np.broadcast_to((slot.request & (slot.moving == 0))[..., None, :], cpus.shape)
            any_ = np.concatenate([may & (slot.access[..., None, :] == stations), may], axis=-1)
            counted["bs"] = np.where(slot.hosts_open[..., None, None], any_, counted["bs"])
    return counted


def reward(slot: MecSlot, outcome: Outcome) -> Array:
    """r_g, Eq. (28): minus J, or minus Xi, times ``reward_scale``."""
    p = slot.params
    return np.asarray(-p.reward_scale * (outcome.metrics["xi"] if p.reward == "xi" else outcome.objective))


def agent_rewards(slot: MecSlot, x: npt.NDArray[Any], outcome: Outcome) -> Array:
    """r_g of users and base stations, r_c of the control centre (..., K + M + 1).

    With ``reward="difference"`` users and base stations earn what they add to r_g, see :mod:`.credit`. r_c judges the
    hosts that the joint action ``x`` names, also where they do not apply.
    """
    p = slot.params
    team = reward(slot, outcome)
    rewards = np.repeat(team[..., None], p.n_users + p.n_bs + p.closed, axis=-1)
    if p.reward == "difference":
        rewards[..., : p.n_users + p.n_bs] = p.reward_scale * differences(slot, decode(slot, x))
    if p.closed:
        rewards[..., -1] = centre_reward(slot, proposed(slot, np.asarray(x)))
    return rewards


def centre_reward(slot: MecSlot, host: IntArray) -> Array:
    """r_c (...,), Eqs. (26), (27): minus the mean time on processors and wires in equal shares, over the longest tau.

    Users without request count 0; the shares are those of the hosts named, which need not be in force.
    """
    p, bs = slot.params, slot.n_bs
    request = np.broadcast_to(slot.request, np.broadcast_shapes(slot.request.shape, host.shape))
    host = np.broadcast_to(host, request.shape)
    on_wire = request & (host != slot.access)
    link = slot.access * bs + host
    at_server = pick_rows(sums(request.astype(np.float64), host, bs), host, request.shape)
    at_link = pick_rows(sums(on_wire.astype(np.float64), link, bs * bs), link, request.shape)
    compute = slot.data_bits * slot.cycles * at_server / p.f_max
    wired = np.where(on_wire, slot.data_bits * at_link / p.w_link, 0.0)
    return np.asarray(-np.where(request, compute + wired, 0.0).mean(axis=-1) / p.deadlines[1])

"""Rules for ``mec-synchronization``: functions of a slot, for any leading axes. All but ``nearest`` keep the hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dtbench import anytime
from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import Priced, blas, price, served
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot


def silent(slot: MecSlot) -> MecDecision:
    """Nobody sends, every request fails: what doing nothing costs."""
    host = np.broadcast_to(slot.host, (*slot.batch_shape, slot.n_users))
    nothing = np.zeros(host.shape)
    return MecDecision(power=nothing, wire=nothing, cpu=nothing, host=host)


def full(slot: MecSlot) -> MecDecision:
    """Everybody sends as loud as allowed, servers and wires are split equally: the loudest policy."""
    candidates = Candidates.of(slot, slot.host)
    ones = np.ones(candidates.valid.shape)
    cpu, wire = candidates.shares(candidates.valid, ones, ones)
    return candidates.decision(slot, slot.host, candidates.valid, slot.params.p_max * ones, wire, cpu)


def greedy(slot: MecSlot, host: IntArray | None = None) -> MecDecision:
    """Insertion in order of v_k / e_k, worth of a success over least energy alone; twins stay, or go to ``host``.

    A user is admitted if, with equal shares of servers and wires and least powers, all are in time and J falls.
    """
    host = slot.host if host is None else host
    candidates = Candidates.of(slot, host)
    member = admitted(candidates)
    power, wire, cpu = equal_split(candidates, member)[:3]
    return candidates.decision(slot, host, member, power, wire, cpu)


def admitted(candidates: Candidates) -> BoolArray:
    """Members (..., n) of the greedy set."""
    alone = candidates.alone()
    with np.errstate(invalid="ignore", divide="ignore"):
        order = np.argsort(-np.where(np.isfinite(alone), candidates.value / alone, -np.inf), axis=-1, kind="stable")
    member, spent = np.zeros(candidates.valid.shape, dtype=bool), np.zeros(candidates.valid.shape[:-1])
    for step in range(candidates.count):
        here = np.arange(candidates.count) == order[..., step, None]
        wanted = (here & np.isfinite(alone)).any(axis=-1)
        if not wanted.any():
            break
        _, _, _, energy, possible = equal_split(candidates, member | here)
        worth = np.where(here, candidates.value, 0.0).sum(axis=-1)
        takes = wanted & possible & (energy - spent < worth)
        member = member | (here & takes[..., None])
        spent = np.where(takes, energy, spent)
    return member


def equal_split(candidates: Candidates, member: BoolArray) -> tuple[Array, Array, Array, Array, BoolArray]:
    """Least powers, wires and processors (..., n) of members with equal shares; energy [E_0] and attainability."""
    ones = np.ones(member.shape)
    cpu, wire = candidates.shares(member, ones, ones)
    time = candidates.uplink(member, cpu, wire)
    power, possible = candidates.least(member, time)
    return power, wire, cpu, candidates.energy(power, time), possible


def nearest(slot: MecSlot) -> MecDecision:
    """Twins follow their users: at the start of a frame each goes to the nearest base station; then ``greedy``."""
    return greedy(slot, slot.access)


def random_set(slot: MecSlot, rng: np.random.Generator) -> MecDecision:
    """Candidates in random order, each tried with probability 1/2, kept if least powers exist under equal shares."""
    candidates = Candidates.of(slot, slot.host)
    order = np.argsort(np.where(candidates.valid, rng.random(candidates.valid.shape), 2.0), axis=-1)
    tried = rng.random(candidates.valid.shape) < 0.5
    member = np.zeros(candidates.valid.shape, dtype=bool)
    for step in range(candidates.count):
        here = (np.arange(candidates.count) == order[..., step, None]) & candidates.valid & tried
        possible = equal_split(candidates, member | here)[4]
        member = member | (here & possible[..., None])
    power, wire, cpu = equal_split(candidates, member)[:3]
    return candidates.decision(slot, slot.host, member, power, wire, cpu)


def local_search(slot: MecSlot, start: MecDecision | None = None) -> MecDecision:
    """``greedy``, then the best single admission or removal at its true least energy, until none helps.

    It begins with those who send in ``start``, if there is one, and its hosts.
    """
    from dtbench.problems.mec_synchronization.sets import Prices, best_flips

    slot = slot[...]
    if start is None:

        def begun(candidates: Candidates, tell: Any) -> Priced:
            return best_flips(Prices(candidates), admitted(candidates), tell=tell)

        return per_member(slot, begun)
    sends = iter(np.broadcast_to(start.power > 0.0, (*slot.batch_shape, slot.n_users)).reshape(-1, slot.n_users))

    def improved(candidates: Candidates, tell: Any) -> Priced:
        return best_flips(Prices(candidates), candidates.valid & next(sends)[candidates.user], tell=tell)

    return per_member(slot, improved, start.host)


def all_in(slot: MecSlot) -> MecDecision:
    """Everybody if that is attainable, else nobody: no admission control; for audits."""

    def everybody(candidates: Candidates, _: Any) -> Priced:
        together = price(candidates, candidates.valid)
        return together if np.isfinite(together.upper) else price(candidates, np.zeros_like(candidates.valid))

    return per_member(slot, everybody)


def _tell(slot: MecSlot, host: IntArray, candidates: Candidates) -> Callable[[Priced | None, float], None]:
    """Tells whoever listens of sets of one slot."""

    def tell(best: Priced | None, _: float) -> None:
        if best is not None and anytime.heard():
            anytime.report(lambda: candidates.decision(slot, host, best.member, best.power, *served(candidates, best)))

    return tell


def per_member(slot: MecSlot, choose: Callable[[Candidates, Any], Priced], host: IntArray | None = None) -> MecDecision:
    """Apply a rule that prices sets by convex programs to every member of a batch, one by one.

    Twins stay, or go to ``host``. The rule is given candidates, and a function to tell of better sets.
    """
    slot = slot[...]
    host = slot.host if host is None else host
    candidates = Candidates.of(slot, host)
    member = np.zeros(candidates.valid.shape, dtype=bool)
    power, wire, cpu = (np.zeros(candidates.valid.shape) for _ in range(3))
    with blas().limit(limits=1):
        every, hosts = list(np.ndindex(*slot.batch_shape)), np.broadcast_to(host, (*slot.batch_shape, slot.n_users))
        for number in anytime.members(len(every)):
            index = every[number]
            chosen = choose(candidates[index], _tell(slot[index], hosts[index], candidates[index]))
            member[index], power[index] = chosen.member, chosen.power
            wire[index], cpu[index] = served(candidates[index], chosen)
    return candidates.decision(slot, host, member, power, wire, cpu)

"""Rules for ``mec-synchronization``: functions of a slot, for any leading axes. All but ``nearest`` keep the hosts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import THREADS, Priced, price, served
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot


def silent(slot: MecSlot) -> MecDecision:
    """Nobody sends, every request fails: what doing nothing costs."""
    host = np.broadcast_to(slot.host, (*slot.batch_shape, slot.n_users))
    nothing = np.zeros(host.shape)
    return MecDecision(power=nothing, wire=nothing, cpu=nothing, host=host)


def full(slot: MecSlot) -> MecDecision:
    """Everybody sends as loud as allowed, servers and wires are split equally: the loudest policy."""
    found = Candidates.of(slot, slot.host)
    ones = np.ones(found.valid.shape)
    cpu, wire = found.shares(found.valid, ones, ones)
    return found.decision(slot, slot.host, found.valid, slot.params.p_max * ones, wire, cpu)


def greedy(slot: MecSlot, host: IntArray | None = None) -> MecDecision:
    """Insertion in order of v_k / e_k, worth of a success over least energy alone; twins stay, or go to ``host``.

    A user is admitted if, with equal shares of servers and wires and least powers, all are in time and J falls.
    """
    host = slot.host if host is None else host
    found = Candidates.of(slot, host)
    member = admitted(found)
    power, wire, cpu = equal_split(found, member)[:3]
    return found.decision(slot, host, member, power, wire, cpu)


def admitted(found: Candidates) -> BoolArray:
    """Members (..., n) of the greedy set."""
    alone = found.alone()
    with np.errstate(invalid="ignore", divide="ignore"):
        order = np.argsort(-np.where(np.isfinite(alone), found.value / alone, -np.inf), axis=-1, kind="stable")
    member, spent = np.zeros(found.valid.shape, dtype=bool), np.zeros(found.valid.shape[:-1])
    for step in range(found.count):
        here = np.arange(found.count) == order[..., step, None]
        wanted = (here & np.isfinite(alone)).any(axis=-1)
        if not wanted.any():
            break
        _, _, _, energy, possible = equal_split(found, member | here)
        worth = np.where(here, found.value, 0.0).sum(axis=-1)
        takes = wanted & possible & (energy - spent < worth)
        member = member | (here & takes[..., None])
        spent = np.where(takes, energy, spent)
    return member


def equal_split(found: Candidates, member: BoolArray) -> tuple[Array, Array, Array, Array, BoolArray]:
    """Least powers, wires and processors (..., n) of members with equal shares; energy [E_0] and attainability."""
    ones = np.ones(member.shape)
    cpu, wire = found.shares(member, ones, ones)
    time = found.uplink(member, cpu, wire)
    power, possible = found.least(member, time)
    return power, wire, cpu, found.energy(power, time), possible


def nearest(slot: MecSlot) -> MecDecision:
    """Twins follow their users: at the start of a frame each goes to the nearest base station; then ``greedy``."""
    return greedy(slot, slot.access)


def random_set(slot: MecSlot, rng: np.random.Generator) -> MecDecision:
    """Candidates in random order, each tried with probability 1/2, kept if least powers exist under equal shares."""
    found = Candidates.of(slot, slot.host)
    order = np.argsort(np.where(found.valid, rng.random(found.valid.shape), 2.0), axis=-1)
    tried = rng.random(found.valid.shape) < 0.5
    member = np.zeros(found.valid.shape, dtype=bool)
    for step in range(found.count):
        here = (np.arange(found.count) == order[..., step, None]) & found.valid & tried
        possible = equal_split(found, member | here)[4]
        member = member | (here & possible[..., None])
    power, wire, cpu = equal_split(found, member)[:3]
    return found.decision(slot, slot.host, member, power, wire, cpu)


def local_search(slot: MecSlot) -> MecDecision:
    """``greedy``, then the best single admission or removal at its true least energy, until none helps."""
    from dtbench.problems.mec_synchronization.branch_and_bound import Prices, best_flips

    return per_member(slot, lambda found: best_flips(Prices(found), admitted(found)))


def all_in(slot: MecSlot) -> MecDecision:
    """Everybody if that is attainable, else nobody: no admission control; for audits."""

    def everybody(found: Candidates) -> Priced:
        together = price(found, found.valid)
        return together if np.isfinite(together.upper) else price(found, np.zeros_like(found.valid))

    return per_member(slot, everybody)


def per_member(slot: MecSlot, choose: Callable[[Candidates], Priced]) -> MecDecision:
    """Apply a rule that prices sets by convex programs to every member of a batch, one by one; hosts stay."""
    slot = slot[...]
    found = Candidates.of(slot, slot.host)
    member = np.zeros(found.valid.shape, dtype=bool)
    power, wire, cpu = (np.zeros(found.valid.shape) for _ in range(3))
    with THREADS.limit(limits=1):
        for index in np.ndindex(*slot.batch_shape):
            chosen = choose(found[index])
            member[index], power[index] = chosen.member, chosen.power
            wire[index], cpu[index] = served(found[index], chosen)
    return found.decision(slot, slot.host, member, power, wire, cpu)

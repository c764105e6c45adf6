"""Encodings of ``mec-synchronization`` for search and for random draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, portions
from dtbench.encoding import Box, Categorical, Encoding, Group
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.instance import MecParams
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot
from dtbench.problems.mec_synchronization.repair import repair

ADMITTED = 0.5  # keys above this are in
BASE = 0.05  # added to a gene of a share


def search_encoding(p: MecParams) -> Encoding:
    """Three genes in [0, 1] per user: admission key, processor weight, wire weight. Hosts stay as they are.

    What a move is worth shows in later slots only, so a search of one slot would never move a twin.
    """
    return Encoding((Group("gene", p.n_users, Box(3, 0.0, 1.0)),), decode_admission)


def direct_encoding(p: MecParams) -> Encoding:
    """p / P_max, w / W_link, f / F_max per user; in the closed protocol also a host per user."""
    groups = [Group("level", p.n_users, Box(3, 0.0, 1.0))]
    if p.closed:
        groups.append(Group("host", p.n_users, Categorical((p.n_bs,))))
    return Encoding(tuple(groups), decode_direct)


def decode_direct(slot: MecSlot, x: npt.NDArray[Any]) -> MecDecision:
    """The levels as they are, repaired."""
    p, users = slot.params, slot.n_users
    level = per_user(slot, x)
    host = x[..., 3 * users :].astype(np.int64) if p.closed else np.broadcast_to(slot.host, level.shape[:-1])
    power, wire, cpu = (top * level[..., i] for i, top in enumerate((p.p_max, p.w_link, p.f_max)))
    return repair(slot, MecDecision(power=power, wire=wire, cpu=cpu, host=host))


def decode_admission(slot: MecSlot, x: npt.NDArray[Any]) -> MecDecision:
    """Least powers for the admitted; while they do not exist, the admitted user with the smallest key is dropped.

    Processors and wires are split in proportion to the weights of the admitted.
    """
    genes = per_user(slot, x)
    lead = genes.shape[:-2]
    whole = Candidates.of(slot, slot.host)
    genes = genes.reshape(-1, slot.n_users, 3)
    parts = portions(max(len(genes), 1), whole.count**2)  # gains between all candidates of a member
    found = [admit(whole.some(lead, part), genes[part]) for part in parts]
    shape = (*lead, whole.count)
    member, power, wire, cpu = (np.concatenate(each).reshape(shape) for each in zip(*found, strict=True))
    return whole.decision(slot, slot.host, member, power, wire, cpu)


def admit(candidates: Candidates, genes: Array) -> tuple[BoolArray, Array, Array, Array]:
    """Members, powers, wires and processors (R, n) of candidates (R, n) by the genes (R, K, 3) of all users."""
    rows = np.take_along_axis(genes, candidates.user[..., None], axis=-2)
    key, cpu_weight, wire_weight = rows[..., 0], BASE + rows[..., 1], BASE + rows[..., 2]
    member = candidates.valid & (key > ADMITTED)
    power, wire, cpu = (np.zeros(key.shape) for _ in range(3))
    todo = np.arange(len(key))
    while todo.size:
        part, mine = candidates[todo], member[todo]
        cpu[todo], wire[todo] = part.shares(mine, cpu_weight[todo], wire_weight[todo])
        power[todo], possible = part.least(mine, part.uplink(mine, cpu[todo], wire[todo]))
        todo = todo[~possible]
        least = np.where(member[todo], key[todo], np.inf).argmin(axis=-1)
        member[todo, least] = False
    return member, power, wire, cpu


def per_user(slot: MecSlot, x: npt.NDArray[Any]) -> Array:
    """(..., K, 3) of a vector (..., 3 K or more), with the slot's leading axes."""
    x = np.asarray(x, dtype=np.float64)[..., : 3 * slot.n_users]
    lead = np.broadcast_shapes(x.shape[:-1], slot.batch_shape)
    return np.broadcast_to(x, (*lead, x.shape[-1])).reshape(*lead, slot.n_users, 3)

"""A slot of ``edge-migration`` as a picture: where twins are, which of them moved, what their users gain and lose."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, IntArray, pick
from dtbench.picture import Bars, Links, Map, Part, Picture, Points, dot, numbers, term, thin, totals
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot


def of(slot: MigrationSlot, decision: MigrationDecision | None) -> Picture:
    """The picture of a slot without leading axes."""
    if decision is None:
        return Picture((_map(slot, None),))
    p, n_servers = slot.params, slot.n_servers
    assoc = np.clip(decision.assoc, 0, n_servers - 1)
    moved = assoc != slot.prev
    names = tuple(map(str, slot.servers))
    migration, latency = pick(slot.migration, assoc), pick(slot.latency, assoc)
    held = (
        Part("twins that stayed", totals(~moved, assoc, n_servers), "blue"),
        Part("twins that moved here", totals(moved, assoc, n_servers), "orange"),
    )
    seconds = (
        Part("interaction", totals(latency, assoc, n_servers), "sky"),
        Part("migration", totals(migration, assoc, n_servers), "pink"),
    )
    plots = (
        _map(slot, decision),
        Bars(
            "twins on each server", "", "base station of the server", names, held, slot.cap.astype(np.float64),
            "twins that a server takes",
        ),
        Bars("latency of the twins on each server, summed", "s", "base station of the server", names, seconds),
    )  # fmt: skip
    unmoved = p.beta_u * np.exp(slot.deadline - latency)
    gain = p.beta_u * np.exp(slot.deadline - latency - migration)
    terms = (
        term("value of quick interaction", unmoved.mean(), "sky"),
        term("lost by migration", (gain - unmoved).mean(), "pink"),
        term("energy", -((1.0 - p.beta_u) * pick(slot.energy, assoc)).mean(), "yellow"),
    )
    return Picture(plots, terms)


def _map(slot: MigrationSlot, decision: MigrationDecision | None) -> Map:
    users, servers, n = slot.user_xy, slot.server_xy, slot.n_users
    other = np.setdiff1d(np.arange(len(slot.bs_xy)), slot.servers)
    assoc = np.clip(slot.prev if decision is None else decision.assoc, 0, slot.n_servers - 1)
    moved = assoc != slot.prev
    start, end, count = _moves(slot, assoc)
    layers: list[Points | Links] = [
        Links("user to a twin that stayed", users[~moved], servers[assoc[~moved]], "blue", width=thin(n)),
        Links("user to a twin that moved", users[moved], servers[assoc[moved]], "orange", width=thin(n)),
        Links("way of twins that moved", start, end, "pink", "solid", 1.2 + 5.0 * count / n, arrow=True),
        Points("user", users, "circle", "black", 0.8 * dot(n), names=numbers(n) if n <= 20 else ()),
        Points(
            "base station", slot.bs_xy[other], "square", "grey", 7.0, False,
            names=tuple(map(str, other)), needed=True,
        ),
        Points("twin server", servers, "square", "green", 9.0, names=tuple(map(str, slot.servers)), needed=True),
    ]  # fmt: skip
    side = slot.params.area
    what = "users and base stations; lines lead to the twin"
    return Map(what, tuple(layers), (-0.02 * side, 1.02 * side), (-0.02 * side, 1.02 * side))


def _moves(slot: MigrationSlot, assoc: IntArray) -> tuple[Array, Array, Array]:
    """Where twins moved from and to (m, 2), each pair of servers once, and how many did (m,)."""
    prev = np.clip(slot.prev, 0, slot.n_servers - 1)
    pairs, count = np.unique(np.stack([prev, assoc])[:, prev != assoc], axis=1, return_counts=True)
    return slot.server_xy[pairs[0]], slot.server_xy[pairs[1]], count.astype(np.float64)

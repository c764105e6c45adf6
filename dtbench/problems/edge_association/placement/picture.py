"""A slot of ``edge-placement`` as a picture: which base stations are servers, whose twins they hold, at what cost."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import pick
from dtbench.picture import Bars, Links, Map, Part, Picture, Points, chosen, dot, numbers, term, thin, totals
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, shares


def of(slot: PlacementSlot, decision: PlacementDecision | None) -> Picture:
    """The picture of a slot without leading axes."""
    if decision is None:
        return Picture((_map(slot, None),))
    p, n_bs = slot.params, slot.n_bs
    assoc = np.clip(decision.assoc, 0, n_bs - 1)
    share, _ = shares(slot, assoc)
    weight = slot.user_weight * slot.effective_bits
    radio = weight / slot.rate
    wire = weight * (pick(slot.transport, assoc) - 1.0 / slot.rate)
    compute = weight * p.cycles / share
    names = tuple(map(str, range(n_bs)))
    opened = np.asarray(decision.open, dtype=bool)
    caps = np.where(opened, slot.cap, np.nan).astype(np.float64)
    parts = (
        Part("radio", totals(radio, assoc, n_bs), "sky"),
        Part("wire", totals(wire, assoc, n_bs), "orange"),
        Part("computing", totals(compute, assoc, n_bs), "blue"),
    )
    plots = (
        _map(slot, decision),
        Bars(
            "twins on each server", "", "base station", names,
            (Part("twins", totals(1.0, assoc, n_bs), "green"),), caps, "twins that an open server takes",
        ),
        Bars("latency of the twins on each server, weighted", "cost", "base station", names, parts),
    )  # fmt: skip
    terms = (
        *(term(part.label, part.values.sum(), part.colour) for part in parts),
        term("fees of servers", slot.fee_weight * p.open_cost * opened.sum(), "yellow"),
        term("energy", slot.fee_weight * slot.energy, "pink"),
    )
    return Picture(plots, terms)


def _map(slot: PlacementSlot, decision: PlacementDecision | None) -> Map:
    users, stations, n = slot.user_xy, slot.bs_xy, slot.n_users
    opened = np.zeros(slot.n_bs, dtype=bool) if decision is None else np.asarray(decision.open, dtype=bool)
    names = tuple(map(str, range(slot.n_bs)))
    layers: list[Points | Links] = []
    if decision is not None:
        assoc = np.clip(decision.assoc, 0, slot.n_bs - 1)
        here = assoc == slot.access
        layers += [
            Links("twin at the nearest base station", users[here], stations[assoc[here]], "blue", width=thin(n)),
            Links("twin behind a wire", users[~here], stations[assoc[~here]], "orange", width=thin(n)),
        ]
    layers += [
        Points("user", users, "circle", "black", 0.8 * dot(n), names=numbers(n) if n <= 20 else ()),
        Points("base station", stations[~opened], "square", "grey", 8.0, False, chosen(names, ~opened), needed=True),
        Points("open server", stations[opened], "square", "green", 9.0, names=chosen(names, opened), needed=True),
    ]
    side = slot.params.area
    what = "users and base stations" + ("" if decision is None else "; lines lead to the twin")
    return Map(what, tuple(layers), (-0.02 * side, 1.02 * side), (-0.02 * side, 1.02 * side))

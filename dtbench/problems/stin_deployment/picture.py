"""A slot of ``stin-deployment`` as a picture: who builds the twin where, and what the delays are made of.

Users and end devices are where they are. The satellite, hundreds of kilometres away, and the cloud behind it stand in a
strip above the area, not to scale.
"""

from __future__ import annotations

import numpy as np

from dtbench.picture import Bars, Links, Map, Part, Picture, Points, chosen, dot, numbers, term, thin, totals
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, counts, delays

STRIP = 0.16  # of the area's side: the strip for the satellite


def of(slot: StinSlot, decision: StinDecision | None) -> Picture:
    """The picture of a slot without leading axes."""
    if decision is None:
        return Picture((_map(slot, None),))
    cloud = slot.n_nodes - 1
    node = np.clip(decision.node, 0, cloud)
    n = counts(node, slot.n_nodes)
    link, compute = delays(slot, node, n)
    names = ("own", *(f"E{j}" for j in range(slot.n_end)), "cloud")
    caps = np.array([np.nan, *slot.cap_end.astype(np.float64), np.nan])
    held = Bars(
        "twins on each node", "", "own device, end devices E, cloud", names,
        (Part("twins", n.astype(np.float64), "sky"),), caps, "twins that a node takes",
    )  # fmt: skip
    delay = Bars(
        "delay of the twins on each node, summed", "s", "own device, end devices E, cloud", names,
        (Part("transfer", totals(link, node, slot.n_nodes), "orange"),
         Part("computing", totals(compute, node, slot.n_nodes), "blue")),
    )  # fmt: skip
    terms = (term("transfer", link.sum(), "orange"), term("computing", compute.sum(), "blue"))
    return Picture((_map(slot, decision), held, delay), terms)


def _map(slot: StinSlot, decision: StinDecision | None) -> Map:
    side, users, devices = slot.params.area, slot.user_xy, slot.end_xy
    n, size = slot.n_users, dot(slot.n_users)
    satellite = np.array([[0.5 * side, (1.0 + 0.55 * STRIP) * side]])
    names = numbers(n)
    cloud = slot.n_nodes - 1
    node = np.zeros(n, dtype=np.int64) if decision is None else np.clip(decision.node, 0, cloud)
    own, far = node == 0, node == cloud
    near = ~own & ~far
    host = np.clip(node - 1, 0, slot.n_end - 1)
    own_label = "user" if decision is None else "user, twin on the own device"
    layers: tuple[Points | Links, ...] = (
        Links("twin goes to an end device", users[near], devices[host[near]], "blue", width=thin(n)),
        Links(
            "twin goes to the cloud via the satellite", users[far], np.repeat(satellite, int(far.sum()), axis=0),
            "orange", "dotted", 0.8 * thin(n),
        ),
        Points(own_label, users[own], "circle", "black", size, filled=False, names=chosen(names, own)),
        Points("user, twin on an end device", users[near], "circle", "blue", size, names=chosen(names, near)),
        Points("user, twin in the cloud", users[far], "triangle", "orange", size + 0.5, names=chosen(names, far)),
        Points(
            "end device", devices, "square", "green", 8.0 if n < 40 else 6.5,
            names=tuple(f"E{j}" for j in range(slot.n_end)), needed=True,
        ),
        Points("satellite (not to scale)", satellite, "star", "pink", 15.0, names=("cloud",), needed=True),
    )  # fmt: skip
    if decision is None:
        layers = (layers[2], *layers[5:])
    return Map("users and end devices", layers, (-0.02 * side, 1.02 * side), (-0.02 * side, (1.0 + STRIP) * side))

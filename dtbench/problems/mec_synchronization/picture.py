"""A slot of ``mec-synchronization`` as a picture: who synchronises over which station and wire, and who fails."""

from __future__ import annotations

import numpy as np

from dtbench.picture import Bars, Links, Map, Part, Picture, Points, chosen, dot, numbers, term, thin, totals
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, transmit


def of(slot: MecSlot, decision: MecDecision | None) -> Picture:
    """The picture of a slot without leading axes."""
    if decision is None:
        return Picture((_map(slot, None),))
    p, n_bs = slot.params, slot.n_bs
    sent = transmit(slot, decision)
    names = tuple(map(str, range(n_bs)))
    served = slot.request & ~sent.failed
    cpu = totals(np.maximum(decision.cpu, 0.0), sent.host, n_bs) / 1e9
    plots = (
        _map(slot, decision),
        Bars(
            "requests by the station of their twin", "", "base station", names,
            (Part("served", totals(served, sent.host, n_bs), "blue"),
             Part("failed", totals(sent.failed, sent.host, n_bs), "orange")),
        ),
        Bars(
            "processor given to twins", "Gcycle/s", "base station", names, (Part("processor", cpu, "sky"),),
            np.full(n_bs, p.f_max / 1e9), "whole processor",
        ),
    )  # fmt: skip
    queued = p.eta * np.broadcast_to(slot.weight, sent.failed.shape) * sent.failed
    terms = (
        term("energy of sending", (sent.energy / p.e0).mean(), "yellow"),
        term("failures, times queues", queued.mean(), "orange"),
    )
    return Picture(plots, terms)


def _map(slot: MecSlot, decision: MecDecision | None) -> Map:
    users, stations, n = slot.user_xy, slot.bs_xy, slot.n_users
    names, size = numbers(n), dot(n)
    idle = ~slot.request
    layers: list[Points | Links] = []
    if decision is None:
        asking = [Points("user who asks", users[slot.request], "circle", "blue", size, True, chosen(names, ~idle))]
    else:
        sent = transmit(slot, decision)
        served = slot.request & ~sent.failed
        far = served & (sent.host != slot.access)
        pairs, count = np.unique(np.stack([slot.access, sent.host])[:, far], axis=1, return_counts=True)
        layers += [
            Links(
                "radio to the nearest base station", users[served], stations[slot.access[served]], "blue",
                width=thin(n),
            ),
            Links(
                "wire to the station of the twin", stations[pairs[0]], stations[pairs[1]], "green", "dashed",
                np.asarray(1.0 + 3.0 * count / max(n / slot.n_bs, 1.0), dtype=np.float64), arrow=True,
            ),
        ]  # fmt: skip
        if slot.hosts_open:  # else twins stay where they are
            moved = sent.host != slot.host
            start, end = stations[slot.host[moved]], stations[sent.host[moved]]
            layers.append(Links("way of twins that move", start, end, "pink", width=1.4, arrow=True))
        asking = [
            Points("user, served", users[served], "circle", "blue", size, True, chosen(names, served)),
            Points("user, failed", users[sent.failed], "cross", "orange", size + 1.0, True, chosen(names, sent.failed)),
        ]
    layers += [
        Points("user who does not ask", users[idle], "circle", "grey", size, False, chosen(names, idle)),
        *asking,
        Points("base station", stations, "square", "green", 9.0, names=tuple(map(str, range(slot.n_bs))), needed=True),
    ]
    side = slot.params.area
    what = "users and base stations"
    return Map(what, tuple(layers), (-0.02 * side, 1.02 * side), (-0.02 * side, 1.02 * side))

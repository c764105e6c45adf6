"""What `dtbench plot` and rendered environments show of a slot; without this file they show tables of the fields.

With positions, a `Map` of `Points` and `Links` would come first.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import pick
from dtbench.picture import Bars, Part, Picture, Table, term, totals

from .model import ToyDecision, ToySlot, users_at


def of(slot: ToySlot, decision: ToyDecision | None) -> Picture:
    """Users at each server, their delays, and the terms of the objective: they must add up to it."""
    p = slot.params
    if decision is None:
        return Picture((Table("before a decision", (("users", str(p.n_users)), ("servers", str(p.n_servers)))),))
    server = np.clip(decision.server, 0, p.n_servers - 1)
    transfer = slot.load / pick(slot.rate, server)
    compute = p.cycles * slot.load / slot.cpu[server]
    names = tuple(map(str, range(p.n_servers)))
    users = Part("users", users_at(server, p.n_servers).astype(np.float64), "green")
    limits = np.full(p.n_servers, float(p.capacity))
    delays = (
        Part("transfer", totals(transfer, server, p.n_servers), "orange"),
        Part("computing", totals(compute, server, p.n_servers), "blue"),
    )
    return Picture(
        plots=(
            Bars("users at each server", "", "server", names, (users,), limits, "users that a server takes"),
            Bars("delay of the users at each server, summed", "s", "server", names, delays),
        ),
        terms=(term("transfer", transfer.mean(), "orange"), term("computing", compute.mean(), "blue")),
    )

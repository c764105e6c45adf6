"""A slot of ``dnt-spectrum`` as a picture: who is served on which resource block, who uploads, where the twin errs."""

from __future__ import annotations

import numpy as np

from dtbench.picture import MANY, Bars, Discs, Grid, Links, Map, Part, Picture, Points, chosen, dot, numbers, term, thin
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, refreshed, user_rates
from dtbench.problems.dnt_spectrum.model import Links as Served


def of(slot: DntSlot, decision: DntDecision | None) -> Picture:
    """The picture of a slot without leading axes."""
    if decision is None:
        return Picture((_map(slot, None),))
    p = slot.params
    links = Served.of(slot, decision)
    mended = refreshed(slot, links.upload)
    names = tuple(map(str, range(slot.n_users)))
    parts: tuple[Part, ...]
    if p.error_scope == "user":
        parts = (
            Part("error that stays", np.where(mended, 0.0, slot.error), "orange"),
            Part("error that an upload mends", np.where(mended, slot.error, 0.0), "sky"),
        )
        left = float(parts[0].values.sum())
    else:  # counted once per block of a base station: parts of bars would not add up
        parts = (Part("error of the twin", slot.error, "sky"),)
        alone = np.where(slot.cover.any(axis=-1), 0.0, slot.error).sum()
        left = float(np.where(links.upload, 0.0, slot.block_error).sum() + alone)
    plots = (
        _map(slot, decision),
        _blocks(slot, links),
        Bars("squared error of the twin", "m²", "user", names, parts),
    )
    terms = (
        term("rates", p.rate_weight * user_rates(slot, links).sum(), "blue"),
        term("error that stays", -p.error_weight * left, "orange"),
    )
    return Picture(plots, terms)


def _blocks(slot: DntSlot, links: Served) -> Grid:
    """Resource blocks of each base station, with the number of the user."""
    cells = np.full((slot.n_bs, slot.n_rb), -1)
    texts = np.full(cells.shape, "", dtype="<U8")
    for m, block in zip(np.flatnonzero(links.upload), links.up[links.upload], strict=True):
        cells[m, block], texts[m, block] = 1, "up"
    for u in np.flatnonzero(links.user):
        m, block = links.bs[u], links.rb[u]
        cells[m, block], texts[m, block] = 0, str(u)
    for m, block in np.argwhere(links.active > 1.0):
        cells[m, block], texts[m, block] = 2, "!"
    return Grid(
        "who has which resource block", "resource block",
        tuple(f"B{m}" for m in range(slot.n_bs)), tuple(map(str, range(slot.n_rb))),
        (("serves a user", "blue"), ("uploads to the cloud", "orange"), ("several links", "pink")), cells, texts,
    )  # fmt: skip


def _map(slot: DntSlot, decision: DntDecision | None) -> Map:
    p, users, n = slot.params, slot.position, slot.n_users
    stations, cloud = p.bs_xy, p.cloud_xy[None]
    names, size = numbers(n), dot(n)
    off = np.sqrt(slot.error) > 1e-9
    layers: list[Points | Links | Discs] = [Discs("covered", stations, p.radius)]
    served = np.zeros(n, dtype=bool)
    if decision is not None:
        links = Served.of(slot, decision)
        served = links.user
        layers += [
            Links("serves", stations[links.bs[served]], users[served], "blue", width=thin(n)),
            Links(
                "upload", stations[links.upload], np.repeat(cloud, int(links.upload.sum()), axis=0), "orange",
                "dashed", 1.6,
            ),
        ]  # fmt: skip
    layers += [
        Links("from the twin's estimate to the user", slot.estimate[off], users[off], "pink", "solid", 1.0),
        Points("twin's estimate", slot.estimate[off], "diamond", "pink", 0.6 * size),
        Points("user" if decision is None else "user, not served", users[~served], "circle", "black", size, False,
               chosen(names, ~served)),
        Points("user, served", users[served], "circle", "blue", size, True, chosen(names, served)),
        Points(
            "base station", stations, "square", "green", 9.0, names=tuple(f"B{m}" for m in range(slot.n_bs)),
            needed=True,
        ),
        Points("cloud", cloud, "star", "yellow", 15.0, names=("cloud",), needed=n < MANY),
    ]  # fmt: skip
    if decision is None:
        layers = [layer for layer in layers if layer.label != "user, served"]
    x, y = 1.04 * p.half_length, p.half_height
    low, high = min(-1.1 * y, p.cloud_y - 8.0), max(1.1 * y, p.cloud_y + 8.0)
    what = "users, base stations and the cloud"
    return Map(what, tuple(layers), (min(-x, p.cloud_x - 8.0), max(x, p.cloud_x + 8.0)), (low, high))

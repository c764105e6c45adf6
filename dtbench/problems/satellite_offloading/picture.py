"""A slot of ``satellite-offloading`` as a picture: who uploads to which satellite, and how delay and energy arise.

Instances hold gains of channels and no positions, and a UAV's gain is the same to every satellite. So the network is a
scheme: satellites above, UAVs below in the order of their numbers; places and lengths mean nothing.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, pick
from dtbench.picture import Bars, Links, Map, Part, Picture, Points, numbers, term, totals
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, evaluate


def of(slot: OffloadingSlot, decision: OffloadingDecision | None) -> Picture:
    """The picture of a slot without leading axes."""
    if decision is None:
        return Picture((_map(slot, None),))
    p = slot.params
    uavs, satellites = tuple(map(str, range(slot.n_uav))), tuple(f"S{j}" for j in range(slot.n_sat))
    assoc = np.clip(decision.assoc, 0, slot.n_sat - 1)
    channels = np.maximum(decision.channels, 1)
    upload = slot.data_bits / (channels * slot.rate)
    share = np.maximum(decision.share, 0.0)
    training = pick(slot.work, assoc) / (share + p.eps)
    used = f"channels of each UAV, {int(channels.sum())} of {p.n_channel}"
    plots = (
        _map(slot, decision),
        Bars(used, "", "UAV", uavs, (Part("channels", channels.astype(np.float64), "sky"),)),
        Bars("upload of each UAV; the longest counts", "s", "UAV", uavs, (Part("upload", upload, "orange"),)),
        Bars(
            "training on each satellite; the longest counts", "s", "satellite", satellites,
            (Part("training", totals(training, assoc, slot.n_sat), "blue"),),
        ),
    )  # fmt: skip
    if p.train_delay == "max":
        longest = np.zeros(slot.n_sat)
        np.maximum.at(longest, assoc, training)
        plots = (
            *plots[:3],
            Bars(plots[3].title, "s", "satellite", satellites, (Part("training", longest, "blue"),)),
        )
    m = evaluate(slot, decision).metrics
    late, drain = (1.0 - p.mu) / p.t_norm, p.mu / p.e_norm
    terms = (
        term("upload", late * m["t_up"], "orange"),
        term("training", late * m["t_train"], "blue"),
        term("models and blocks", late * (m["t_inter"] + m["t_down"] + m["t_block"]), "grey"),
        term("energy of hovering", drain * m["e_hover"], "green"),
        term("energy of uploads", drain * m["e_com"], "yellow"),
        term("energy of training", drain * m["e_cmp"], "pink"),
    )
    return Picture(plots, terms)


def _map(slot: OffloadingSlot, decision: OffloadingDecision | None) -> Map:
    uav, satellite = _places(slot.n_uav, 0.0), _places(slot.n_sat, 1.0)
    names = tuple(f"S{j}" for j in range(slot.n_sat))
    layers: list[Points | Links] = []
    if decision is not None:
        assoc = np.clip(decision.assoc, 0, slot.n_sat - 1)
        width = 0.4 + 7.0 * np.maximum(decision.channels, 1) / slot.params.n_channel
        layers.append(Links("upload, as wide as its channels", uav, satellite[assoc], "blue", width=width))
        share = totals(np.maximum(decision.share, 0.0), assoc, slot.n_sat)
        held = totals(1.0, assoc, slot.n_sat)
        names = tuple(
            f"{name}: {h:.0f} UAVs, {100 * s:.0f} %" for name, h, s in zip(names, held, share, strict=True)
        ) if slot.n_sat <= 3 else tuple(f"{name}: {h:.0f}" for name, h in zip(names, held, strict=True))  # fmt: skip
    layers += [
        Points(
            "UAV",
            uav,
            "triangle",
            "black",
            8.0 if slot.n_uav < 20 else 5.5,
            names=numbers(slot.n_uav) if slot.n_uav <= 20 else (),
        ),
        Points("satellite", satellite, "star", "pink", 14.0, names=names, needed=True),
    ]
    what = "UAVs and satellites (a scheme: there are no positions)"
    return Map(what, tuple(layers), (-0.03, 1.03), (-0.2, 1.2), unit="")


def _places(n: int, height: float) -> Array:
    """n points (n, 2) at equal distances, in a row."""
    return np.stack([(np.arange(n) + 0.5) / n, np.full(n, height)], axis=-1)

"""Resource blocks that are being filled: what is active where, what a further link would get, and what it would break.

Repair, Algorithm 1 and the greedy rules place links one after the other, all members of a batch together.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray, spread
from dtbench.problems.dnt_spectrum.model import TOLERANCE, DntDecision, DntSlot, rate, upload_delay


class Board:
    """Links of B members; empty at first.

    Attributes
    ----------
    gain, cover
        (B, U, M).
    cloud
        (B, M), gains to the cloud.
    cloud_signal
        (B, M, 1), what the cloud receives from a base station [W].
    active, uploads
        (B, M, N) bool: RBs in use, and those in use for an upload.
    occupant
        (B, M, N): the user that a base station serves on an RB, -1 where it serves none.
    occupant_gain
        (B, M, N): gain from the base station to its occupant, 0 where it serves none.
    bs, rb
        (B, U): links of users, -1 = none.
    up
        (B, M): RB of the upload, -1 = none.
    """

    def __init__(self, slot: DntSlot, lead: tuple[int, ...] | None = None) -> None:
        self.lead = slot.batch_shape if lead is None else np.broadcast_shapes(lead, slot.batch_shape)
        self.params = slot.params
        users, stations, blocks = slot.n_users, slot.n_bs, slot.n_rb
        self.gain = spread(slot.gain, (*self.lead, users, stations)).reshape(-1, users, stations)
        self.cover = spread(slot.cover, (*self.lead, users, stations)).reshape(-1, users, stations)
        self.cloud = spread(slot.gain_cloud, (*self.lead, stations)).reshape(-1, stations)
        self.cloud_signal = self.params.tx_power * self.cloud[..., None]
        self.size = len(self.gain)
        self.rows = np.arange(self.size)
        self.different = ~np.eye(stations, dtype=bool)[:, :, None]
        self.active = np.zeros((self.size, stations, blocks), dtype=bool)
        self.uploads = self.active.copy()
        self.occupant = np.full(self.active.shape, -1)
        self.occupant_gain = np.zeros(self.active.shape)
        self.bs = np.full((self.size, users), -1)
        self.rb = self.bs.copy()
        self.up = np.full((self.size, stations), -1)

    @property
    def printed(self) -> bool:
        """Whether interference counts as the paper prints it."""
        return self.params.interference == "printed"

    def others(self, station: IntArray) -> BoolArray:
        """(B, M): all but ``station`` (B,)."""
        return np.asarray(np.arange(self.cloud.shape[1]) != station[:, None])

    def received(self, gain: Array) -> Array:
        """Power (B, ..., M, N) over P that users of gains (B, ..., M) receive from base stations on RBs, Eq. (3)."""
        active, uploads, occupant_gain = (
            v.reshape(self.size, *(1,) * (gain.ndim - 2), *v.shape[1:])
            for v in (self.active, self.uploads, self.occupant_gain)
        )
        if self.printed:
            return np.asarray(occupant_gain + (self.gain.shape[1] - 1) * uploads * gain[..., None])
        return np.asarray(active * gain[..., None])

    def user_rate(self, user: IntArray, station: IntArray) -> Array:
        """Rate (B, N) [bit/s] that ``user`` (B,) would get from ``station`` (B,) on each RB, given the links so far."""
        gain = self.gain[self.rows, user]
        load = np.where(self.others(station)[..., None], self.received(gain), 0.0).sum(axis=-2)
        p = self.params
        return rate(p, p.tx_power * gain[self.rows, station][:, None], p.tx_power * load)

    def cloud_load(self) -> Array:
        """Power (B, M, N) over P that disturbs an upload of base station m on RB n, Eq. (5)."""
        load = self.active + (self.gain.shape[1] - 1) * self.uploads if self.printed else self.active
        received = load * self.cloud[..., None]
        return np.asarray(np.where(self.different, received[:, None], 0.0).sum(axis=-2))

    def upload_rate(self, station: IntArray, disturbance: Array | None = None) -> Array:
        """Rate (B, N) [bit/s] that an upload of ``station`` (B,) would get on each RB, given the links so far.

        ``disturbance``: what :meth:`cloud_load` is now, if that is known.
        """
        p = self.params
        load = (self.cloud_load() if disturbance is None else disturbance)[self.rows, station]
        return rate(p, self.cloud_signal[self.rows, station], p.tx_power * load)

    def allowed(self, station: IntArray, *, upload: bool, disturbance: Array | None = None) -> BoolArray:
        """RBs (B, N) that are free at ``station`` (B,) and on which its link leaves all uploads within the delay limit.

        With ``upload``, the link is one itself, and must keep the limit too. ``disturbance``: as for
        :meth:`upload_rate`.
        """
        free = ~self.active[self.rows, station]
        if not upload and not self.uploads.any():
            return free  # no upload is there that could be late
        p = self.params
        other = self.different[station]
        weight = self.gain.shape[1] if self.printed and upload else 1
        added = weight * self.cloud[self.rows, station]
        load = (self.cloud_load() if disturbance is None else disturbance) + np.where(other, added[:, None, None], 0.0)
        rates = rate(p, self.cloud_signal, p.tx_power * load)
        late = upload_delay(p, rates) > p.delay_limit + TOLERANCE
        late &= (self.uploads | ~other) if upload else self.uploads
        return np.asarray(free & ~late.any(axis=-2))

    def put_upload(self, member: BoolArray, station: IntArray, block: IntArray) -> None:
        """Place uploads of the members chosen (B,)."""
        b, m, n = self.rows[member], station[member], block[member]
        self.active[b, m, n] = self.uploads[b, m, n] = True
        self.up[b, m] = n

    def put_user(self, member: BoolArray, user: IntArray, station: IntArray, block: IntArray) -> None:
        """Place links of users for the members chosen (B,)."""
        b, u, m, n = self.rows[member], user[member], station[member], block[member]
        self.active[b, m, n] = True
        self.occupant[b, m, n] = u
        self.occupant_gain[b, m, n] = self.gain[b, u, m]
        self.bs[b, u], self.rb[b, u] = m, n

    def clear(self, station: int) -> None:
        """Take all links of a base station away, in all members."""
        self.active[:, station] = self.uploads[:, station] = False
        self.occupant_gain[:, station], self.occupant[:, station] = 0.0, -1
        self.up[:, station] = -1
        mine = self.bs == station
        self.bs[mine] = self.rb[mine] = -1

    def decision(self, claims: BoolArray | None = None) -> DntDecision:
        """The links as decisions with the batch's leading axes."""
        bs, rb, up = (v.reshape(*self.lead, v.shape[1]) for v in (self.bs, self.rb, self.up))
        if claims is None:
            return DntDecision.of(bs, rb, up)
        return DntDecision(bs=bs, rb=rb, up=up, claims=np.broadcast_to(claims, (*bs.shape, up.shape[-1])))


def first_from(wanted: IntArray, allowed: BoolArray) -> tuple[IntArray, BoolArray]:
    """The first allowed RB (B,) at or cyclically after the wanted one (B,), and whether there is any."""
    blocks = allowed.shape[1]
    order = (wanted[:, None] + np.arange(blocks)) % blocks
    step = np.take_along_axis(allowed, order, axis=1).argmax(axis=1)
    return (wanted + step) % blocks, np.asarray(allowed.any(axis=1))


def flattened(slot: DntSlot, lead: tuple[int, ...] | None = None) -> DntSlot:
    """The slot, spread to ``lead`` (its own leading axes by default), with one leading axis."""
    lead = slot.batch_shape if lead is None else lead
    flat: dict[str, Any] = {}
    for name, spec, value in slot.arrays():
        trailing = np.shape(value)[np.ndim(value) - len(spec.dims) :]
        flat[name] = np.broadcast_to(value, (*lead, *trailing)).reshape(-1, *trailing)
    return dataclasses.replace(slot, **flat)

"""Repair of decisions of ``satellite-offloading``: in four steps, the last of which is feasible by construction."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import BoolArray, IntArray, spread, take
from dtbench.problems.satellite_offloading.allocation import (
    bottleneck_channels,
    min_delay,
    proportional,
    round_channels,
    sqrt_shares,
)
from dtbench.problems.satellite_offloading.model import (
    OffloadingDecision,
    OffloadingSlot,
    feasible,
    in_time,
    on_satellite,
    per_satellite,
)

LEAST_SHARE = 1e-3
BLENDS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])  # theta, weight of the sqrt shares


def repair(slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingDecision:
    """A feasible decision near the given one, see :func:`repair_flagged`."""
    return repair_flagged(slot, decision)[0]


def repair_flagged(slot: OffloadingSlot, decision: OffloadingDecision) -> tuple[OffloadingDecision, IntArray]:
    """Repair decisions, and say which step ended it.

    0. A feasible decision stays as it is.
    1. Associations are clipped to [0, M), channels rounded, shares clipped to [1e-3, 1] and scaled down on satellites
       where they exceed 1.
    2. The shares are scaled up to full capacity and blended with the sqrt shares, theta = 0, 0.25, ..., 1.
    3. With the sqrt shares, the bottleneck channels.
    4. The whole minimum-delay decision.

    The first decision that meets C6 and C7 is taken. Only members that need a step are worked on.

    Returns
    -------
    decision, step
        The decision with the leading axes of both arguments, and (...,) int in 0..4.
    """
    repaired, step, _ = mend(slot, decision, feasible(slot, decision))
    return repaired, step


def mend(
    slot: OffloadingSlot, decision: OffloadingDecision, ok: BoolArray
) -> tuple[OffloadingDecision, IntArray, BoolArray]:
    """As :func:`repair_flagged`, for who knows already which decisions are feasible, ``ok`` (...,).

    Returns
    -------
    decision, step, missed
        ``missed`` (...,): whether C6 or C7 is broken even when the rest is mended.
    """
    lead = ok.shape
    given = _spread(decision, lead)
    repaired = _in_range(slot, given)
    if ok.any():
        repaired = _choose(ok, given, repaired)
    step = np.where(ok, 0, 1)
    same = all(np.array_equal(value, getattr(given, name)) for name, _, value in repaired.arrays())
    broken = ~ok if same else ~in_time(slot, repaired)  # the rest is mended
    late = np.flatnonzero(broken)
    if not late.size:
        return repaired, step, broken
    flat = OffloadingDecision(
        channels=repaired.channels.reshape(-1, slot.n_uav),
        assoc=repaired.assoc.reshape(-1, slot.n_uav),
        share=repaired.share.reshape(-1, slot.n_uav),
    )
    steps = step.reshape(-1)
    for number, attempt in ((2, _blend), (3, _faster), (4, _reference)):
        if late.size:
            members = flat if late.size == ok.size else flat[late]
            new, good = attempt(_members(slot, lead, late), members)
            for name in ("channels", "assoc", "share"):
                getattr(flat, name)[late] = getattr(new, name)
            steps[late] = number
            late = late[~good]
    shape = (*lead, slot.n_uav)
    repaired = OffloadingDecision(
        channels=flat.channels.reshape(shape), assoc=flat.assoc.reshape(shape), share=flat.share.reshape(shape)
    )
    return repaired, steps.reshape(lead), broken & ~ok


def _spread(decision: OffloadingDecision, lead: tuple[int, ...]) -> OffloadingDecision:
    """The decision with exactly these leading axes, as views."""
    new = {name: spread(np.asarray(value), (*lead, np.shape(value)[-1])) for name, _, value in decision.arrays()}
    return OffloadingDecision(**new)


def _choose(first: BoolArray, one: OffloadingDecision, other: OffloadingDecision) -> OffloadingDecision:
    """``one`` where ``first`` (...,), else ``other``; new arrays."""
    which = np.asarray(first)[..., None]
    return OffloadingDecision(
        channels=np.where(which, np.round(one.channels).astype(np.int64), other.channels),
        assoc=np.where(which, one.assoc, other.assoc),
        share=np.where(which, one.share, other.share),
    )


def _in_range(slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingDecision:
    """Step 1: everything but C6 and C7."""
    assoc = np.minimum(np.maximum(decision.assoc, 0), slot.n_sat - 1)
    share = np.minimum(np.maximum(np.where(np.isnan(decision.share), 0.0, decision.share), LEAST_SHARE), 1.0)
    used = per_satellite(share, on_satellite(assoc, slot.n_sat))
    share = share / np.maximum(take(used, assoc), 1.0)
    return OffloadingDecision(
        channels=round_channels(decision.channels, slot.params.n_channel), assoc=assoc, share=share
    )


def _blend(slot: OffloadingSlot, decision: OffloadingDecision) -> tuple[OffloadingDecision, BoolArray]:
    """Step 2 of members (C,): the first blend that is feasible, the last one where none is; and whether it is."""
    full = proportional(decision.share, decision.assoc, slot.n_sat)
    theta = BLENDS[:, None, None]
    blends = (1.0 - theta) * full + theta * sqrt_shares(slot, decision.assoc)
    good = in_time(slot, OffloadingDecision(channels=decision.channels, assoc=decision.assoc, share=blends))
    some = np.asarray(good.any(axis=0))
    chosen = np.where(some, good.argmax(axis=0), len(BLENDS) - 1)
    share = blends[chosen, np.arange(len(chosen))]
    return OffloadingDecision(channels=decision.channels, assoc=decision.assoc, share=share), some


def _faster(slot: OffloadingSlot, decision: OffloadingDecision) -> tuple[OffloadingDecision, BoolArray]:
    """Step 3: ``decision`` has the sqrt shares already."""
    channels = spread(bottleneck_channels(slot), decision.channels.shape)
    faster = OffloadingDecision(channels=channels, assoc=decision.assoc, share=decision.share)
    return faster, in_time(slot, faster)


def _reference(slot: OffloadingSlot, decision: OffloadingDecision) -> tuple[OffloadingDecision, BoolArray]:
    """Step 4, the last one."""
    return _spread(min_delay(slot), decision.batch_shape), np.ones(decision.batch_shape, dtype=bool)


def _members(slot: OffloadingSlot, lead: tuple[int, ...], flat: IntArray) -> OffloadingSlot:
    """Slots of the members ``flat`` (C,) of a batch ``lead`` that the slot's leading axes broadcast to."""
    axes = slot.batch_shape
    if not axes or (axes == lead == flat.shape):  # for all: flat is in order
        return slot
    index = np.unravel_index(flat, lead)[len(lead) - len(axes) :]
    return slot[tuple(np.where(size == 1, 0, i) for size, i in zip(axes, index, strict=True))]

"""Repair of decisions of ``satellite-offloading``: in four steps, the last of which is feasible by construction."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import BoolArray, IntArray
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
    evaluate,
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
    outcome = evaluate(slot, decision)
    lead = outcome.objective.shape
    given = _spread(decision, lead)
    repaired = _in_range(slot, given)
    ok = outcome.feasible
    repaired = _choose(ok, given, repaired)
    step = np.where(ok, 0, 1)
    late = np.flatnonzero(~evaluate(slot, repaired).feasible)
    if not late.size:
        return repaired, step
    flat = OffloadingDecision(
        channels=repaired.channels.reshape(-1, slot.n_uav),
        assoc=repaired.assoc.reshape(-1, slot.n_uav),
        share=repaired.share.reshape(-1, slot.n_uav),
    )
    steps = step.reshape(-1)
    for number, attempt in ((2, _blend), (3, _faster), (4, _reference)):
        if late.size:
            part = _members(slot, lead, late)
            new = attempt(part, flat[late])
            for name in ("channels", "assoc", "share"):
                getattr(flat, name)[late] = getattr(new, name)
            steps[late] = number
            late = late[~evaluate(part, new).feasible]
    shape = (*lead, slot.n_uav)
    repaired = OffloadingDecision(
        channels=flat.channels.reshape(shape), assoc=flat.assoc.reshape(shape), share=flat.share.reshape(shape)
    )
    return repaired, steps.reshape(lead)


def misses_limits(slot: OffloadingSlot, decision: OffloadingDecision) -> BoolArray:
    """(...,): whether repair has to go beyond step 1, as C6 or C7 is broken even when the rest is mended."""
    feasible = evaluate(slot, decision).feasible
    return np.asarray(~(feasible | evaluate(slot, _in_range(slot, decision)).feasible))


def _spread(decision: OffloadingDecision, lead: tuple[int, ...]) -> OffloadingDecision:
    """The decision with exactly these leading axes, as views."""
    new = {name: np.broadcast_to(value, (*lead, np.shape(value)[-1])) for name, _, value in decision.arrays()}
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
    assoc = np.clip(decision.assoc, 0, slot.n_sat - 1)
    share = np.clip(np.nan_to_num(decision.share, nan=0.0), LEAST_SHARE, 1.0)
    used = per_satellite(share, on_satellite(assoc, slot.n_sat))
    share = share / np.maximum(np.take_along_axis(used, assoc, axis=-1), 1.0)
    return OffloadingDecision(
        channels=round_channels(decision.channels, slot.params.n_channel), assoc=assoc, share=share
    )


def _blend(slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingDecision:
    """Step 2: the first blend that is feasible, the last one where none is."""
    full = proportional(decision.share, decision.assoc, slot.n_sat)
    theta = BLENDS[:, None, None]
    blends = (1.0 - theta) * full + theta * sqrt_shares(slot, decision.assoc)
    tried = OffloadingDecision(channels=decision.channels, assoc=decision.assoc, share=blends)
    good = evaluate(slot, tried).feasible
    good[-1] = True
    share = np.take_along_axis(blends, good.argmax(axis=0)[None, :, None], axis=0)[0]
    return OffloadingDecision(channels=decision.channels, assoc=decision.assoc, share=share)


def _faster(slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingDecision:
    """Step 3: ``decision`` has the sqrt shares already."""
    channels = np.broadcast_to(bottleneck_channels(slot), decision.channels.shape)
    return OffloadingDecision(channels=channels, assoc=decision.assoc, share=decision.share)


def _reference(slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingDecision:
    """Step 4."""
    return _spread(min_delay(slot), decision.batch_shape)


def _members(slot: OffloadingSlot, lead: tuple[int, ...], flat: IntArray) -> OffloadingSlot:
    """Slots of the members ``flat`` (C,) of a batch ``lead`` that the slot's leading axes broadcast to."""
    axes = slot.batch_shape
    if not axes:
        return slot
    index = np.unravel_index(flat, lead)[len(lead) - len(axes) :]
    return slot[tuple(np.where(size == 1, 0, i) for size, i in zip(axes, index, strict=True))]

"""Slots of many base stations, a cluster of neighbours at a time: a bound, and links to begin with.

The models of a slot have a column for each set of base stations, 2^M. Where M is large, neighbours on the line are
solved as if all others were silent: rates are not below what they are, delays not above. A user whom two clusters cover
may be served by both, and counts as refreshed in each that uploads. So the sum of the clusters' optima, each over what
the cluster has without links, bounds the slot from above.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from dtbench import anytime
from dtbench.arrays import IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.errors import Declined
from dtbench.exact.certificate import certify, tightened, with_target
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets
from dtbench.problems.dnt_spectrum.heuristics import greedy, hungarian_never, hungarian_threshold
from dtbench.problems.dnt_spectrum.marginal import greedy_marginal
from dtbench.problems.dnt_spectrum.model import MANY, DntDecision, DntSlot, evaluate, rate
from dtbench.problems.dnt_spectrum.repair import repair

SIZE = 8  # base stations of a cluster
GAP = 1e-3  # relative, to which clusters are solved: what they leave out costs more


@dataclass(frozen=True)
class Relaxed:
    """What clusters say of a slot: ``bound`` of its objective, and ``links`` of them all, repaired."""

    bound: float
    links: DntDecision


def parts(slot: DntSlot) -> list[tuple[IntArray, IntArray, DntSlot]]:
    """Clusters of a slot (no leading axes): their users, their base stations, and the slot that they are."""
    found = []
    for stations in np.array_split(np.arange(slot.n_bs), -(-slot.n_bs // SIZE)):
        users = np.flatnonzero(slot.cover[:, stations].any(axis=-1))
        here = np.ix_(users, stations)
        own = replace(
            slot, params=slot.params.replace({"serve_all": False}), drift=slot.drift[users],
            gain_cloud=slot.gain_cloud[stations], fading=slot.fading[users], position=slot.position[users],
            gain=slot.gain[here], cover=slot.cover[here], history=slot.history[:, users],
            estimate=slot.estimate[users], age=slot.age[stations],
        )  # fmt: skip
        found.append((users, stations, own))
    return found


def relax(slot: DntSlot, until: float) -> Relaxed:
    """Solve the clusters of a slot one by one, and only bound those that come after ``until``.

    ``until`` in seconds of ``time.perf_counter``.
    """
    from dtbench.exact.highs import solve_highs

    clusters = parts(slot)
    nothing = DntDecision.of(np.full(slot.n_users, -1), np.full(slot.n_users, -1), np.full(slot.n_bs, -1))
    bound = float(evaluate(slot, nothing).objective)
    bs, rb, up = nothing.bs.copy(), nothing.rb.copy(), nothing.up.copy()
    for number, (users, stations, own) in enumerate(clusters):
        seconds = (until - time.perf_counter()) / (len(clusters) - number)
        most = alone(own)
        if seconds > 0.0:
            form = ActiveSets.of(own)
            result = solve_highs(form.model(), tightened(Limits(seconds=seconds, gap=GAP), seconds))
            most = float(np.fmin(most, result.bound - form.constant))
            if result.x is not None:
                links = form.decision(result.x)
                new = (links.bs >= 0) & (bs[users] < 0)
                bs[users[new]], rb[users[new]] = stations[links.bs[new]], links.rb[new]
                up[stations] = links.up
        bound += most
    return Relaxed(bound, repair(slot, DntDecision.of(bs, rb, up)))


def alone(slot: DntSlot) -> float:
    """What links add at most to a slot's objective if none disturbs another and all errors are mended."""
    p = slot.params
    rates = rate(p, p.tx_power * slot.gain, np.zeros(()))
    covers = slot.covering
    mended = slot.error * (covers if p.error_scope == "block" else covers > 0)
    return float(p.rate_weight * np.where(slot.cover, rates, 0.0).max(axis=-1).sum() + p.error_weight * mended.sum())


def best_links(slot: DntSlot, until: float, more: DntDecision | None = None) -> DntDecision:
    """The best of ``greedy``, ``hungarian``, as far as time goes ``greedy-marginal``, and more links; feasible ones."""
    best = greedy(slot)
    anytime.report(best)
    others = [hungarian_threshold(slot), hungarian_never(slot), *([] if more is None else [more])]
    if time.perf_counter() < until:
        others.append(greedy_marginal(slot, until))
    for other in others:
        outcome = evaluate(slot, other)
        if outcome.feasible and outcome.objective > evaluate(slot, best).objective:
            best = other
            anytime.report(best)
    return best


def solve(problem: AnyProblem, slot: DntSlot, limits: Limits, method: str) -> Certificate:
    """Bound and links of a slot of many base stations (no leading axes).

    Raises
    ------
    Declined
        On another method than ``active-sets``, or if interference is as printed.
    ValueError
        On an unknown method, or a slot with leading axes.
    """
    if slot.batch_shape != () or method not in problem.exactness.methods:
        raise ValueError(
            f"method '{method}' for slots {slot.batch_shape}; expected one slot and a method that is known"
        )
    if method != "active-sets" or slot.params.interference != "physical":
        raise Declined(
            f"method '{method}' looks at all sets of base stations, and {slot.n_bs} are more than {MANY}; take "
            "'active-sets', which knows clusters of them, with interference 'physical'"
        )
    limits, began = with_target(problem, limits), time.perf_counter()
    until = began + limits.seconds
    relaxed = relax(slot, began + 0.8 * limits.seconds)  # the rest is for the rules
    anytime.report(bound=relaxed.bound)
    links = best_links(slot, until, relaxed.links)
    feasible = bool(evaluate(slot, links).feasible)
    return certify(
        problem, slot, links if feasible else None, relaxed.bound, limits, seconds=time.perf_counter() - began,
        method=method, backend="HiGHS", details={"clusters": len(parts(slot))},
    )  # fmt: skip

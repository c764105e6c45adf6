"""The rule by which a claim of a paper is judged, from the number that is claimed and the interval that is measured.

An *effect* is written so that above 0 is what the paper claims: by which part of B's value A is better. ``x`` is its
estimate, ``[l, u]`` the 95 % interval, ``c`` the number that is claimed, where there is one, and ``b = (1 - NEAR) c``
what still counts as that large. Of the lines below the first that fits decides:

===================================================================  ==================  ==============================
what is measured                                                     verdict             because
===================================================================  ==================  ==============================
u of the optimum's own effect is below b                             does not hold       no method is that much better
fewer than FEWEST seeds or instances                                 cannot be decided   too few seeds
l > 0, and x >= b or no number claimed                               holds
l > 0, and x < b                                                     holds in direction  A is better, by less
u < 0                                                                does not hold       B is better
l > -LEVEL and u < LEVEL                                             does not hold       A and B are level
u < b                                                                does not hold       an effect as large is excluded
otherwise                                                            cannot be decided   both are inside the interval
===================================================================  ==================  ==============================

A *value* ``v`` is claimed up to a tolerance ``t``: an estimate inside ``[v - t, v + t]`` whose interval is no wider
than this zone holds; an interval that has nothing of the zone does not hold; otherwise it cannot be decided.

Then, in this order:

- ``does not hold`` becomes ``cannot be decided`` where a method was trained for less than its settings say, unless the
  optimum excludes the claim; and where the number hangs on what the paper leaves open, even then: other values have
  another optimum.
- Whatever is measured, a number cannot be decided that open parameters were fitted to.
- A claim about several methods, points or steps has the worst of their verdicts (:func:`all_of`), one of "up to" the
  best (:func:`best_of`).
- Where the paper can be read in several ways, or a method was trained with the paper's settings and with ours, all are
  tried, and the one that favours the paper counts (:func:`best_of`); what the others say stands beside it.
- Among equal verdicts, the worst of points is the one with the least effect, the best of readings the one with the
  greatest: ``favour``. For a value it is minus the distance from its zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from dtbench.experiments.record import Scalar
from dtbench.reports.statistics import MeanInterval

Verdict = Literal["holds", "holds in direction", "does not hold", "cannot be decided"]
VERDICTS: tuple[Verdict, ...] = ("holds", "holds in direction", "cannot be decided", "does not hold")  # best first
FEWEST = 3  # seeds, and instances
NEAR = 0.25  # a number that misses the claimed one by less than this part of it is as claimed
WHOLE = 0.95  # of a training counts as all of it: rounds may not divide it
LEVEL = 0.01  # two methods whose values differ by less than this part are level


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and the measured effect or value; ``ceiling`` is the effect that the optimum has."""

    verdict: Verdict
    reason: str = ""
    measured: MeanInterval | None = None
    ceiling: MeanInterval | None = None
    certified: bool = False  # whether a proven optimum excludes the claim, however long anything is trained
    where: str = ""  # point or pair that decided
    reading: str = ""  # whose settings, and what else the paper can mean
    setting: str = ""  # whose settings: those of the paper, or "tuned"; empty where nothing is learned
    points: tuple[tuple[Scalar, ...], ...] = ()  # of the reading
    short: bool = False  # whether it would not hold, had the methods been trained in full
    favour: float = -math.inf  # what tells equal verdicts apart: more favours the paper
    others: tuple[Judgement, ...] = ()  # of other readings


def of_effect(
    measured: MeanInterval | None,
    claimed: float | None = None,
    *,
    ceiling: MeanInterval | None = None,
    relative: bool = True,
) -> Judgement:
    """Judge an effect.

    Parameters
    ----------
    measured
        The effect, above 0 as the paper claims; None if it was not measured.
    claimed
        The number, above 0; None for a claim of direction only.
    ceiling
        The effect that the optimum would have in the place of the paper's method.
    relative
        Whether the effect is a part of a value; of others nothing counts as level.

    Raises
    ------
    ValueError
        If a number is claimed that is not above 0: turn the claim around.

    Examples
    --------
    >>> of_effect(MeanInterval(3, 0.30, 0.01, 0.27, 0.33), 0.337).verdict
    'holds'
    >>> of_effect(MeanInterval(3, -0.048, 0.004, -0.06, -0.03), 0.337).verdict
    'does not hold'
    """
    if claimed is not None and claimed <= 0.0:
        raise ValueError(f"an effect of {claimed} is claimed; expected one above 0")
    least = None if claimed is None else (1.0 - NEAR) * claimed
    if least is not None and ceiling is not None and ceiling.upper is not None and ceiling.upper < least:
        reason = "no method can be that much better: not even the optimum is"
        found = Judgement("does not hold", reason, certified=True)
    else:
        found = _of_effect(measured, least, relative)
    favour = -math.inf if measured is None else measured.mean
    return replace(found, measured=measured, ceiling=ceiling, favour=favour)


def _of_effect(x: MeanInterval | None, least: float | None, relative: bool) -> Judgement:
    if x is None:
        return Judgement("cannot be decided", "not measured")
    if x.n < FEWEST or x.lower is None or x.upper is None:
        return Judgement("cannot be decided", f"too few seeds or instances: {x.n}, at least {FEWEST} are needed")
    if x.lower > 0.0:
        if least is None or x.mean >= least:
            return Judgement("holds")
        return Judgement("holds in direction", "better, but by less than is claimed")
    if x.upper < 0.0:
        return Judgement("does not hold", "it is the other way round")
    if relative and x.lower > -LEVEL and x.upper < LEVEL:
        return Judgement("does not hold", "both are level")
    if least is not None and x.upper < least:
        return Judgement("does not hold", "no difference is shown, and one as large as claimed is excluded")
    other = "a difference either way" if least is None else "no difference and the claimed one"
    return Judgement("cannot be decided", f"too few seeds: the interval holds {other}")


def of_value(measured: MeanInterval | None, claimed: float, tolerance: float) -> Judgement:
    """Judge a value that is claimed up to a tolerance, in its unit.

    Raises
    ------
    ValueError
        If the tolerance is below 0.

    Examples
    --------
    >>> of_value(MeanInterval(3, 2.9, 0.01, 2.8, 3.0), 2.75, 0.275).verdict
    'holds'
    """
    if tolerance < 0.0:
        raise ValueError(f"the tolerance is {tolerance}; expected at least 0")
    found = _of_value(measured, claimed - tolerance, claimed + tolerance)
    favour = -math.inf if measured is None else -max(abs(measured.mean - claimed) - tolerance, 0.0)
    return replace(found, measured=measured, favour=favour)


def _of_value(x: MeanInterval | None, low: float, high: float) -> Judgement:
    if x is None:
        return Judgement("cannot be decided", "not measured")
    if x.n < FEWEST or x.lower is None or x.upper is None:
        return Judgement("cannot be decided", f"too few seeds or instances: {x.n}, at least {FEWEST} are needed")
    if low <= x.mean <= high and x.upper - x.lower <= high - low:
        return Judgement("holds")
    if x.upper < low or x.lower > high:
        return Judgement("does not hold", f"it is {'less' if x.upper < low else 'more'}")
    return Judgement("cannot be decided", "too few seeds: the interval holds the claimed value, and others")


def tempered(found: Judgement, *, trained: float = 1.0, open_parameter: str = "", fitted: str = "") -> Judgement:
    """What shorter trainings, and parameters that the paper leaves open, leave of a ``does not hold``.

    Parameters
    ----------
    trained
        The least share of the paper's training that a method of the claim has had.
    open_parameter
        What the number hangs on and the paper does not say.
    fitted
        What was chosen such that the number is met: then no measurement decides.
    """
    if fitted:
        return replace(found, verdict="cannot be decided", reason=f"{fitted} so as to meet the number")
    if found.verdict != "does not hold":
        return found
    if trained < WHOLE and not found.certified:
        reason = f"measured: {found.reason}, but after {100.0 * trained:.2g} % of the training"
        return replace(found, verdict="cannot be decided", reason=reason, short=True)
    if open_parameter:
        reason = f"measured: {found.reason}, but it hangs on what the paper leaves open: {open_parameter}"
        return replace(found, verdict="cannot be decided", reason=reason)
    return found


def all_of(found: Iterable[Judgement]) -> Judgement:
    """The worst: ``does not hold``, then ``cannot be decided``, then ``holds in direction``.

    Of equal ones it is the one that favours the paper least, and of those the first.

    Raises
    ------
    ValueError
        If there is none.
    """
    return max(found, key=lambda each: (VERDICTS.index(each.verdict), -each.favour))


def best_of(found: Iterable[Judgement]) -> Judgement:
    """The one that favours the paper most, by its verdict and then by its number. The others are kept beside it.

    One that is open only because its methods were trained for too short counts where there is nothing else.

    Raises
    ------
    ValueError
        If there is none.
    """
    every = list(found)
    whole = [each for each in every if not each.short]
    chosen = min(whole or every, key=lambda each: (VERDICTS.index(each.verdict), -each.favour))
    return replace(chosen, others=tuple(each for each in every if each is not chosen))

"""Tries every law on a problem: what ``dtbench check-problem`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dtbench.core import AnyProblem
from dtbench.laws import decisions, instances, proofs
from dtbench.laws.law import Case, Law
from dtbench.problems import registry

LAWS: tuple[Law, ...] = (*instances.LAWS, *decisions.LAWS, *proofs.LAWS)


@dataclass(frozen=True)
class Verdict:
    """What came out of a law: in ``detail`` the first case that broke it and how, or the cases that were tried."""

    law: str
    passed: bool
    detail: str = ""


def check(problem: AnyProblem) -> Iterator[Verdict]:
    """Try every law on a problem."""
    for each in LAWS:
        yield tried(each, problem)


def tried(each: Law, problem: AnyProblem) -> Verdict:
    """Try a law in all its cases, up to the first that breaks it."""
    case: Case = ()
    names = []
    try:
        for case in each.cases(problem):
            each.holds(problem, *case)
            names.append(name_of(case))
    except Exception as error:  # a law reports whatever goes wrong, and the next one is tried
        folder = registry.current().folders.get(problem.id)
        kind = "" if type(error) is AssertionError else f"{type(error).__name__}: "
        text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
        where = f"{name_of(case)}: " if case else ""
        return Verdict(each.sentence, False, f"{where}{kind}{text}{registry.place(error, folder)}")
    return Verdict(each.sentence, True, ", ".join(names) if names else "says nothing about this problem")


def name_of(case: Case) -> str:
    """``agents tiny``: a case as people read it."""
    return " ".join(str(part) for part in case)

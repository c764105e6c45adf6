"""A problem in words: what its page, and ``dtbench show``, say beside what its fields declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Constraint:
    """What a violation measures: how far decisions break it, in words; its unit; the paper's equation."""

    meaning: str
    unit: str = "1"
    equation: str = ""


@dataclass(frozen=True)
class About:
    """A problem for somebody who knows the field and not the paper.

    Attributes
    ----------
    story
        What happens in a slot, and why deciding well is hard; a few plain sentences.
    objective
        What is added up, in words.
    constraints
        By the names of the violations that the referee measures; all of them.
    strong
        Solvers that are hard to beat: what a new method should be compared with.
    """

    story: str
    objective: str
    constraints: Mapping[str, Constraint]
    strong: tuple[str, ...] = ()

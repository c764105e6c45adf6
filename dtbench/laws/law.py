"""What a law is, and what it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dtbench.core import AnyProblem

SIZES = ("tiny", "small")
BATCHES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3))
CERTIFIED = 3  # slots that exact methods solve
Case = tuple[Any, ...]
Cases = Callable[[AnyProblem], Iterable[Case]]


@dataclass(frozen=True)
class Law:
    """A law: what it says, the check of one case, and the cases of a problem."""

    sentence: str
    holds: Callable[..., None]
    cases: Cases


class Laws(list[Law]):
    """The laws of a module, in its order."""

    def law(self, cases: Cases) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Add a function ``(problem, *case)``; the first line of its docstring says what must hold."""

        def add(function: Callable[..., None]) -> Callable[..., None]:
            sentence = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
            self.append(Law(sentence, function, cases))
            return function

        return add


# What a law is tried on


def once(problem: AnyProblem) -> list[Case]:
    """The problem as it is."""
    return [()]


def sizes(problem: AnyProblem) -> list[Case]:
    """The small sizes."""
    return [(size,) for size in SIZES]


def batches(problem: AnyProblem) -> list[Case]:
    """Leading axes."""
    return [(batch,) for batch in BATCHES]


def encodings(problem: AnyProblem) -> list[Case]:
    """Every encoding on every small size."""
    return [(name, size) for name in problem.encodings(problem.generate("tiny", 0)) for size in SIZES]


def rules(problem: AnyProblem) -> list[Case]:
    """The heuristics."""
    return [(rule,) for rule in problem.heuristics]


def slots(problem: AnyProblem) -> list[Case]:
    """The first slots."""
    return [(t,) for t in range(CERTIFIED)]


def methods(problem: AnyProblem) -> list[Case]:
    """The exact methods."""
    return [(method,) for method in problem.exactness.methods]


def coupled(problem: AnyProblem) -> list[Case]:
    """The tiniest sizes where a decision acts on later slots."""
    return [(size,) for size in _tinies(problem) if problem.coupled(problem.sizes[size])]


def uncoupled(problem: AnyProblem) -> list[Case]:
    """The tiniest sizes where no decision acts on later slots."""
    return [(size,) for size in _tinies(problem) if not problem.coupled(problem.sizes[size])]


def _tinies(problem: AnyProblem) -> list[str]:
    return [size for size in problem.sizes if size.endswith("tiny")]

"""A genetic algorithm on the search encoding, one run per slot; a generation is an array.

Tournament selection, uniform crossover, random reset of categorical genes, polynomial mutation of real ones, elitism.
A generation is decoded, repaired and scored by one call of the referee; the repaired vector replaces the chromosome.
Chromosomes that equal one of the generation before, or each other, are scored once.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dtbench import anytime
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Decision, Instance, Outcome, Slot, is_better
from dtbench.errors import DtbenchError
from dtbench.params import Options, param
from dtbench.plugins.start import starts_of
from dtbench.solver import Solver

ETA = 20.0  # of polynomial mutation: the greater, the nearer to the parent

Genes = npt.NDArray[Any]  # (chromosomes, size), in the type of the encoding


@dataclass(frozen=True, kw_only=True)
class GeneticOptions(Options):
    """Defaults, unless the problem has its own (``Problem.search_settings``)."""

    population: int = param(100, "1", "chromosomes per generation", low=4)
    generations: int = param(200, "1", "generations per slot", low=1)
    tournament: int = param(3, "1", "contestants per selection", low=1)
    crossover: float = param(0.9, "1", "probability that a pair is crossed", low=0.0, high=1.0)
    swap: float = param(0.5, "1", "probability that a crossed pair swaps a gene", low=0.0, high=1.0)
    mutation: float = param(1.0, "1", "expected number of mutated genes of a chromosome", low=0.0)
    relabel: float = param(0.0, "1", "probability that all genes of one value become another", low=0.0, high=1.0)
    elitism: int = param(2, "1", "best chromosomes that survive unchanged", low=0)
    renewal: float = param(0.0, "1", "share of mutated real genes that are drawn anew", low=0.0, high=1.0)
    encoding: str = param("search", "1", "the problem's encoding that chromosomes are in")
    start: str = param("", "1", "rules and learned agents, by commas, whose decisions stand in the first population")
    checkpoint: str = param("", "1", "file of the policy that a learned start plays; empty = the shipped one")


class Genetic(Solver):
    name = "genetic"
    Options: ClassVar[type[Options]] = GeneticOptions

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **(dict(problem.search_settings) | options))
        elitism, population = self.options.elitism, self.options.population
        if elitism >= population:
            raise DtbenchError(f"option 'elitism' is {elitism}; expected less than 'population' = {population}.")
        self.best = math.nan  # objective of the best decision that was told in this search
        self.starts = starts_of(problem, instance, self.options.start, self.options.checkpoint)
        encodings = problem.encodings(instance)
        if self.options.encoding not in encodings:
            raise DtbenchError(
                f"option 'encoding' is '{self.options.encoding}'; '{problem.id}' has {', '.join(encodings)}."
            )
        self.encoding = encodings[self.options.encoding]
        self.relabels = self.encoding.common_values
        if self.options.relabel > 0.0 and not self.relabels:
            if "relabel" in options:
                raise DtbenchError(f"option 'relabel' needs genes of one kind; those of '{problem.id}' differ.")
            self.options = self.options.replace({"relabel": 0.0})  # the problem's setting is for its search encoding

    def decide(self, slot: Slot) -> Decision:
        """Evolve from random chromosomes (and those of ``start``); the best one found, decoded."""
        options, sign = self.options, 1.0 if self.problem.sense == "min" else -1.0
        self.best = sign * math.inf
        genes = self.encoding.sample(self.rng, (options.population,))
        for row, start in enumerate(self.starts[: options.population]):
            genes[row] = self.encode(slot, start(slot))
        members, objective = self.score(slot, genes, {})
        for _ in range(options.generations):
            cost, known = sign * objective, keyed(members, objective)
            elite = np.argsort(cost, kind="stable")[: options.elitism]
            children = members[tournament(self.rng, cost, options.population - options.elitism, options.tournament)]
            self.cross(children)
            self.mutate(children)
            scored = self.score(slot, children, known)
            members, objective = (
                np.concatenate(pair) for pair in ((members[elite], scored[0]), (objective[elite], scored[1]))
            )
        decision: Decision = self.encoding.decode(slot, members[int((sign * objective).argmin())])
        return decision

    def encode(self, slot: Slot, decision: Decision) -> Any:
        """The chromosome of a decision."""
        if self.encoding.encode is None:
            raise DtbenchError(f"option 'start' needs an encoding that can be inverted; '{self.problem.id}' has none.")
        return self.encoding.encode(slot, decision)

    def score(self, slot: Slot, genes: Genes, known: dict[bytes, float]) -> tuple[Genes, Array]:
        """Chromosomes after repair, and their objectives, by one call of the referee for those not ``known``."""
        keys = [row.tobytes() for row in genes]
        fresh = list({key: row for row, key in enumerate(keys) if key not in known}.values())
        place = {keys[row]: number for number, row in enumerate(fresh)}
        repaired, objective = genes.copy(), np.array([known.get(key, math.nan) for key in keys])
        if fresh:
            decisions = self.encoding.decode(slot, genes[fresh])
            outcome = self.problem.evaluate(slot, decisions)
            if anytime.heard():
                self.tell(decisions, outcome)
            stored = genes[fresh] if self.encoding.encode is None else self.encoding.encode(slot, decisions)
            rows = [row for row, key in enumerate(keys) if key in place]
            of = [place[keys[row]] for row in rows]
            repaired[rows], objective[rows] = stored[of], outcome.objective[of]
        return repaired, objective

    def tell(self, decisions: Decision, outcome: Outcome) -> None:
        """Tell whoever listens of the best decision of a generation, if it is better than those before."""
        sense = self.problem.sense
        pick = np.argmin if sense == "min" else np.argmax
        if not is_better(sense, float(outcome.objective[pick(outcome.objective)]), self.best):
            return
        worst = np.inf if sense == "min" else -np.inf
        objective = np.where(outcome.feasible, outcome.objective, worst)
        member = int(pick(objective))
        if is_better(sense, float(objective[member]), self.best):
            self.best = float(objective[member])
            anytime.report(decisions[member])

    def cross(self, genes: Genes) -> None:
        """Swap genes of pairs of neighbours, in place."""
        one, other = genes[: len(genes) // 2 * 2 : 2], genes[1::2]
        crossed = self.rng.random(len(one)) < self.options.crossover
        swapped = crossed[:, None] & (self.rng.random(one.shape) < self.options.swap)
        one[swapped], other[swapped] = other[swapped], one[swapped]

    def mutate(self, genes: Genes) -> None:
        """Reset categorical genes and shift real ones with probability ``mutation / size``; relabel; in place."""
        rng, options, size = self.rng, self.options, genes.shape[1]
        for row in np.flatnonzero(rng.random(len(genes)) < options.relabel) if options.relabel else ():
            genes[row, genes[row] == genes[row, rng.integers(size)]] = rng.choice(self.relabels)
        rows, places = np.nonzero(rng.random(genes.shape) < options.mutation / size)
        low, high, whole = self.encoding.low[places], self.encoding.high[places], self.encoding.discrete[places]
        drawn = rng.integers(low[whole].astype(int), high[whole].astype(int), endpoint=True)
        genes[rows[whole], places[whole]] = drawn
        rows, places, low, high = rows[~whole], places[~whole], low[~whole], high[~whole]
        if not rows.size:
            return
        shifted = polynomial(rng, genes[rows, places], low, high)
        renewed = rng.random(len(rows)) < options.renewal
        genes[rows, places] = np.where(renewed, rng.uniform(low, high), shifted)


def keyed(members: Genes, objective: Array) -> dict[bytes, float]:
    """Objectives by the bytes of chromosomes."""
    return dict(zip((row.tobytes() for row in members), objective.tolist(), strict=True))


def tournament(rng: np.random.Generator, cost: Array, count: int, contestants: int) -> IntArray:
    """Who is the cheapest (count,) of some that are drawn."""
    drawn = rng.integers(len(cost), size=(count, contestants))
    return np.asarray(drawn[np.arange(count), cost[drawn].argmin(axis=-1)])


def polynomial(rng: np.random.Generator, genes: Array, low: Array, high: Array) -> Array:
    """Polynomial mutation of reals (n,) within their bounds (Deb and Agrawal, 1999)."""
    span = np.where(high > low, high - low, 1.0)
    down = rng.random(len(genes)) < 0.5
    u = rng.random(len(genes))  # where in its half
    near = 1.0 - np.where(down, genes - low, high - genes) / span
    change = 1.0 - (u + (1.0 - u) * near ** (ETA + 1.0)) ** (1.0 / (ETA + 1.0))
    return np.asarray(np.clip(genes + np.where(down, -change, change) * span, low, high))

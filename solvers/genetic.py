"""A genetic algorithm on the search encoding, one run per slot; operators by DEAP.

Tournament selection, uniform crossover, random reset of categorical genes, polynomial mutation of real ones, elitism.
A generation is decoded, repaired and scored by one call of the referee; the repaired vector replaces the chromosome.
"""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from deap import base, tools

from dtbench import anytime
from dtbench.core import AnyProblem, Decision, Instance, Outcome, Slot, is_better
from dtbench.errors import DtbenchError
from dtbench.params import Options, param
from dtbench.plugins.start import starts_of
from dtbench.solver import Solver


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


class Minimised(base.Fitness):  # type: ignore[misc]
    weights = (-1.0,)


class Maximised(base.Fitness):  # type: ignore[misc]
    weights = (1.0,)


class Chromosome(list[Any]):
    """Genes and their fitness, as DEAP's operators want them (its ``creator`` would make global classes)."""

    def __init__(self, genes: list[Any], fitness: base.Fitness) -> None:
        super().__init__(genes)
        self.fitness = fitness

    def copy(self) -> "Chromosome":
        fitness = type(self.fitness)()
        fitness.wvalues = self.fitness.wvalues
        return Chromosome(self, fitness)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """DEAP draws from the module ``random``: seed it for a while, and give it back as it was."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


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
        low, high, discrete = self.encoding.low, self.encoding.high, self.encoding.discrete
        self.kinds = [
            (operator, places, low[places].astype(kind).tolist(), high[places].astype(kind).tolist())
            for operator, places, kind in (
                (_reset, np.flatnonzero(discrete), int), (_shift, np.flatnonzero(~discrete), float)
            )
            if places.size
        ]  # fmt: skip

    def decide(self, slot: Slot) -> Decision:
        with seeded(int(self.rng.integers(2**63))):
            return self.search(slot)

    def search(self, slot: Slot) -> Decision:
        """Evolve from random chromosomes (and those of ``start``); the best one found, decoded."""
        options = self.options
        self.best = -math.inf if self.problem.sense == "max" else math.inf
        genes = self.encoding.sample(self.rng, (options.population,))
        for row, start in enumerate(self.starts[: options.population]):
            genes[row] = self.encode(slot, start(slot))
        members = self.score(slot, [Chromosome(g, self.fitness()) for g in genes.tolist()])
        for _ in range(options.generations):
            elite = tools.selBest(members, options.elitism)
            chosen = tools.selTournament(members, options.population - options.elitism, options.tournament)
            children = [member.copy() for member in chosen]
            for one, other in zip(children[::2], children[1::2], strict=False):
                if random.random() < options.crossover:  # noqa: S311
                    tools.cxUniform(one, other, options.swap)
            for child in children:
                self.mutate(child)
            members = elite + self.score(slot, children)
        best = np.array(tools.selBest(members, 1)[0], dtype=self.encoding.dtype)
        decision: Decision = self.encoding.decode(slot, best)
        return decision

    def encode(self, slot: Slot, decision: Decision) -> Any:
        """The chromosome of a decision."""
        if self.encoding.encode is None:
            raise DtbenchError(f"option 'start' needs an encoding that can be inverted; '{self.problem.id}' has none.")
        return self.encoding.encode(slot, decision)

    def fitness(self) -> base.Fitness:
        """An empty fitness of the problem's sense."""
        return Minimised() if self.problem.sense == "min" else Maximised()

    def score(self, slot: Slot, members: list[Chromosome]) -> list[Chromosome]:
        """Decode, repair and score a generation in one call of the referee."""
        decisions = self.encoding.decode(slot, np.array(members, dtype=self.encoding.dtype))
        outcome = self.problem.evaluate(slot, decisions)
        objective = outcome.objective
        if anytime.heard():
            self.tell(decisions, outcome)
        if self.encoding.encode is not None:
            members = [Chromosome(g, self.fitness()) for g in self.encoding.encode(slot, decisions).tolist()]
        for member, value in zip(members, objective.tolist(), strict=True):
            member.fitness.values = (value,)
        return members

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

    def mutate(self, member: Chromosome) -> None:
        """Reset categorical genes, shift real ones, each with probability ``mutation / size``; rarely, relabel."""
        if random.random() < self.options.relabel:  # noqa: S311
            old, new = random.choice(member), random.choice(self.relabels)  # noqa: S311
            member[:] = [new if gene == old else gene for gene in member]
        rate = self.options.mutation / len(member)
        for operator, places, low, high in self.kinds:
            part = [member[i] for i in places]
            operator(part, low, high, rate)
            if operator is _shift and self.options.renewal > 0.0:
                self.renew(part, [member[i] for i in places], low, high)
            for place, gene in zip(places, part, strict=True):
                member[place] = gene

    def renew(self, genes: list[float], before: list[float], low: list[float], high: list[float]) -> None:
        """Draw some of the genes that a mutation has shifted anew from their range."""
        for i, (new, old) in enumerate(zip(genes, before, strict=True)):
            if new != old and random.random() < self.options.renewal:  # noqa: S311
                genes[i] = random.uniform(low[i], high[i])  # noqa: S311


def _reset(genes: list[Any], low: list[int], high: list[int], rate: float) -> None:
    tools.mutUniformInt(genes, low=low, up=high, indpb=rate)


def _shift(genes: list[Any], low: list[float], high: list[float], rate: float) -> None:
    tools.mutPolynomialBounded(genes, eta=20.0, low=low, up=high, indpb=rate)

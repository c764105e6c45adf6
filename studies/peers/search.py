"""A genetic algorithm on one slot: DEAP's plain loop, and pymoo given our batched referee; operators as ours.

Tournament selection, uniform crossover, reset of categorical genes, polynomial mutation of real ones. The repaired
vector takes the chromosome's place, with all. pymoo keeps the best of parents and children, ours two of the parents,
DEAP's ``eaSimple`` none but the best ever seen.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from dtbench.plugins.discovery import discover, load_solver
from studies.peers.cost import Cost
from studies.peers.ours import fresh_slot
from studies.peers.settings import OURS, Pair

ETA = 20.0  # of polynomial mutation, as in solvers/genetic.py


class Work:
    """One slot to search, with the problem's referee and encoding; costs are less where it is better."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.problem, self.slot, self.instance = fresh_slot(pair, seed)
        self.encoding = self.problem.encodings(self.instance)["search"]
        self.sign = 1.0 if self.problem.sense == "min" else -1.0

    def cost(self, x: Any) -> tuple[Any, Any]:
        """Costs (...) of chromosomes (..., size), less is better, and the chromosomes after repair."""
        decision = self.encoding.decode(self.slot, x)
        objective = self.problem.evaluate(self.slot, decision).objective
        repaired = x if self.encoding.encode is None else self.encoding.encode(self.slot, decision)
        return self.sign * objective, repaired


def run(pair: Pair, side: str, seed: int, cost: Cost) -> dict[str, float]:
    """Search the first slots of ``slots`` fresh traces; evaluations, and the mean of the best objectives."""
    s = dict(pair.settings)
    slots, evaluations = int(s.pop("slots")), s["population"] * (s["generations"] + 1)
    search = {OURS: by_dtbench, "core": by_pymoo, "found": by_deap}[side]
    works = [Work(pair, 1000 * seed + number) for number in range(slots)]
    found = [work.sign * search(work, s, seed, cost) for work in works]
    return {"frames": slots * evaluations, "objective": float(np.mean(found))}


def by_dtbench(work: Work, s: Any, seed: int, cost: Cost) -> float:
    """The solver ``genetic``."""
    solver: Any = load_solver(discover()["genetic"])(work.problem, work.instance, seed=seed, **s)
    with cost.counted():
        decision = solver.decide(work.slot)
    return work.sign * float(work.problem.evaluate(work.slot, decision).objective)


def by_deap(work: Work, s: Any, seed: int, cost: Cost) -> float:
    """``eaSimple`` with a toolbox as DEAP's pages show it: one chromosome is evaluated at a time."""
    from deap import algorithms, base, creator, tools

    encoding, rng = work.encoding, np.random.default_rng(seed)
    low, high, whole = encoding.low.tolist(), encoding.high.tolist(), encoding.discrete.tolist()
    if not hasattr(creator, "Chromosome"):  # DEAP's classes are global
        creator.create("Least", base.Fitness, weights=(-1.0,))
        creator.create("Chromosome", list, fitness=creator.Least)

    def evaluate(member: list[Any]) -> tuple[float]:
        value, repaired = work.cost(np.array(member, dtype=encoding.dtype))
        member[:] = repaired.tolist()
        return (float(value),)

    def mutate(member: list[Any]) -> tuple[list[Any]]:
        if random.random() < s["relabel"]:  # noqa: S311
            old, new = random.choice(member), random.choice(encoding.common_values)  # noqa: S311
            member[:] = [new if gene == old else gene for gene in member]
        rate = s["mutation"] / len(member)
        for i, (least, most) in enumerate(zip(low, high, strict=True)):
            if whole[i]:
                if random.random() < rate:  # noqa: S311
                    member[i] = random.randint(int(least), int(most))  # noqa: S311
                continue
            gene = [member[i]]
            tools.mutPolynomialBounded(gene, eta=ETA, low=least, up=most, indpb=rate)
            if gene[0] != member[i] and random.random() < s["renewal"]:  # noqa: S311
                gene[0] = random.uniform(least, most)  # noqa: S311
            member[i] = gene[0]
        return (member,)

    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate)
    toolbox.register("mate", tools.cxUniform, indpb=s["swap"])
    toolbox.register("mutate", mutate)
    toolbox.register("select", tools.selTournament, tournsize=s["tournament"])
    best = tools.HallOfFame(1)
    with cost.counted():
        members = [creator.Chromosome(row) for row in encoding.sample(rng, (s["population"],)).tolist()]
        algorithms.eaSimple(members, toolbox, s["crossover"], 1.0, s["generations"], halloffame=best, verbose=False)
    return float(best[0].fitness.values[0])


def by_pymoo(work: Work, s: Any, seed: int, cost: Cost) -> float:
    """``GA`` with its own tournament, uniform crossover and polynomial mutation; a generation is one call of ours."""
    from pymoo.algorithms.soo.nonconvex.ga import GA, comp_by_cv_and_fitness
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UniformCrossover
    from pymoo.operators.mutation.pm import mut_pm
    from pymoo.operators.selection.tournament import TournamentSelection
    from pymoo.optimize import minimize

    encoding = work.encoding
    low, high, whole = encoding.low.astype(float), encoding.high.astype(float), encoding.discrete

    class Searched(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=encoding.size, n_obj=1, xl=low, xu=high)

        def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
            out["F"], repaired = work.cost(x.astype(encoding.dtype))
            x[:] = repaired

    class Mutate(Mutation):  # type: ignore[misc]
        def _do(self, problem: Any, x: Any, *_: Any, random_state: Any = None, **__: Any) -> Any:
            rng, x, rate = random_state, x.copy(), s["mutation"] / x.shape[1]
            if s["relabel"]:
                old = x[np.arange(len(x)), rng.integers(x.shape[1], size=len(x))]
                new = rng.choice(np.asarray(encoding.common_values, dtype=float), size=len(x))
                some = (rng.random(len(x)) < s["relabel"])[:, None] & (x == old[:, None])
                x = np.where(some, new[:, None], x)
            drawn = np.where(whole, np.floor(low + rng.random(x.shape) * (high - low + 1.0)), 0.0)
            x = np.where(whole & (rng.random(x.shape) < rate), drawn, x)
            if not whole.all():
                each = np.full(len(x), rate)
                real = mut_pm(x[:, ~whole], low[~whole], high[~whole], np.full(len(x), ETA), each, False,
                              random_state=rng)  # fmt: skip
                renewed = (real != x[:, ~whole]) & (rng.random(real.shape) < s["renewal"])
                fresh = low[~whole] + rng.random(real.shape) * (high - low)[~whole]
                x[:, ~whole] = np.where(renewed, fresh, real)
            return x

    first = encoding.sample(np.random.default_rng(seed), (s["population"],)).astype(float)
    algorithm = GA(
        s["population"], sampling=first, crossover=UniformCrossover(prob=s["crossover"]), mutation=Mutate(prob=1.0),
        selection=TournamentSelection(func_comp=comp_by_cv_and_fitness, pressure=s["tournament"]),
        eliminate_duplicates=False,
    )  # fmt: skip
    with cost.counted():
        found = minimize(Searched(), algorithm, ("n_gen", s["generations"] + 1), seed=seed)
    return float(found.F[0])

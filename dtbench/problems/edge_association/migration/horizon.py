"""The clairvoyant optimum of ``edge-migration``: Lagrangian bound, column generation, restricted integer master.

One column per (user, path); rows are one path per user and N_k places per slot and server, with prices mu_tk >= 0. For
*any* such prices ``sum_i best path of i + sum_tk mu_tk N_k`` bounds the optimum from above: the bound needs no LP
status. Where even the LP's bound misses the target, a MILP on the few arcs that reduced costs leave closes the gap.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

import highspy
import numpy as np
from scipy import sparse

from dtbench import anytime, referee
from dtbench.anytime import Teller
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Certificate, Limits, relative_gap
from dtbench.exact.certificate import ROUNDING, tightened, with_target
from dtbench.exact.highs import LOCK, backend, load, solve_highs
from dtbench.exact.linear import FEASIBILITY, LinearModel
from dtbench.problems.edge_association.migration import heuristics
from dtbench.problems.edge_association.migration.arcs import MOST_ARCS, arc_model, taken, trajectory
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.paths import Columns, Graph

POLYAK_STEPS = 150
PATIENCE = 5  # steps without a better bound after which the step factor shrinks
SHRINK = 0.6
PRIMAL_SIMPLEX = 4  # of HiGHS' option simplex_strategy
VAST = 10_000_000  # arcs between servers, above which no graph is made once time is over
CLOSED = 1e-7  # relative gap between master and bound that ends column generation


def solve(problem: AnyProblem, instance: MigrationInstance, limits: Limits) -> Certificate:
    """Optimum or bound of the horizon mean, with the trajectory as a decision of leading time axis.

    Raises
    ------
    ValueError
        If the instance has leading axes, or the referee does not confirm the trajectory or the bound.
    """
    if instance.batch_shape != ():
        raise ValueError(f"the instance has leading axes {instance.batch_shape}; exact methods take one instance")
    limits, search = with_target(problem, limits), None
    began = time.perf_counter()
    deadline = began + limits.seconds
    starts = myopic_trajectories(problem, instance, deadline)
    if starts is not None:
        if Graph.size(instance) > VAST and time.perf_counter() > deadline:
            return before_the_graph(problem, instance, starts, began)
        search = Search(Graph.of(problem, instance), starts, limits, deadline)
        search.subgradient()
        search.generate_columns()
        search.integer_master()
        search.arcs_left()
    return certify_horizon(problem, instance, search, limits, began)


def before_the_graph(
    problem: AnyProblem, instance: MigrationInstance, starts: list[IntArray], began: float
) -> Certificate:
    """The best of paths (N, T), and as a bound what users had if places were free and moves cost nothing."""
    scored = [referee.rescore(problem, instance, MigrationDecision(assoc=paths.T)).mean for paths in starts]
    slots = cast(MigrationSlot, referee.slots(problem, instance))
    every = (slots[t] for t in range(instance.horizon))
    best = [np.where(slot.admissible, slot.utility_at(0.0), -np.inf).max(axis=-1).mean() for slot in every]
    value, bound = max(scored), float(np.mean(best))
    decision = MigrationDecision(assoc=starts[int(np.argmax(scored))].T)
    anytime.report(decision, bound=bound)
    seconds = time.perf_counter() - began
    return Certificate(value, bound, "feasible", seconds, "paths", backend(), decision)


def ways_on(problem: AnyProblem, instance: MigrationInstance, limits: Limits) -> list[Array] | None:
    """Per slot, the worth (N, K) of each user's best way on from each server, at the best prices that were found.

    None if a slot has no feasible decision.
    """
    deadline = time.perf_counter() + limits.seconds
    starts = myopic_trajectories(problem, instance, deadline)
    if starts is None:
        return None
    graph = Graph.of(problem, instance)
    search = Search(graph, starts, with_target(problem, limits), deadline)
    search.subgradient()
    search.generate_columns()
    return graph.ahead(search.best.mu)


def myopic_trajectories(problem: AnyProblem, instance: MigrationInstance, deadline: float) -> list[IntArray] | None:
    """Paths (N, T) of two policies that look at one slot; None if a slot has no feasible decision.

    The second policy is left out after ``deadline`` [s, of ``time.perf_counter``].
    """
    paths = []
    for policy in (heuristics.myopic_opt, heuristics.amortised):
        decisions, scores = heuristics.play(problem, instance, policy)
        if not scores.feasible.all():
            return None
        paths.append(decisions.assoc.T)
        if time.perf_counter() > deadline:
            break
    return paths


@dataclass
class Prices:
    """Prices (T, K), the bound they prove, and by how much (T, K) their paths overfill the servers."""

    mu: Array
    bound: float
    excess: Array


class Search:
    """Incumbent, best bound and columns of one run; values are sums over users and slots."""

    def __init__(self, graph: Graph, starts: list[IntArray], limits: Limits, deadline: float) -> None:
        self.graph, self.limits, self.deadline = graph, limits, deadline
        self.columns = Columns(graph)
        self.incumbent, self.value = starts[0], -np.inf
        for paths in starts:
            self.columns.add(paths)
            self.offer(paths)
        self.best = Prices(np.zeros((graph.shape[0], graph.shape[2])), np.inf, np.zeros(()))
        self.rounds = self.arcs = 0

    def offer(self, paths: IntArray) -> None:
        """Take paths (N, T) that respect the capacities as incumbent if they are better."""
        value = float(self.graph.worth(np.arange(len(paths)), paths).sum())
        if value > self.value:
            self.incumbent, self.value = paths, value
            anytime.report(MigrationDecision(assoc=paths.T))

    def price(self, mu: Array) -> tuple[Prices, Array, IntArray]:
        """Lagrangian bound at prices (T, K), kept if it is the best; with the users' values (N,) and paths (N, T)."""
        values, paths = self.graph.price(mu)
        excess = (self.graph.usage(paths) - self.graph.cap).astype(np.float64)
        here = Prices(mu, float(values.sum() + (mu * self.graph.cap).sum()), excess)
        if here.bound < self.best.bound:
            self.best = here
            anytime.report(bound=here.bound / paths.size)
        if (excess <= 0).all():
            self.columns.add(paths)
            self.offer(paths)
        return here, values, paths

    @property
    def closed(self) -> bool:
        """Whether bound and incumbent meet."""
        return self.best.bound - self.value <= CLOSED * max(1.0, abs(self.value))

    @property
    def stopped(self) -> bool:
        """Whether there is nothing left to do, or no time."""
        return self.closed or time.perf_counter() > self.deadline

    def subgradient(self) -> None:
        """Polyak's steps from zero prices towards the incumbent; the later paths become columns."""
        mu, factor, failures = np.zeros_like(self.best.mu), 1.0, 0
        for step in range(POLYAK_STEPS):
            record = self.best.bound
            here, _, paths = self.price(mu)
            if step >= POLYAK_STEPS // 3:
                self.columns.add(paths)
            if self.stopped:
                return
            failures = 0 if here.bound < record else failures + 1
            if failures >= PATIENCE:
                here, factor, failures = self.best, SHRINK * factor, 0
            slope = np.where((here.mu > 0.0) | (here.excess > 0), here.excess, 0.0)
            if not slope.any():
                return
            length = factor * (here.bound - self.value) / (slope**2).sum()
            mu = np.maximum(here.mu + length * slope, 0.0)

    def generate_columns(self) -> None:
        """LP over the columns; new ones at its duals and halfway to the previous duals, until none helps."""
        if self.stopped:
            return
        master = Master(self.columns)
        previous = self.best.mu
        while not self.stopped:
            solved = master.solve(self.deadline)
            if solved is None:  # the LP ended without proof: its duals say nothing, and the bound stands as it is
                return
            self.rounds += 1
            value, mu = solved
            new = 0
            for prices in (mu, 0.5 * (mu + previous)):
                new += self.columns.add(self.price(prices)[2])
            if new == 0 or self.best.bound - value <= CLOSED * max(1.0, abs(value)):
                return
            master.extend()
            previous = mu

    def integer_master(self) -> None:
        """The best choice of one known path per user."""
        left = self.deadline - time.perf_counter()
        if self.closed or left <= 0.0:
            return
        model = master_model(self.columns, np.arange(len(self.columns.worth)), integer=True)
        start = np.zeros(model.n_columns)
        start[self.columns.index(self.incumbent)] = 1.0
        wanted = Limits(seconds=left, gap=(self.limits.gap or 0.0) / 2.0, gap_abs=0.0, threads=self.limits.threads)
        teller = Teller(lambda x: MigrationDecision(assoc=self.chosen(x).T), bound=None)  # other paths may be better
        result = solve_highs(model, wanted, start, teller=teller)
        if result.x is not None:
            self.offer(self.chosen(result.x))

    def chosen(self, x: Array) -> IntArray:
        """Paths (N, T) of the columns near 1."""
        paths = np.empty_like(self.incumbent)
        paths[self.columns.users[x > 0.5]] = self.columns.paths[x > 0.5]
        return paths

    def arcs_left(self) -> None:
        """Where the bound of the LP itself is too weak: the arc model on the arcs that a better trajectory could use.

        Trajectories with other arcs are worth less than the incumbent, so the bound of this small MILP holds for all.
        """
        left, scale = self.deadline - time.perf_counter(), self.incumbent.size
        loss = self.best.bound - self.value
        if left <= 0.0 or loss <= max((self.limits.gap or 0.0) * abs(self.value), self.limits.gap_abs * scale):
            return
        graph = self.graph.within(self.best.mu, loss + ROUNDING * scale)
        if graph.n_arcs > MOST_ARCS:
            return
        model, arcs = arc_model(graph)
        wanted = tightened(self.limits, left)
        least = self.value / scale  # of trajectories with other arcs
        teller = Teller(lambda x: MigrationDecision(assoc=trajectory(graph, arcs, x)), lambda bound: max(bound, least))
        result = solve_highs(model, wanted, taken(arcs, self.incumbent), teller=teller)
        self.arcs = model.n_columns
        if result.x is not None:
            self.offer(trajectory(graph, arcs, result.x).T)
        if np.isfinite(result.bound):
            self.best.bound = min(self.best.bound, max(result.bound * scale, self.value))


def master_model(columns: Columns, part: IntArray, *, integer: bool) -> LinearModel:
    """min of minus the value over columns ``part``: one path per user, at most N_k twins per slot and server."""
    horizon, users, servers = columns.graph.shape
    size = len(part)
    places = users + np.arange(horizon) * servers + columns.paths[part]
    row = np.concatenate([columns.users[part], places.ravel()])
    column = np.concatenate([np.arange(size), np.repeat(np.arange(size), horizon)])
    full = np.tile(columns.graph.cap, horizon).astype(np.float64)
    return LinearModel(
        cost=-columns.worth[part], lower=np.zeros(size), upper=np.ones(size), integer=np.full(size, integer),
        rows=sparse.csr_array((np.ones(len(row)), (row, column)), shape=(users + horizon * servers, size)),
        row_lower=np.concatenate([np.ones(users), np.full(len(full), -np.inf)]),
        row_upper=np.concatenate([np.ones(users), full]),
    )  # fmt: skip


class Master:
    """The LP over the columns, kept in HiGHS from round to round."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.size = len(columns.worth)
        self.highs = load(master_model(columns, np.arange(self.size), integer=False))
        for name in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
            self.highs.setOptionValue(name, FEASIBILITY)

    def solve(self, deadline: float) -> tuple[float, Array] | None:
        """Value and prices (T, K) of the LP; None if HiGHS proves no optimum, warm or cold, or time is over."""
        horizon, users, servers = self.columns.graph.shape
        for attempt in range(2):
            if attempt == 1:
                self.highs.clearSolver()
            self.highs.setOptionValue("time_limit", self.highs.getRunTime() + max(deadline - time.perf_counter(), 0.0))
            with LOCK:
                self.highs.run()
            if self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
                dual = np.array(self.highs.getSolution().row_dual)[users:].reshape(horizon, servers)
                return -self.highs.getInfo().objective_function_value, np.maximum(-dual, 0.0)
        return None

    def extend(self) -> None:
        """Hand over the columns that are new; the basis stays feasible, so the primal simplex goes on from it."""
        part = np.arange(self.size, len(self.columns.worth))
        model = master_model(self.columns, part, integer=False)
        rows = sparse.csc_array(model.rows)
        self.highs.addCols(
            len(part), model.cost, model.lower, np.full(len(part), np.inf), rows.nnz,
            rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32), rows.data,
        )  # fmt: skip
        self.highs.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
        self.size += len(part)


def certify_horizon(
    problem: AnyProblem, instance: MigrationInstance, search: Search | None, limits: Limits, began: float
) -> Certificate:
    """The referee plays the trajectory; ``optimal`` is said only when the bound proves it.

    Prices ``place`` (T, K): what one place more on a server would add to the horizon mean.
    """
    if search is None:
        seconds = time.perf_counter() - began
        return Certificate(np.nan, np.nan, "infeasible", seconds, "paths", backend())
    decision = MigrationDecision(assoc=search.incumbent.T)
    scores = referee.rescore(problem, instance, decision)
    objective, bound = scores.mean, search.best.bound / search.incumbent.size
    if scores.repaired.any() or abs(objective - search.value / search.incumbent.size) > ROUNDING:
        raise ValueError("the referee does not confirm the trajectory of 'edge-migration': paths and referee disagree")
    if bound < objective - ROUNDING * max(1.0, abs(objective)):
        raise ValueError(f"bound {bound!r} of 'edge-migration' is below the objective {objective!r} of a trajectory")
    bound = max(bound, objective)
    close = bound - objective <= limits.gap_abs or relative_gap(objective, bound) <= (limits.gap or 0.0)
    return Certificate(
        objective, bound, "optimal" if close else "feasible", time.perf_counter() - began, "paths", backend(), decision,
        details={"columns": len(search.columns.worth), "rounds": search.rounds, "arcs": search.arcs},
        prices={"place": search.best.mu / search.incumbent.size},
    )  # fmt: skip

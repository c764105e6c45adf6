"""What a decision of ``imitation`` takes at the papers' size, on one thread: [ms], and as a ratio to a search's.

Processor time of whole decisions, observing and decoding included; of each slot the least of several passes.
"""

import time

import numpy as np
import pytest

from dtbench import referee
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem
from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.families import FINE, QUICK
from dtbench.problems.satellite_offloading.terms import Terms

NETWORKS, SLOTS, PASSES = range(960_000, 960_004), 10, 5
SOLVERS = discover()
SEARCH = dict.fromkeys(all_problems(), "local-search") | {"edge-migration": "amortised"}


def decision_ms(owner, name, passes, slots):
    """Mean over slots of the least processor time of a decision [ms]."""
    least = []
    for seed in NETWORKS:
        instance = owner.generate("paper", seed)
        spent = np.full((passes, min(slots, instance.horizon)), np.inf)
        for row in spent:
            solver = load_solver(SOLVERS[name])(owner, instance, seed=0)
            solver.train()
            state = owner.start(instance)
            for t in range(len(row)):
                slot = owner.slot(instance, t, state)
                began = time.process_time()
                decision = solver.decide(slot)
                row[t] = 1e3 * (time.process_time() - began)
                state = owner.advance(slot, referee.judge(owner, slot, decision)[0])
        least.append(spent.min(axis=0).mean())
    return float(np.mean(least))


@pytest.mark.benchmark(group="ratio: a decision of imitation against one of a search, size paper")
@pytest.mark.parametrize("id", list(all_problems()))
def test_playing(benchmark, capsys, id):
    """Shipped policies of seed 0 on fresh networks."""
    owner = problem(id)
    policy, search = decision_ms(owner, "imitation", PASSES, SLOTS), decision_ms(owner, SEARCH[id], 1, 3)
    instance = owner.generate("paper", NETWORKS[0])
    solver = load_solver(SOLVERS["imitation"])(owner, instance, seed=0)
    solver.train()
    first = owner.slot(instance, 0, owner.start(instance))
    benchmark(lambda: solver.decide(first))
    benchmark.extra_info |= {"ms per slot": policy, "search / imitation": search / policy}
    with capsys.disabled():
        print(f"\n{id}/paper: imitation {policy:.2f} ms per slot, {SEARCH[id]} {search / policy:.1f} times that")


@pytest.mark.benchmark(group="ratio: completion of one association of satellite-offloading, size paper")
def test_completion_of_an_association(benchmark, capsys):
    """All roots at once, to 1e-8, against a root search in a root search, to 1e-10."""
    owner = problem("satellite-offloading")
    terms = [Terms.of(slot) for seed in NETWORKS for slot in referee.slots(owner, owner.generate("paper", seed))[:10]]
    assoc = np.random.default_rng(0).integers(3, size=(1, terms[0].n_uav))
    spent = {}
    for name, accuracy in (("quick", QUICK), ("fine", FINE)):
        passes = []
        for _ in range(PASSES):
            began = time.process_time()
            for each in terms:
                complete(each, assoc, accuracy)
            passes.append(1e3 * (time.process_time() - began) / len(terms))
        spent[name] = min(passes)
    benchmark(lambda: complete(terms[0], assoc, QUICK))
    benchmark.extra_info["fine / quick"] = spent["fine"] / spent["quick"]
    with capsys.disabled():
        ratio = spent["fine"] / spent["quick"]
        print(f"\ncompletion: {spent['quick']:.2f} ms, a root search in another {ratio:.1f} times that")

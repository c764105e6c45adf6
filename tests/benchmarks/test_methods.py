"""Speed of methods, as ratios in one run: strong formulation against the reference, rules, a GA's generation."""

import time

import numpy as np
import pytest

from dtbench import referee
from dtbench.arrays import take
from dtbench.core import Limits
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem
from dtbench.problems.edge_association.placement import local_search, waterfill

STIN = problem("stin-deployment")
PAPER = STIN.generate("paper", 7_000)
SOLVERS = discover()


def slot(t):
    return STIN.slot(PAPER, t, STIN.start(PAPER))


def median_seconds(call, rounds):
    spent = []
    for number in range(rounds):
        began = time.perf_counter()
        call(number)
        spent.append(time.perf_counter() - began)
    return sorted(spent)[rounds // 2]


@pytest.mark.benchmark(group="exact: one slot of stin-deployment/paper, model building included")
@pytest.mark.parametrize("method", ["strong", "enumeration", "cpsat", "reference"])
def test_exact_methods(benchmark, method):
    """End to end: tables, model, solver, certificate."""
    benchmark.pedantic(lambda: STIN.exact(slot(0), method=method), rounds=3 if method == "reference" else 15)


@pytest.mark.benchmark(group="ratio: strong formulation against the Pyomo reference, stin-deployment/paper")
def test_ratio_of_strong_to_reference(benchmark, capsys):
    """Both solve the same slots to the same gap; the aim is 20x or more."""
    STIN.exact(slot(0)), STIN.exact(slot(0), method="reference")  # imports
    reference = median_seconds(lambda t: STIN.exact(slot(t), method="reference"), 5)
    strong = median_seconds(lambda t: STIN.exact(slot(t)), 5)
    benchmark.pedantic(lambda: STIN.exact(slot(0)), rounds=5)
    benchmark.extra_info["reference / strong"] = reference / strong
    with capsys.disabled():
        print(f"\nPyomo reference / strong formulation: {reference / strong:.0f}x ({reference:.3f} s / {strong:.4f} s)")


@pytest.mark.benchmark(group="rules: the whole horizon of stin-deployment/paper, 50 slots")
@pytest.mark.parametrize("name", ["random", "nearest", "greedy", "greedy-marginal", "local-search"])
def test_rules(benchmark, name):
    """Decide and score 50 slots."""
    solver = load_solver(SOLVERS[name])(STIN, PAPER, seed=0)
    benchmark(lambda: referee.play(STIN, PAPER, solver))


@pytest.mark.benchmark(group="genetic: one generation of 100 chromosomes, stin-deployment/paper")
def test_generation(benchmark, capsys):
    """A generation, and how much of it is decoding, repair and the referee."""
    here = slot(0)
    encoding = STIN.encodings(PAPER)["search"]
    few, many = (
        load_solver(SOLVERS["genetic"])(STIN, PAPER, seed=0, generations=generations) for generations in (20, 120)
    )
    x = encoding.sample(few.rng, (100,))
    generation = (median_seconds(lambda _: many.decide(here), 3) - median_seconds(lambda _: few.decide(here), 3)) / 100
    scoring = median_seconds(lambda _: STIN.evaluate(here, encoding.decode(here, x)), 50)
    benchmark.pedantic(lambda: few.decide(here), rounds=3)
    benchmark.extra_info["seconds per generation"] = generation
    with capsys.disabled():
        share = 100 * scoring / generation
        print(f"\na generation takes {1e3 * generation:.2f} ms, {share:.0f} % of it decoding, repair and scoring")


@pytest.mark.benchmark(group="ratio: default exact method against the reference formulation, size small")
@pytest.mark.parametrize("id", [id for id, owner in all_problems().items() if "reference" in owner.exactness.methods])
def test_strong_against_reference(benchmark, capsys, id):
    """One slot of a fresh small instance, both to the problem's gap, the reference for at most a minute."""
    owner = problem(id)
    instance = owner.generate("small", 7_000)
    here = owner.slot(instance, 0, owner.start(instance))
    owner.exact(here), owner.exact(here, method="reference", limits=Limits(seconds=60.0))  # imports
    strong = median_seconds(lambda _: owner.exact(here), 3)
    reference = median_seconds(lambda _: owner.exact(here, method="reference", limits=Limits(seconds=60.0)), 1)
    benchmark.pedantic(lambda: owner.exact(here), rounds=3)
    benchmark.extra_info["reference / strong"] = reference / strong
    with capsys.disabled():
        print(f"\n{id}/small: reference / {owner.exactness.methods[0]}: {reference / strong:.0f}x ({reference:.3f} s)")


@pytest.mark.benchmark(group="ratio: edge-placement/large, local search with sums of members against all memberships")
def test_local_search_of_placements(benchmark, capsys, monkeypatch):
    """A slot of 300 users: servers with each user toggled from running sums, or each membership scored as a whole."""
    owner = problem("edge-placement")
    instance = owner.generate("large", 7_000)
    here = owner.slot(instance, 0, owner.start(instance))

    def as_a_whole(member, floor, root, cpu):
        flipped = member[:, None] ^ np.eye(member.shape[-1], dtype=bool)
        value, fits = waterfill.cost(flipped, floor[:, None], root[:, None], cpu[:, None])
        return np.where(fits, value, np.inf)

    quick = median_seconds(lambda _: local_search.local_search(here), 3)
    decision = benchmark.pedantic(lambda: local_search.local_search(here), rounds=1)
    monkeypatch.setattr(local_search, "toggled", as_a_whole)
    plain = median_seconds(lambda _: local_search.local_search(here), 1)
    assert (local_search.local_search(here).assoc == decision.assoc).all()
    benchmark.extra_info["whole / sums"] = plain / quick
    with capsys.disabled():
        print(f"\nlocal search of edge-placement/large: {plain:.1f} s as a whole, {quick:.2f} s: {plain / quick:.0f}x")


@pytest.mark.benchmark(group="ratio: edge-placement/paper, processors levelled in rounds against in order of floors")
def test_shares_of_placements(benchmark, capsys):
    """What a generation of genetic search asks of the referee; the order of floors is a table of the slot."""
    owner = problem("edge-placement")
    instance = owner.generate("paper", 7_000)
    here = owner.slot(instance, 0, owner.start(instance))
    assoc = owner.encodings(instance)["search"].sample(np.random.default_rng(0), (100,))
    floor = take(here.floor, assoc[..., None])[..., 0]
    floor = np.where(np.isinf(floor), 0.0, floor)
    order, floors, roots = here.ranking

    def in_rounds(_=0):
        return waterfill.balance(assoc, floor, here.root, here.cpu)

    def in_order(_=0):
        member = take(assoc[..., None, :], order) == np.arange(here.n_bs)[:, None]
        return waterfill.level(member, floors, roots, here.cpu)

    rounds, ordered = median_seconds(in_rounds, 50), median_seconds(in_order, 50)
    u, fits, _ = benchmark(in_rounds)
    np.testing.assert_allclose(u, in_order()[0], rtol=1e-9)
    assert (fits == in_order()[1]).all()
    benchmark.extra_info["order / rounds"] = ordered / rounds
    with capsys.disabled():
        print(f"\nshares of 100 associations: {1e3 * ordered:.1f} ms in order, {1e3 * rounds:.2f} ms in rounds")


LISTENED = [
    ("stin-deployment", "exact", {}), ("stin-deployment", "local-search", {}),
    ("stin-deployment", "genetic", {"generations": 20}), ("edge-placement", "exact", {}),
    ("edge-placement", "local-search", {}), ("mec-synchronization", "exact", {}),
    ("satellite-offloading", "genetic", {"generations": 20}), ("dnt-spectrum", "exact", {}),
    ("dnt-spectrum", "exact", {"method": "cpsat"}),
]  # fmt: skip


@pytest.mark.benchmark(group="ratio: a method that is listened to against one that is not, size small")
@pytest.mark.parametrize(("id", "name", "options"), LISTENED)
def test_listening(benchmark, capsys, monkeypatch, id, name, options):
    """The time of decisions over a horizon, in turn with and without a listener, in CPU seconds; the aim is 1 %."""
    monkeypatch.setattr(referee, "clock", time.process_time)
    owner = problem(id)
    instance = owner.generate("small", 7_000)

    def spent(listen):
        solver = load_solver(SOLVERS[name])(owner, instance, seed=0, **options)
        return float(referee.play(owner, instance, solver, listen=listen).seconds.sum())

    spent(True), spent(False)  # imports
    pairs = []
    began = time.perf_counter()
    while len(pairs) < 5 or (len(pairs) < 400 and time.perf_counter() - began < 10.0):
        pairs.append((spent(False), spent(True)) if len(pairs) % 2 else (spent(True), spent(False))[::-1])
    alone, heard = (float(np.quantile(each, 0.25)) for each in zip(*pairs, strict=True))  # least disturbed by others
    benchmark.pedantic(lambda: spent(True), rounds=1)
    benchmark.extra_info["heard / alone"] = heard / alone
    with capsys.disabled():
        ratio, slot = 100.0 * (heard / alone - 1.0), 1e3 * alone / instance.horizon
        print(f"\n{id}, {name} {options}: {ratio:+.2f} % of {slot:.2f} ms per slot when heard")

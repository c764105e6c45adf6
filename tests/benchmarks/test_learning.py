"""Speed of what value-based agents share: collecting episodes, stacked networks, and a whole training of VDN.

Ratios are measured in one run on one thread; ``make bench`` prints them and ``extra_info`` holds them.
"""

import contextlib
import statistics
import time

import numpy as np
import pytest

from dtbench.encoding import Observation
from dtbench.envs import make_env
from dtbench.learning.networks import Network
from dtbench.learning.qlearning.episodes import play
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.qlearning.replay import Replay
from dtbench.learning.training import ordered
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem

NAME = "stin-deployment/paper"
COPIES = 64
ROUNDS = 11

pytestmark = pytest.mark.usefixtures("one_thread")


def seconds(*works):
    """Median time of each work; they take turns, so that what else the machine does meets all alike."""
    measured = [[] for _ in works]
    for _ in range(ROUNDS + 1):
        for times, work in zip(measured, works, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return [statistics.median(times[1:]) for times in measured]


def policy_of(encoding, copies=1, hidden=(64,), memory=64):
    rng, networks, weights = np.random.default_rng(0), {}, {}
    for g in encoding.groups:
        networks[g.name] = Network(
            inputs=g.observation, hidden=hidden, outputs=ValuePolicy.n_outputs(g), memory=memory, copies=copies
        )
        for name, shape in networks[g.name].shapes.items():
            weights[f"{g.name}/{name}"] = 0.1 * rng.standard_normal(shape, dtype=np.float32)
    return ValuePolicy(encoding, networks, weights)


@contextlib.contextmanager
def untimed(part):
    yield


@pytest.mark.benchmark(group="collection")
def test_collection_against_a_pettingzoo_loop(benchmark, capsys):
    """Fresh traces, epsilon-greedy in order, GRU, stored; the loop stacks its agents for one call as well."""
    batch, one = make_env(NAME, n_envs=COPIES), make_env(NAME, "parallel")
    policy, rng = policy_of(batch.encoding), np.random.default_rng(0)
    replay, slots = Replay(batch, COPIES), batch.horizon

    def batched():
        play(batch, policy, replay, rng=rng, explore=0.05, next_mask=ordered(batch), timed=untimed)

    def single():
        observations, infos = one.reset()
        memory = policy.start(1)
        stored = []
        while one.agents:
            agents = np.stack([observations[a] for a in one.agents])[None]
            masks = np.stack([infos[a]["action_mask"] for a in one.agents])[None].astype(bool)
            seen = Observation({"user": agents}, {"user": masks}, agents[:, 0])
            x, memory = policy.act(seen, memory, rng=rng, explore=0.05, next_mask=one.core.next_mask)
            stored.append((agents, masks, x))
            observations, _, _, _, infos = one.step(dict(zip(one.agents, x[0], strict=True)))

    loop, collected = seconds(single, batched)
    per_slot = {"pettingzoo": loop / slots, "batched": collected / slots / COPIES}
    ratio = per_slot["pettingzoo"] / per_slot["batched"]
    benchmark(batched)
    benchmark.extra_info |= {"ratio": ratio, "copies": COPIES} | {f"{k}_us": 1e6 * v for k, v in per_slot.items()}
    with capsys.disabled():
        print(
            f"\n{NAME}, collection: PettingZoo loop {1e6 * per_slot['pettingzoo']:.0f} us, {COPIES} copies "
            f"{1e6 * per_slot['batched']:.1f} us per slot: {ratio:.1f} times faster"
        )


@pytest.mark.parametrize(("hidden", "memory"), [((64, 64), 0), ((64,), 64)], ids=["feed-forward", "GRU"])
@pytest.mark.benchmark(group="stacked weights")
def test_stacked_against_shared(benchmark, capsys, hidden, memory):
    """20 agents with networks of their own against one that they share: acting in 64 copies, and a gradient step."""
    env = make_env(NAME, n_envs=COPIES)
    agents, seen = env.encoding.groups[0].count, env.reset()
    shared, stacked = policy_of(env.encoding, 1, hidden, memory), policy_of(env.encoding, agents, hidden, memory)

    def act(policy):
        memory = policy.start(COPIES)
        for _ in range(20):
            _, memory = policy.outputs(seen, memory)

    found = dict(zip(("shared", "stacked"), seconds(lambda: act(shared), lambda: act(stacked)), strict=True))
    acting = found["stacked"] / found["shared"]

    given = {"buffers": "joint", "memory": memory, "layers": len(hidden), "length": 8, "batch": 64, "hidden": 64}
    learners = [vdn(share=share, **given) for share in (True, False)]
    for learner in learners:
        for number in range(2):
            learner.round(number)
    one, own = seconds(*(learner.update for learner in learners))
    benchmark(lambda: act(stacked))
    benchmark.extra_info |= {"acting": acting, "update": own / one}
    with capsys.disabled():
        kind = "GRU" if memory else "feed-forward"
        print(f"\n{agents} {kind} networks, stacked / shared cost: acting {acting:.2f}, update {own / one:.2f}")


def vdn(**options):
    owner = problem("stin-deployment")
    instance = owner.generate("paper", 10_000)
    given = {"parallel": 8, "updates": 1} | options
    solver = load_solver(discover()["vdn"])(owner, instance, preset="paper", **given)
    return solver.learner(solver.template)


@pytest.mark.benchmark(group="training")
def test_vdn_at_the_papers_schedule(benchmark, capsys):
    """One episode of 50 slots and 8 updates of 64 sub-sequences of 8 slots, 20 agents; 1000 of them are a training."""
    learner, episodes = vdn(parallel=1, updates=8), 1000
    for number in range(17):  # the warm-up, and one round to come
        learner.round(number)
    learner.seconds = dict.fromkeys(learner.seconds, 0.0)
    rounds = 10
    benchmark.pedantic(lambda: learner.round(17), rounds=rounds, iterations=1)
    minutes = {part: episodes * value / rounds / 60.0 for part, value in learner.seconds.items()}
    benchmark.extra_info |= {f"{part}_minutes": value for part, value in minutes.items()}
    with capsys.disabled():
        split = ", ".join(f"{part} {value:.1f}" for part, value in minutes.items())
        print(f"\nVDN, 1000 episodes of {NAME}: {sum(minutes.values()):.1f} min on one thread ({split})")

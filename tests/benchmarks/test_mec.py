"""Speed of ``mec-synchronization`` at paper size: 64 copies in one call against the PettingZoo form, per step.

The horizon is the paper's, 50 frames of 100 slots in the closed protocol; only its first slots are timed. ``make
bench`` prints the ratio measured in one run; ``extra_info`` of the benchmark's record holds it.
"""

import statistics
import time

import numpy as np
import pytest

from dtbench.envs import make_env
from dtbench.problems import problem
from dtbench.problems.mec_synchronization import candidates, completion, heuristics, sets

COPIES = 64
SLOTS = 10
ROUNDS = 7
MEC = problem("mec-synchronization")


def seconds(play):
    """Median time of a run; the first one is not counted."""
    play()
    measured = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        play()
        measured.append(time.perf_counter() - start)
    return statistics.median(measured)


@pytest.mark.benchmark(group="environment step of mec-synchronization")
def test_batched_against_parallel(benchmark, capsys):
    instance = MEC.generate("closed-paper", 0, n_frames=50)
    batch, one = make_env(instance, n_envs=COPIES, fresh=False), make_env(instance, "parallel", fresh=False)
    x = batch.encoding.sample(np.random.default_rng(0), (COPIES,))
    actions = {agent: one.action_space(agent).sample() for agent in one.possible_agents}

    def batched():
        batch.reset()
        for _ in range(SLOTS):
            batch.step(x)

    def single():
        one.reset()
        for _ in range(SLOTS):
            one.step(actions)

    per_step = {"parallel": seconds(single) / SLOTS, "batched": seconds(batched) / SLOTS / COPIES}
    ratio = per_step["parallel"] / per_step["batched"]
    benchmark.pedantic(batched, rounds=3)
    benchmark.extra_info |= {f"{name}_us_per_env_step": 1e6 * s for name, s in per_step.items()}
    benchmark.extra_info |= {"ratio": ratio, "copies": COPIES}
    with capsys.disabled():
        print(
            f"\nmec-synchronization/closed-paper: PettingZoo {1e6 * per_step['parallel']:.0f} us, {COPIES} copies "
            f"{1e6 * per_step['batched']:.1f} us per environment step, {1 / per_step['batched']:.0f} steps per second: "
            f"{ratio:.1f} times faster"
        )
    assert batch.t == one.core.t == SLOTS


@pytest.mark.benchmark(group="referee pass of mec-synchronization")
def test_referee_pass(benchmark, capsys):
    """Observe, decode, score and advance are one expression each for all copies; here score and advance alone."""
    instance = MEC.generate("closed-paper", 0, n_frames=50)
    encoding = MEC.encodings(instance)["direct"]
    x = encoding.sample(np.random.default_rng(0), (COPIES,))

    def play():
        state = MEC.start(instance)
        for t in range(SLOTS):
            slot = MEC.slot(instance, t, state)
            decision = encoding.decode(slot, x)
            MEC.evaluate(slot, decision)
            state = MEC.advance(slot, decision)

    spent = seconds(play) / SLOTS / COPIES
    benchmark.pedantic(play, rounds=3)
    with capsys.disabled():
        print(f"\nreferee, {COPIES} copies: {1e6 * spent:.1f} us per slot and copy, {1 / spent:.0f} per second")


@pytest.mark.benchmark(group="exact: one slot of mec-synchronization/paper")
def test_exact(benchmark):
    """Branch and bound over success sets to 1e-4."""
    instance = MEC.generate("paper", 0)
    slot = MEC.slot(instance, 0, MEC.start(instance))
    assert benchmark.pedantic(lambda: MEC.exact(slot), rounds=3).status == "optimal"


@pytest.mark.benchmark(group="ratio: flips of a set of mec-synchronization/large, completed at once or one by one")
def test_flips(benchmark, capsys):
    """All admissions and removals from a greedy set; most numbers agree to 1e-7, all to 1e-4."""
    instance = MEC.generate("large", 7_000)
    slot = MEC.slot(instance, 0, MEC.start(instance))
    found = candidates.Candidates.of(slot, slot.host)
    users = np.flatnonzero(found.valid)
    near = heuristics.admitted(found) ^ (np.arange(found.count) == users[:, None])

    def completed():
        return completion.complete(found.rows((len(near),)), near, sets.POINTS).energy

    def priced():
        prices = sets.Prices(found)
        return np.array([prices.of(member).upper for member in near])

    both = np.isfinite(completed())
    np.testing.assert_allclose(completed()[both], priced()[both], rtol=1e-4)
    ratio = seconds(priced) / seconds(completed)
    benchmark.pedantic(completed, rounds=3)
    benchmark.extra_info["priced / completed"] = ratio
    with capsys.disabled():
        print(f"\n{len(near)} flips: priced one by one / completed at once: {ratio:.0f}x")

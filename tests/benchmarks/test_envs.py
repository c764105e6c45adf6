"""Speed of the batched environment: 64 copies in one call against the PettingZoo form, per environment step.

Whole episodes are timed, resets and the drawing of fresh traces included. ``make bench`` prints the ratios measured in
one run; ``extra_info`` of the benchmark's record holds them.
"""

import statistics
import time

import numpy as np
import pytest

from dtbench.envs import make_env
from dtbench.problems import all_problems
from dtbench.problems.edge_association.placement import repair

NAME = "stin-deployment/paper"
COPIES = 64
ROUNDS = 15


def seconds(episode):
    """Median CPU time of an episode, which other programs disturb least; the first one is not counted."""
    episode()
    measured = []
    for _ in range(ROUNDS):
        start = time.process_time()
        episode()
        measured.append(time.process_time() - start)
    return statistics.median(measured)


@pytest.mark.parametrize("fresh", [False, True], ids=["replayed", "fresh"])
@pytest.mark.benchmark(group="environment step")
def test_batched_against_parallel(benchmark, capsys, fresh):
    batch, one = make_env(NAME, n_envs=COPIES, fresh=fresh), make_env(NAME, "parallel", fresh=fresh)
    slots = batch.horizon
    x = batch.encoding.sample(np.random.default_rng(0), (COPIES,))
    actions = dict(zip(one.possible_agents, x[0], strict=True))

    def batched():
        batch.reset()
        for _ in range(slots):
            batch.step(x)

    def single():
        one.reset()
        while one.agents:
            one.step(actions)

    per_step = {"parallel": seconds(single) / slots, "batched": seconds(batched) / slots / COPIES}
    ratio = per_step["parallel"] / per_step["batched"]
    benchmark(batched)
    benchmark.extra_info |= {f"{name}_us_per_env_step": 1e6 * s for name, s in per_step.items()}
    benchmark.extra_info |= {"ratio": ratio, "copies": COPIES}
    with capsys.disabled():
        print(
            f"\n{NAME}, {'fresh' if fresh else 'replayed'} traces: PettingZoo {1e6 * per_step['parallel']:.0f} us, "
            f"{COPIES} copies {1e6 * per_step['batched']:.1f} us per environment step: {ratio:.1f} times faster"
        )
    assert batch.t == slots
    assert one.core.t == slots


@pytest.mark.benchmark(group="Stable-Baselines3, 16 copies")
def test_batched_against_make_vec_env(benchmark, capsys):
    """The ``VecEnv`` over the batched core against Stable-Baselines3's own of single environments, per step."""
    env_util = pytest.importorskip("stable_baselines3.common.env_util")
    copies = 16
    envs = {
        "make_vec_env": env_util.make_vec_env("dtbench/stin-deployment-paper-v0", copies),
        "batched": make_env(NAME, "sb3", copies),
    }
    slots = envs["batched"].core.horizon
    x = np.stack([envs["batched"].action_space.sample() for _ in range(copies)])

    def episode(env):
        for _ in range(slots):
            env.step(x)

    for env in envs.values():
        env.reset()
    spent = {name: seconds(lambda env=env: episode(env)) / slots for name, env in envs.items()}
    ratio = spent["make_vec_env"] / spent["batched"]
    benchmark(lambda: episode(envs["batched"]))
    benchmark.extra_info |= {f"{name}_us_per_step": 1e6 * s for name, s in spent.items()} | {"ratio": ratio}
    with capsys.disabled():
        print(
            f"\n{NAME}, {copies} copies: make_vec_env {1e6 * spent['make_vec_env']:.0f} us, "
            f"batched {1e6 * spent['batched']:.0f} us per step: {ratio:.1f} times faster"
        )
    assert ratio > 4.0


@pytest.mark.benchmark(group="one environment alone, random actions")
@pytest.mark.parametrize("id", list(all_problems()))
def test_one_environment_alone(benchmark, capsys, id):
    """What users of Stable-Baselines3 run: slots per second, resets included, and what a copy of 64 costs beside it."""
    one, batch = make_env(f"{id}/paper", "gym"), make_env(f"{id}/paper", n_envs=COPIES)
    one.action_space.seed(0)
    actions = [one.action_space.sample() for _ in range(one.core.horizon)]
    x = batch.encoding.sample(np.random.default_rng(0), (COPIES,))

    def alone():
        one.reset()
        for action in actions:
            one.step(action)

    def batched():
        batch.reset()
        for _ in actions:
            batch.step(x)

    rate = {name: len(actions) / seconds(call) for name, call in (("alone", alone), ("batched", batched))}
    ratio = COPIES * rate["batched"] / rate["alone"]
    benchmark.pedantic(alone, rounds=3)
    benchmark.extra_info |= {"slots_per_second": rate["alone"], "batched / alone": ratio}
    with capsys.disabled():
        print(f"\n{id}/paper: {rate['alone']:.0f} slots/s alone; each of {COPIES} copies {ratio:.1f} times as fast")
    assert ratio > 1.0


@pytest.mark.benchmark(group="ratio: repair of one placement in plain numbers against arrays, edge-placement/paper")
def test_repair_of_one_member(benchmark, capsys, monkeypatch):
    owner = all_problems()["edge-placement"]
    instance = owner.generate("paper", 7_000)
    slot = owner.slot(instance, 0, owner.start(instance))
    encoding = owner.encodings(instance)["agents"]
    x = encoding.sample(np.random.default_rng(0))

    def decode():
        encoding.decode(slot, x)

    plain = seconds(decode)
    benchmark(decode)
    monkeypatch.setattr(repair, "FEW", 0)
    arrays = seconds(decode)
    benchmark.extra_info["arrays / plain"] = arrays / plain
    with capsys.disabled():
        print(f"\nrepair of one placement: arrays {1e3 * arrays:.2f} ms, plain numbers {1e3 * plain:.2f} ms")
    assert arrays > plain

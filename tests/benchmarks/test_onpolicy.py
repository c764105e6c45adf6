"""Speed of HAPPO and MAPPO: stacked acting against a loop over agents, the update against a plain one, a training.

All on one thread. ``make bench`` prints the ratios measured in one run.
"""

import statistics
import time

import numpy as np
import pytest
import torch

from dtbench.encoding import Encoding, Group, Observation
from dtbench.envs import BatchEnv
from dtbench.learning.networks import Network
from dtbench.learning.ppo.episodes import collect
from dtbench.learning.ppo.learner import PolicyLearner
from dtbench.learning.ppo.options import OnPolicyOptions
from dtbench.learning.ppo.policy import BetaPolicy
from dtbench.problems import problem

from ..learning.ppo.ppo_twin import Actor, update

ROUNDS_OF_PAPER = 150  # of 5000 slots

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def learner():
    """Beta-HAPPO on the paper's network, closed protocol: 30 users, 5 base stations, the control centre."""
    owner = problem("mec-synchronization")
    env = BatchEnv(owner, owner.generate("paper", 10_000, protocol="closed"), 25, fresh=True)
    options = OnPolicyOptions().replace({"apart": "cc", "episodes": 25 * ROUNDS_OF_PAPER})
    return PolicyLearner(env, BetaPolicy, options, sequential=True)


def seconds(call, rounds=5):
    call()
    measured = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        measured.append(time.process_time() - start)
    return statistics.median(measured)


@pytest.mark.benchmark(group="acting of 36 agents")
def test_stacked_acting_against_a_loop(benchmark, capsys, learner):
    """One environment: as in scoring, and in a rollout of one long episode."""
    policy, encoding = learner.policy, learner.env.encoding
    whole = learner.env.reset(seed=0)
    seen = Observation(
        {k: v[:1] for k, v in whole.agents.items()}, {k: v[:1] for k, v in whole.masks.items()}, whole.state[:1]
    )
    rng = np.random.default_rng(0)
    alone, actors = [], []
    for group in encoding.groups:
        network = Network(**(policy.networks[group.name].facts | {"copies": 1}))
        one = Encoding((Group(group.name, 1, group.space, group.observation),), decode=encoding.decode)
        for agent in range(group.count):
            weights = {f"{group.name}/{k}": v[agent : agent + 1] for k, v in policy.weights[group.name].items()}
            sees = {group.name: seen.agents[group.name][:, agent : agent + 1]}
            may = {k: v[:, agent : agent + 1] for k, v in seen.masks.items() if k == group.name}
            alone.append((BetaPolicy(one, {group.name: network}, weights), Observation(sees, may, seen.state)))
            if group.name != "cc":
                actors.append((Actor(learner.actors[group.name], agent, 1e-4), torch.from_numpy(sees[group.name][0])))

    def stacked():
        for _ in range(50):
            policy.act(seen, policy.start(1), rng=rng, explore=1.0)

    def loop():
        for _ in range(50):
            for own, sees in alone:
                own.act(sees, own.start(1), rng=rng, explore=1.0)

    @torch.no_grad()
    def modules():
        for _ in range(50):
            for actor, x in actors:
                actor.distribution(x).sample()

    times = {"stacked": seconds(stacked) / 50, "loop": seconds(loop) / 50, "modules": seconds(modules) / 50}
    benchmark(stacked)
    ratios = {k: times[k] / times["stacked"] for k in ("loop", "modules")}
    benchmark.extra_info |= {f"ratio_to_{k}": v for k, v in ratios.items()} | {
        f"{k}_us": 1e6 * v for k, v in times.items()
    }
    with capsys.disabled():
        print(
            f"\n36 agents of mec-synchronization/paper draw their actions in one environment: stacked "
            f"{1e6 * times['stacked']:.0f} us; a loop over torch modules and torch.distributions (35 Beta agents) "
            f"{ratios['modules']:.1f} times that, a loop over our policy with one agent each {ratios['loop']:.1f} times"
        )


@pytest.mark.benchmark(group="HAPPO update")
def test_update_against_autograd(benchmark, capsys, learner):
    """36 actors, 5000 rows, 25 epochs, [128, 64]; the twin is a loop of autograd, torch.distributions, torch.optim.

    Both without critics; the twin's time is of 3 epochs, scaled.
    """
    rollout = collect(learner.env, learner.policy, ("cc",), np.random.default_rng(0), 1, learner.timed)
    beta = [name for name in learner.actors if name != "cc"]
    actors = [Actor(learner.actors[n], c, 1e-4) for n in beta for c in range(learner.actors[n].network.copies)]
    acts = []
    for name in beta:
        own = rollout.acts[name]
        acts += zip(*(torch.from_numpy(a) for a in (own.features, own.actions, own.counts)), strict=True)
    advantage = torch.from_numpy(np.random.default_rng(1).standard_normal(acts[0][0].shape[0])).float()
    orders, epochs = [range(len(actors))] * 3, 25

    def plain():
        update(actors, acts, advantage, orders, clip=0.2, entropy=0.01, max_norm=0.5, sequential=True)

    def ours():
        with torch.no_grad():
            learner.update(rollout, np.random.default_rng(2))

    slow, fast = seconds(plain, 1) * epochs / 3, seconds(ours, 1)
    benchmark.pedantic(ours, rounds=1)
    benchmark.extra_info |= {"ratio": slow / fast, "plain_s": slow, "ours_s": fast}
    with capsys.disabled():
        print(
            f"\nHAPPO update of {len(acts[0][0])} rows, {epochs} epochs: plain loop {slow:.1f} s (35 Beta actors), "
            f"ours {fast:.1f} s (these, the control centre and two critics): {slow / fast:.1f} times faster"
        )


@pytest.mark.benchmark(group="HAPPO training")
def test_training_at_the_papers_setting(benchmark, capsys, learner):
    """Two rounds of 5000 slots, extrapolated to the paper's 150."""
    learner.seconds = dict.fromkeys(learner.seconds, 0.0)
    start = time.process_time()
    for number in range(2):
        learner.round(number)
    each = (time.process_time() - start) / 2
    total = sum(learner.seconds.values())
    split = ", ".join(f"{part} {spent / total:.0%}" for part, spent in learner.seconds.items())
    benchmark.pedantic(learner.round, args=(2,), rounds=1)
    benchmark.extra_info |= {"minutes": each * ROUNDS_OF_PAPER / 60} | learner.seconds
    with capsys.disabled():
        print(
            f"\nBeta-HAPPO, 150 rounds of 25 episodes of 200 slots, 36 agents, 25 epochs: {each:.1f} s per round, "
            f"{each * ROUNDS_OF_PAPER / 60:.0f} min of CPU in all (the paper: 87 min on a laptop); {split}"
        )

"""A constant reward r and nothing to see: a horizon cuts off, and is no end, so the value is r / (1 - gamma).

A learner that takes the last of T slots for the end of the world finds about r / (1 - gamma (T - 1) / T), here 4.5.
Each one's wrong handling is put in on purpose, to see that it would be noticed.
"""

import numpy as np
import pytest
import torch

from dtbench.encoding import Observation
from dtbench.envs import BatchEnv
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem

pytest.importorskip("torch")

REWARD, GAMMA, SLOTS = 3.0, 0.5, 3
WORTH = REWARD / (1.0 - GAMMA)  # 6
VALUE = {
    "gamma": GAMMA, "episodes": 192, "parallel": 16, "capacity": 192, "warmup": 0, "updates": 12, "batch": 64,
    "hidden": 16, "layers": 1, "memory": 0, "target_every": 16, "learning_rate": 1e-2, "share": False,
    "last_rate": 0.02, "last_epsilon": 1.0, "reward_scale": 1.0, "length": 0,
}  # fmt: skip
POLICY = {"gamma": GAMMA, "episodes": 120, "parallel": 8, "hidden": "16", "epochs": 20, "critic_rate": 1e-2}
PAIR = {
    "gamma": GAMMA, "episodes": 96, "parallel": 8, "actor": "8", "critic": "16", "batch": 64, "warmup": 8, "every": 1,
    "updates": 4, "critic_rate": 1e-2, "last_rate": 0.02, "target_rate": 0.1, "bootstrap": True, "apart": False,
    "alike": False, "standardise": False,
}  # fmt: skip
CASES = {
    "vdn": ("dnt-spectrum", VALUE),
    "vdn, remembering": ("dnt-spectrum", VALUE | {"memory": 8}),
    "vdn, pairs of slots": ("dnt-spectrum", VALUE | {"length": 2}),
    "vdn, slot by slot": ("dnt-spectrum", VALUE | {"length": 1}),
    "vdn, double": ("dnt-spectrum", VALUE | {"double": True}),
    "iql": ("dnt-spectrum", VALUE),
    "qmix": ("dnt-spectrum", VALUE),
    "mappo": ("dnt-spectrum", POLICY),
    "mappo, td0": ("dnt-spectrum", POLICY | {"target": "td0"}),
    "happo": ("dnt-spectrum", POLICY),
    "ddpg": ("satellite-offloading", PAIR),
    "cc-ddpg": ("satellite-offloading", PAIR),
    "maddpg": ("edge-placement", PAIR),
    "transfer": ("edge-migration", PAIR | {"critic": "16,16", "transfer": "none"}),
    "transfer, online": ("edge-migration", PAIR | {"critic": "16,16", "transfer": "online", "warmup": 32}),
}
WRONG = ("vdn", "iql", "qmix", "mappo", "happo", "ddpg", "cc-ddpg", "maddpg", "transfer")


def learned(case, monkeypatch, **options):
    """A learner of a case, trained where every slot pays the same, whatever anybody does."""
    id, given = CASES[case]
    see = BatchEnv.see

    def pay(encoding, slot, x, outcome):
        return np.full(len(x), REWARD), np.full((len(x), len(encoding.agents)), REWARD)

    def see_nothing(env, slot):
        seen = see(env, slot)
        agents = {name: np.ones_like(own) for name, own in seen.agents.items()}
        env.observation = Observation(agents=agents, masks=seen.masks, state=np.ones_like(seen.state))
        return env.observation

    owner = problem(id)
    monkeypatch.setattr(owner, "rewards", pay)
    monkeypatch.setattr(BatchEnv, "see", see_nothing)
    instance = owner.generate("tiny", 0, horizon=SLOTS)
    solver = load_solver(discover()[case.split(",")[0]])(owner, instance, seed=0, preset="paper", **(given | options))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        learner = solver.learner(solver.template)
        for number in range(learner.rounds):
            learner.round(number)
        return learner
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def values(learner):
    """What the learner says of what it has seen, before every slot."""
    rng = np.random.default_rng(0)
    if hasattr(learner, "branches"):
        learner._move_targets(1.0)
        batch = learner.replay.sample(rng, 64, SLOTS)
        state = None if batch.state is None else torch.from_numpy(batch.state)
        return learner._following(batch, learner._outputs(learner.agents, batch), state).numpy()
    if hasattr(learner, "critics"):
        from dtbench.learning.ppo.episodes import collect

        critic = learner.critics["state"]
        rollout = collect(learner.env, learner.policy, learner.apart, rng, 0, learner.timed)
        return critic(critic.inputs(rollout.states))
    from dtbench.learning.ddpg.learner import TransitionBatch

    batch = TransitionBatch(learner.replay, learner.replay.sample(rng, 256))
    return learner.critic(learner.critic.looks(batch.seen), batch.action).numpy()


@pytest.mark.parametrize("case", CASES)
def test_what_follows_the_horizon_counts(case, monkeypatch):
    value = values(learned(case, monkeypatch))
    assert np.abs(value - WORTH).mean() < 0.05 * WORTH


@pytest.mark.parametrize("case", WRONG)
def test_the_end_of_the_world_would_be_noticed(case, monkeypatch):
    options = {}
    if case in ("vdn", "iql", "qmix"):
        from dtbench.learning.qlearning import learner

        def nothing_after(reward, following, gamma):
            target = reward.clone()
            target[:, :-1] += gamma * following[:, :-1]
            return target

        monkeypatch.setattr(learner, "td_targets", nothing_after)
    elif case.startswith(("mappo", "happo")):
        from dtbench.learning.ppo import learner

        gae = learner.gae

        def ended(reward, value, next_value, terminated, done, **discount):
            return gae(reward, value, next_value, done, done, **discount)

        monkeypatch.setattr(learner, "gae", ended)
    else:
        options["bootstrap"] = False
    value = values(learned(case, monkeypatch, **options))
    assert value.mean() < 0.92 * WORTH

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torch.testing import assert_close

from dtbench.envs import make_env
from dtbench.learning.ddpg.actors import DeterministicActor
from dtbench.learning.ddpg.coordinated import CoordinatedActor
from dtbench.learning.ddpg.critics import JointCritic, many_players, one_player
from dtbench.learning.ddpg.learner import ActorCritic, TransitionBatch, clip, descend, step_down, views
from dtbench.learning.ddpg.options import ActorCriticOptions

STREAMS = (("mu", "bs"), ("cc",))


def ddpg(seed=0, n_envs=2, encoding="structured", **options):
    """CC-DDPG or DDPG on tiny satellites, small networks."""
    env = make_env("satellite-offloading/tiny", n_envs=n_envs, encoding=encoding, horizon=6)
    given = {"episodes": 8, "actor": "8", "critic": "8", "batch": 4, "warmup": 12, "parallel": n_envs} | options
    o, length = ActorCriticOptions().replace(given), env.observation.state.shape[1]

    def make(generator):
        if encoding == "structured":
            actor = CoordinatedActor(env.encoding, length, o.layers("actor"), generator)
        else:
            actor = DeterministicActor(env.encoding, o.layers("actor"), generator)
        return actor, JointCritic(length, env.encoding.size, one_player(env.encoding), o.layers("critic"), generator)

    return ActorCritic(env, o, seed, make)


def maddpg(seed=0, **options):
    """MADDPG on the closed protocol of tiny cells: users, stations and a control centre."""
    env = make_env("mec-synchronization/closed-tiny", n_envs=2, host_action="real")
    given = {"episodes": 4, "actor": "8", "critic": "8", "batch": 4, "warmup": 4, "apart": False, "parallel": 2}
    o, length = ActorCriticOptions().replace(given | options), env.observation.state.shape[1]

    def make(generator):
        players = many_players(env.encoding, STREAMS, apart=o.apart)
        return (
            DeterministicActor(env.encoding, o.layers("actor"), generator),
            JointCritic(length, env.encoding.size, players, o.layers("critic"), generator),
        )

    return ActorCritic(env, o, seed, make)


class Fixed(nn.Module):
    """Gives what it was given, whatever it is asked."""

    def __init__(self, value):
        super().__init__()
        self.value = torch.tensor(value)

    def forward(self, *asked):
        return self.value


def batch_of(learner, reward, last):
    found = TransitionBatch.__new__(TransitionBatch)
    found.seen = found.following = {"state": torch.zeros(len(last), 1)}
    found.reward, found.last = torch.tensor(reward), torch.tensor(last)
    return found


@pytest.mark.parametrize(("bootstrap", "wanted"), [(False, [10.0, 2.0]), (True, [10.0, 20.0])])
def test_targets_by_hand(bootstrap, wanted):
    """1 + 0.9 * 10 = 10; the last slot gives its reward 2, or 2 + 0.9 * 20 = 20."""
    learner = ddpg(gamma=0.9, bootstrap=bootstrap)
    learner.target_actor, learner.target_critic = Fixed([[0.0], [0.0]]), Fixed([[10.0, 20.0]])
    assert_close(learner.targets(batch_of(learner, [[1.0], [2.0]], [False, True])), torch.tensor([wanted]))


def test_targets_are_the_rewards_without_discount():
    learner = ddpg(gamma=0.0)
    learner.target_critic = Fixed([[math.nan, math.nan]])
    assert_close(learner.targets(batch_of(learner, [[1.0], [2.0]], [False, True])), torch.tensor([[1.0, 2.0]]))


def test_target_networks_follow_softly():
    learner = ddpg(target_rate=0.25, episodes=2)
    before = [p.clone() for p in learner.target_critic.parameters()]
    learner.round(0)
    targets = [p.clone() for p in learner.target_critic.parameters()]
    learner.update()
    for target, old, new in zip(learner.target_critic.parameters(), targets, learner.critic.parameters(), strict=True):
        assert_close(target, 0.75 * old + 0.25 * new)
    assert any((a != b).any() for a, b in zip(before, targets, strict=True))


def test_a_step_lowers_the_critics_loss_and_raises_the_actors_value():
    learner = ddpg(gamma=0.0, warmup=10_000)
    for number in range(3):
        learner.round(number)
    batch = TransitionBatch(learner.replay, learner.replay.sample(np.random.default_rng(0), 32))
    known = learner.critic.looks(batch.seen), batch.action, learner.targets(batch)
    loss, gradients = learner.critic.descent(*known)
    step_down(learner.optimizers["critic"], gradients, learner.critic_parts(), 10.0)
    assert learner.critic.descent(*known)[0] < loss
    value = learner.actor_value(batch)[0].mean()
    descend(learner.optimizers["actor"], -value, learner.actor_parts(), 10.0)
    assert float(learner.actor_value(batch)[0].mean().detach()) > float(value.detach())


@pytest.mark.parametrize("make", [ddpg, maddpg])
def test_the_same_seed_gives_the_same_weights(make):
    first, second, other = make(seed=1), make(seed=1), make(seed=2)
    for learner in (first, second, other):
        for number in range(2):
            learner.round(number)
    arrays = second.policy.arrays()
    assert all((value == arrays[name]).all() for name, value in first.policy.arrays().items())
    assert any((value != other.policy.arrays()[name]).any() for name, value in first.policy.arrays().items())
    assert first.updated > 0


@pytest.mark.parametrize("make", [ddpg, maddpg])
def test_it_goes_on_as_if_it_had_not_been_interrupted(make):
    whole, first, second = (make(standardise=True, capacity=30, last_rate=0.1, warmup=4) for _ in range(3))
    for number in range(2):
        whole.round(number)
    first.round(0)
    arrays, facts = first.state()
    second.load(({name: value.copy() for name, value in arrays.items()}, facts))
    second.round(1)
    assert (second.episodes, second.frames, second.updated) == (whole.episodes, whole.frames, whole.updated)
    arrays = second.state()[0]
    assert all((value == arrays[name]).all() for name, value in whole.state()[0].items() if "replay" not in name)


def test_noise_falls_linearly_or_by_a_factor():
    """Linear: 0.3 to 0.05 over the first half. By a factor 0.5 per 100 slots: 0.3 * 0.5 after 100, not below 0.05."""
    linear, factor = (
        ddpg(noise=0.3, last_noise=0.05, exploring=0.5, noise_fall=fall, episodes=100) for fall in (1, 0.5)
    )
    total = linear.rounds * 2 * 6
    for learner, frames, wanted in (
        (linear, 0, 0.3), (linear, total // 4, 0.175), (linear, total, 0.05), (factor, 100, 0.15), (factor, 500, 0.05),
    ):  # fmt: skip
        learner.frames = frames
        assert_allclose(learner.noise, wanted)


def test_actions_are_uniform_before_the_first_update():
    learner = ddpg(encoding="agents", warmup=1000)
    learner.round(0)
    action = learner.replay.action[learner.replay.valid]
    assert abs(action.mean()) < 0.15
    assert_allclose(action.std(), 1.0 / math.sqrt(3.0), rtol=0.15)
    assert learner.updated == 0


def test_actions_are_stored_relative_to_their_greatest_value():
    learner = ddpg()
    learner.round(0)
    n = learner.env.instance.params.n_uav
    channels = learner.replay.action[learner.replay.valid][..., :n]
    assert channels.max() <= 1.0
    assert channels.sum(axis=-1).max() <= 1.0 + 1e-6


def test_each_stream_is_paid_its_reward():
    learner = maddpg(reward_scale=2.0)
    learner.env.reset()
    paid = learner.env.step(learner.choose(learner.env.observation))
    assert learner.rewards(paid).shape == (2, 2)
    assert_allclose(learner.rewards(paid), paid.agent_rewards[:, [0, -1]] / 2.0, rtol=1e-6)
    assert (paid.agent_rewards[:, 0] != paid.agent_rewards[:, -1]).any()


def test_a_penalty_is_taken_from_what_is_learned():
    learner = ddpg()
    learner.env.reset()
    paid = learner.env.step(learner.choose(learner.env.observation))
    plain = learner.rewards(paid)
    learner.penalty = lambda step: np.array([1.0, 2.0])
    assert_allclose(plain - learner.rewards(paid), [[1.0], [2.0]], rtol=1e-5)


def test_what_follows_from_the_state_is_not_stored():
    assert views(make_env("satellite-offloading/tiny").observation) == ()
    assert views(make_env("edge-placement/tiny").observation) == ()
    assert views(make_env("edge-migration/tiny").observation) == ()
    assert views(make_env("mec-synchronization/tiny").observation) == ("mu", "bs")


def test_every_copys_gradient_is_clipped_apart():
    """Norms 5 and 0.5, at most 1: the first is divided by 5."""
    weight, bias = nn.Parameter(torch.zeros(2, 1, 1)), nn.Parameter(torch.zeros(2, 1, 1))
    weight.grad, bias.grad = torch.tensor([[[3.0]], [[0.3]]]), torch.tensor([[[4.0]], [[0.4]]])
    clip([weight, bias], 2, 1.0)
    assert_close(weight.grad.flatten(), torch.tensor([0.6, 0.3]))
    assert_close(bias.grad.flatten(), torch.tensor([0.8, 0.4]))


def test_delayed_actors_stand_still_between():
    learner = ddpg(delay=2, warmup=10_000)
    learner.round(0)
    before = {name: value.copy() for name, value in learner.policy.arrays().items()}
    learner.update()
    assert all((value == before[name]).all() for name, value in learner.policy.arrays().items())
    learner.update()
    assert any((value != before[name]).any() for name, value in learner.policy.arrays().items())


def test_restraint_by_hand():
    """Users and shares in [0, 1] have their middle at 0.5: (0.5^2 + 0.1^2) / 2 = 0.13, times the weight of 2."""
    learner = maddpg(restraint=2.0)
    assert_close(learner.middle, torch.full_like(learner.middle, 0.5))
    learner.middle = learner.middle[:2]
    assert_close(learner.restraint(torch.tensor([[1.0, 0.4]])), torch.tensor(0.26))


def test_restraint_pulls_actors_off_the_ends():
    """Without any difference in value, proposals go to the middle."""
    learner = ddpg(encoding="agents", restraint=1.0, actor_rate=0.01, warmup=10_000)
    learner.round(0)
    batch = TransitionBatch(learner.replay, learner.replay.sample(np.random.default_rng(0), 32))
    learner.actor_value = lambda batch: (torch.zeros(1, 32), learner.actor(batch.seen))
    before = learner.actor(batch.seen).detach().square().mean()
    for _ in range(20):
        learner.update()
    assert learner.actor(batch.seen).detach().square().mean() < 0.5 * before

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dtbench.envs import make_env
from dtbench.learning.ddpg.coordinated import CoordinatedActor, CoordinatedLearner, LoadCritic
from dtbench.learning.ddpg.learner import TransitionBatch
from dtbench.learning.ddpg.options import ActorCriticOptions

from ..draws import drawn, source

N, M, SEEN, REST = 4, 3, 2, 2


def learner(**options):
    """CC-DDPG on tiny satellites (N = 4, M = 2)."""
    env = make_env("satellite-offloading/tiny", n_envs=2, encoding="structured", horizon=6)
    o = ActorCriticOptions().replace(
        {"episodes": 8, "parallel": 2, "warmup": 10_000, "gamma": 0.0, "batch": 32, "actor_rate": 0.01} | options
    )
    length = env.observation.state.shape[1]

    def make(generator):
        actor = CoordinatedActor(env.encoding, length, (8,), generator, softness=0.2, offset=0.7)
        return actor, LoadCritic(length, 4, 2, (8, 8, 8), generator)

    found = CoordinatedLearner(env, o, 0, make)
    found.round(0)
    return found


def batch_of(learner):
    return TransitionBatch(learner.replay, learner.replay.sample(np.random.default_rng(0), 32))


def test_moves_go_to_each_satellite_in_turn():
    own = learner()
    batch = batch_of(own)
    uav = torch.arange(32) % 4
    chance, moved = own.actor.moves(batch.seen, uav)
    proposal = own.actor(batch.seen)
    assert_close(chance.sum(dim=0), torch.ones(32))
    shares = moved[:, :, 4:].view(2, 32, 2, 4)
    for row in range(32):
        there = shares[:, row, :, uav[row]] > 0.0
        assert there.tolist() == [[True, False], [False, True]]
    now = proposal[:, 4:].view(32, 2, 4).argmax(dim=1).gather(1, uav[:, None])[:, 0]
    assert_close(moved[now, torch.arange(32)], proposal)
    assert chance.requires_grad
    assert not moved.requires_grad


def test_uavs_go_where_the_critic_wants_them():
    """A critic that praises what is on satellite 1; the mask alone has no gradient that says so."""

    class Praise(torch.nn.Module):
        looks = LoadCritic.looks

        def forward(self, state, action):
            return (action[:, 8:] > 0.0).float().sum(dim=1)[None]

        def values_of_proposals(self, state, action, proposal):
            return self(state, proposal) + 0.0 * proposal.sum()

    own = learner()
    own.critic = Praise()
    batch = batch_of(own)
    for _ in range(150):
        value, _ = own.actor_value(batch)
        own.actor.zero_grad()
        (-value.mean()).backward()
        own.optimizers["actor"].step()
    shares = own.actor(batch.seen)[:, 4:].view(32, 2, 4)
    assert (shares.argmax(dim=1) == 1).all()


@pytest.fixture
def critic():
    return LoadCritic(SEEN * N + REST, N, M, (8, 6, 5), source())


def test_numbering_items_or_machines_anew_changes_nothing(critic):
    state, action = drawn(7, SEEN * N + REST, 1), drawn(7, N * (1 + M), 2)
    critic.standardise(state, action)
    items, machines = torch.tensor([2, 0, 3, 1]), torch.tensor([1, 2, 0])
    seen = state[:, : SEEN * N].view(-1, SEEN, N)[:, :, items].flatten(1)
    own = action.view(-1, 1 + M, N)
    shares = own[:, 1:][:, machines][:, :, items]
    moved = torch.cat([own[:, :1][:, :, items], shares], dim=1).flatten(1)
    assert_close(critic(torch.cat([seen, state[:, SEEN * N :]], dim=1), moved), critic(state, action))
    assert (critic(state, action[:, torch.randperm(N * (1 + M), generator=source())]) != critic(state, action)).any()


def test_like_inputs_are_standardised_alike(critic):
    """Data of all items by one mean and deviation, and so on: items stay comparable."""
    state, action = 3.0 + 2.0 * drawn(50, SEEN * N + REST, 1), drawn(50, N * (1 + M), 2)
    critic.standardise(state, action)
    x = (torch.cat([state, action], dim=1) - critic.mean) / critic.scale
    for start, stop in ((0, N), (N, 2 * N), (2 * N, 2 * N + 1), (2 * N + REST, 3 * N + REST), (3 * N + REST, None)):
        part = x[:, start:stop]
        assert_close(part.mean(), torch.tensor(0.0), atol=1e-5, rtol=0.0)
        assert_close(part.std(correction=0), torch.tensor(1.0))
        assert len(critic.mean[start:stop].unique()) == 1


def test_its_player_decides_everything(critic):
    state, action = drawn(3, SEEN * N + REST, 1), drawn(3, N * (1 + M), 2)
    assert_close(critic.values_of_proposals(state, torch.zeros_like(action), action), critic(state, action))


def test_it_learns_the_slowest_machine():
    """Makespan of sizes D_i: max over machines of the sum of D_i where item i is; the mean alone explains nothing."""
    critic = LoadCritic(N, N, M, (32, 32, 32), source())
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)

    def batch(seed):
        sizes, where = drawn(256, N, seed), torch.randint(M, (256, N), generator=source(seed))
        shares = torch.nn.functional.one_hot(where, M).transpose(1, 2).float()
        makespan = (shares * sizes[:, None]).sum(dim=2).amax(dim=1)
        return sizes, torch.cat([torch.zeros(256, N), shares.flatten(1)], dim=1), makespan

    for seed in range(400):
        state, action, makespan = batch(seed)
        loss = (critic(state, action)[0] - makespan).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state, action, makespan = batch(10_000)
    assert (critic(state, action)[0] - makespan).square().mean() < 0.1 * makespan.var()

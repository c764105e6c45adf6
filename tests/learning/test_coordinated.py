import numpy as np
import torch
from torch.testing import assert_close

from dtbench.envs import make_env
from dtbench.learning.actorcritic import Batch
from dtbench.learning.actors import CoordinatedActor
from dtbench.learning.coordinated import CoordinatedLearner
from dtbench.learning.loadcritic import LoadCritic
from dtbench.learning.offpolicy import ActorCriticOptions


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
    return Batch(learner.replay, learner.replay.sample(np.random.default_rng(0), 32))


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

        def own(self, state, action, proposal):
            return self(state, proposal) + 0.0 * proposal.sum()

    own = learner()
    own.critic = Praise()
    batch = batch_of(own)
    for _ in range(150):
        value, _ = own.actor_value(batch)
        own.optimizers["actor"].zero_grad()
        (-value.mean()).backward()
        own.optimizers["actor"].step()
    shares = own.actor(batch.seen)[:, 4:].view(32, 2, 4)
    assert (shares.argmax(dim=1) == 1).all()

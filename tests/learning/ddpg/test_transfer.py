import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn
from torch.testing import assert_close

from dtbench.envs import make_env
from dtbench.errors import DtbenchError
from dtbench.learning.ddpg.options import TransferOptions
from dtbench.learning.ddpg.transfer import (
    NONE,
    Foreign,
    Histories,
    TransferLearner,
    actor_critic,
    merge,
    merge_users,
    sources,
    user_sources,
)
from dtbench.problems.edge_association.migration.agents import previous_hosts, user_entries

SMALL = {"episodes": 6, "parallel": 2, "actor": "8", "critic": "6,8", "batch": 4, "warmup": 4, "step_updates": 2}


def learner(seed=0, start=None, **options):
    env = make_env("edge-migration/tiny", n_envs=2, horizon=8)
    o = TransferOptions().replace(SMALL | options)
    return TransferLearner(env, o, seed, actor_critic(env, o, user_entries), previous_hosts, start)


def test_histories_by_hand():
    """A twin goes 2, 0, 1, 0, 3: its last three distinct servers are 3, 0, 1."""
    histories = Histories(np.array([[2, 1]]))
    for now, moved in ((0, True), (1, True), (1, False), (0, True), (3, True)):
        assert_array_equal(histories.move(np.array([[now, 1]])), [[moved, False]])
    assert_array_equal(histories.servers, [[[3, 0, 1], [1, NONE, NONE]]])


def test_source_models_by_hand():
    """Server 2 got a twin that was on 0, then 1 (0.5, 0.3 of 0.8), and one that was on 1 only: means of both."""
    history = np.array([[0, 1, NONE], [1, NONE, NONE], [1, 2, 0]])
    weights = sources(history, np.array([2, 2, 0]), 3)
    assert_allclose(weights, [[0.2, 0.5, 0.3], [0.0, 0.0, 0.0], [0.3125, 0.1875 + 0.5, 0.0]])


def test_models_are_merged_by_hand():
    """rho = 0.5: server 0, which received, (2 + 0.5 * (0.25 * 2 + 0.75 * 10)) / 1.5 = 4; server 1 did not."""
    weight = nn.Parameter(torch.tensor([[[2.0]], [[10.0]]]))
    merge(iter([weight]), np.array([[0.25, 0.75], [0.0, 0.0]]), 0.5)
    assert_close(weight.flatten(), torch.tensor([4.0, 10.0]))


def test_merging_equal_models_changes_nothing():
    weight = nn.Parameter(torch.full((3, 2, 2), 0.7))
    merge(iter([weight]), np.full((3, 3), 1.0 / 3.0), 0.1)
    assert_close(weight, torch.full((3, 2, 2), 0.7))


def test_servers_start_alike():
    network = learner().actor.network("server")
    assert all((value == value[:1]).all() for value in network.arrays().values())


def test_experience_is_taken_over_until_the_buffer_forgets_it():
    own = learner(transfer="none", capacity=40)
    own.round(0)
    foreign = Foreign.nothing(own.n_servers)
    newest = own.replay.newest(3)
    foreign.take(1, newest, 0, 2, own.replay)
    assert foreign.held(1, own.replay).size == 3
    assert foreign.held(0, own.replay).size == 0
    assert_array_equal(foreign.source[1, :3], 2)
    for number in range(1, 5):
        own.round(number)
    assert foreign.held(1, own.replay).size == 0


def test_only_servers_that_received_twins_are_trained():
    own = learner(transfer="none", apart=True)
    own.round(0)
    own.round(1)
    names = list(own.policy.arrays())
    before = {name: own.policy.arrays()[name].copy() for name in names}
    received = torch.tensor([False, True, False])
    own._update_servers(received, received)
    for name in names:
        assert_array_equal(own.policy.arrays()[name][[0, 2]], before[name][[0, 2]])
    assert any((own.policy.arrays()[name][1] != before[name][1]).any() for name in names)


def test_a_servers_model_scores_another_servers_pairs_as_that_server_would():
    """All alike, so what server 0's model gives to server 2's pairs is what server 2's gives."""
    own = learner()
    state = torch.from_numpy(own.env.reset().state)
    players = torch.full((3, 2), 2)
    scores = own._scores_of(state.expand(3, -1, -1), players)
    wanted = own.actor({"state": state}).view(2, 3, -1)[:, 2]
    assert_close(scores[0], wanted)


@pytest.mark.parametrize(("apart", "models"), [(True, "server"), (False, "server"), (True, "user"), (False, "user")])
def test_online_transfer_is_seeded_and_goes_on(apart, models):
    def rounds(given, numbers):
        for number in numbers:
            given.round(number)
        return given

    whole, other, first, second = (learner(apart=apart, models=models, standardise=True) for _ in range(4))
    rounds(whole, range(3))
    rounds(other, range(3))
    arrays, facts = rounds(first, range(2)).state()
    second.load(({name: value.copy() for name, value in arrays.items()}, facts))
    rounds(second, [2])
    assert whole.foreign.count.sum() > 0
    for name, value in whole.policy.arrays().items():
        assert_array_equal(value, other.policy.arrays()[name])
        assert_array_equal(value, second.policy.arrays()[name])
    plain = rounds(learner(apart=apart, models=models, standardise=True, transfer="none"), range(3))
    assert any((value != plain.policy.arrays()[name]).any() for name, value in whole.policy.arrays().items())


def test_init_starts_from_the_mean_of_another_networks_servers():
    env = make_env("edge-migration/small", n_envs=1)
    o = TransferOptions().replace(SMALL)
    arrays = TransferLearner(env, o, 5, actor_critic(env, o, user_entries), previous_hosts).policy.arrays()
    arrays = {name: value + np.arange(len(value), dtype=np.float32)[:, None, None] for name, value in arrays.items()}
    own = learner(start=arrays, transfer="init")
    for name, value in own.policy.arrays().items():
        assert_allclose(value, np.broadcast_to(arrays[name].mean(axis=0), value.shape), rtol=1e-6)


def test_greedy_decides_at_first():
    """With certainty: the stored scores are 1 at the chosen server, -1 elsewhere."""
    own = learner(prior=1.0, prior_share=1.0, transfer="none")
    seen = own.env.reset()
    scores = own.choose(seen).reshape(2, 3, -1)
    assert_array_equal(scores.max(axis=1), 1.0)
    assert_array_equal(scores.sum(axis=1), -1.0)


def test_the_critics_layers_are_two():
    env = make_env("edge-migration/tiny")
    o = dataclasses.replace(TransferOptions(), critic="8")
    with pytest.raises(DtbenchError, match="'critic' is '8'"):
        actor_critic(env, o, user_entries)


# A model per user and server


def test_models_of_users_are_merged_by_hand():
    """Three users. User 1 goes to server 2 from 0, where it came from 1: 0.625 of its model at 0, 0.375 of that at 1.

    rho = 0.5: (7 + 0.5 * (0.625 * 1 + 0.375 * 4)) / 1.5, its model at 2 is number 2 * 3 + 1 = 7; others stay.
    """
    number, source, weights = user_sources(np.array([[0, 1, NONE]]), np.array([1]), np.array([2]), 3)
    assert_array_equal(number, [7])
    assert_array_equal(source[0, :2], [1, 4])
    assert_allclose(weights, [[0.625, 0.375, 0.0]])
    weight = nn.Parameter(torch.arange(9.0).view(9, 1, 1))
    merge_users(iter([weight]), number, source, weights, 0.5)
    expected = torch.arange(9.0)
    expected[7] = (7.0 + 0.5 * 2.125) / 1.5
    assert_close(weight.flatten(), expected)


def test_as_printed_merged_models_grow():
    weight = nn.Parameter(torch.ones(2, 1, 1))
    merge(iter([weight]), np.array([[0.0, 1.0], [0.0, 0.0]]), 0.1, normalise=False)
    assert_close(weight.flatten(), torch.tensor([1.1, 1.0]))


def test_a_move_changes_the_models_of_that_user_only():
    own = learner(models="user", transfer="none")
    own.round(0)
    own.round(1)
    before = {name: value.copy() for name, value in own.policy.arrays().items()}
    assert {len(value) for value in before.values()} == {own.n_servers * own.n_users}
    trained = torch.zeros(own.n_servers * own.n_users, dtype=torch.bool)
    trained[own.n_users + 1] = True  # user 1 at server 1
    own._update_servers(torch.tensor([False, True, False]), trained)
    changed = [
        {int(k) for k in np.flatnonzero((v != before[n]).any(axis=(1, 2)))} for n, v in own.policy.arrays().items()
    ]
    assert set().union(*changed) == {own.n_users + 1}


def test_models_of_users_score_as_actor_and_policy_alike():
    """Every model has other weights: user u at server k is scored by number k N + u."""
    own = learner(models="user", transfer="none")
    own.round(0)
    seen = own.env.reset()
    acted, _ = own.policy.act(seen, {})
    assert_allclose(own.actor({"state": torch.from_numpy(seen.state)}).detach().numpy(), acted, atol=1e-6)
    network = own.actor.network("server")
    with torch.no_grad():
        for value in network.parameters():
            value[own.n_users + 1] = 0.0
    score = own.policy.act(seen, {})[0].reshape(2, own.n_servers, own.n_users)
    assert_allclose(score[:, 1, 1], 0.0, atol=1e-7)
    assert (np.delete(score.reshape(2, -1), own.n_users + 1, axis=1) != 0.0).all()


def test_init_takes_the_mean_over_servers_for_each_user():
    arrays = learner(models="user", transfer="none").policy.arrays()
    numbers = np.arange(len(next(iter(arrays.values()))), dtype=np.float32)
    arrays = {name: value * 0.0 + numbers[:, None, None] for name, value in arrays.items()}
    own = learner(start=arrays, transfer="init", models="user")
    mean = numbers.reshape(own.n_servers, own.n_users).mean(axis=0)
    for value in own.policy.arrays().values():
        assert_allclose(value, np.broadcast_to(np.tile(mean, own.n_servers)[:, None, None], value.shape))

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dtbench.encoding import Box, Encoding, Group
from dtbench.learning.ddpg.critics import Critic, ItemCritic, JointCritic, PlayerGroup, many_players, one_player

from ..draws import source

MIXED = Encoding(
    (Group("user", 3, Box(2), 4), Group("station", 2, Box(3), 5), Group("hub", 1, Box(2), 6)), lambda s, x: x
)
STREAMS = (("user", "station"), ("hub",))


def rows(n, width, seed=0):
    return torch.rand(n, width, generator=source(seed)) * 2.0 - 1.0


def replaced(action, proposal, players):
    """Joint actions in which one player after the other has its own proposal: the slow way."""
    found = []
    for group in players:
        for k in range(group.count):
            mixed = action.clone()
            own = slice(group.start + k * group.width, group.start + (k + 1) * group.width)
            mixed[:, own] = proposal[:, own]
            found.append((mixed, group.critics[k], own))
    return found


def test_players_are_agents_or_one():
    assert one_player(MIXED) == (PlayerGroup(0, 1, 14, (0,)),)
    shared = many_players(MIXED, STREAMS, apart=False)
    assert [(p.start, p.count, p.width, p.critics) for p in shared] == [
        (0, 3, 2, (0, 0, 0)), (6, 2, 3, (0, 0)), (12, 1, 2, (1,)),
    ]  # fmt: skip
    apart = many_players(MIXED, STREAMS, apart=True)
    assert [p.critics for p in apart] == [(0, 1, 2), (3, 4), (5,)]
    with pytest.raises(ValueError, match="'station' are in no stream"):
        many_players(MIXED, (("user",),), apart=False)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("standard", [True, False])
def test_own_proposals_are_judged_among_the_others_stored_actions(apart, standard):
    players = many_players(MIXED, STREAMS, apart=apart)
    critic = JointCritic(5, 14, players, (8, 6), source())
    state, action, proposal = rows(7, 5), rows(7, 14, 1), rows(7, 14, 2)
    if standard:
        critic.standardise(state, action)
    own = critic.values_of_proposals(state, action, proposal)
    for value, (mixed, judge, _) in zip(own, replaced(action, proposal, players), strict=True):
        assert_close(value, critic(state, mixed)[judge])


def test_gradients_flow_through_the_own_action_only():
    players = many_players(MIXED, STREAMS, apart=True)
    critic = JointCritic(5, 14, players, (8,), source())
    state, action = rows(4, 5), rows(4, 14, 1)
    for k, (_, _, own) in enumerate(replaced(action, action, players)):
        proposal = rows(4, 14, 2).requires_grad_()
        critic.values_of_proposals(state, action, proposal)[k].sum().backward()
        outside = np.setdiff1d(np.arange(14), np.arange(14)[own])
        assert proposal.grad[:, own].abs().min() > 0.0
        assert not proposal.grad[:, outside].any()


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("standard", [True, False])
def test_gradients_by_hand_are_those_of_autograd(apart, standard):
    critic = JointCritic(5, 14, many_players(MIXED, STREAMS, apart=apart), (8, 6), source())
    state, action, target = rows(7, 5), rows(7, 14, 1), rows(critic.count, 7, 2)
    if standard:
        critic.standardise(state, action)
    loss, found = critic.descent(state, action, target)
    expected_loss, expected = Critic.descent(critic, state, action, target)
    assert_close(loss, expected_loss)
    assert_close(list(found), list(expected))
    critic = JointCritic(5, 14, one_player(MIXED), (8, 6), source())
    if standard:
        critic.standardise(state, action)
    proposal, weights = action.requires_grad_(), rows(1, 7, 3)
    by_hand, plain = critic.values_of_proposals(state, action, proposal), critic(state, proposal)
    assert_close(by_hand, plain)
    assert_close(*(torch.autograd.grad((values * weights).sum(), proposal) for values in (by_hand, plain)))


def test_one_player_proposes_everything():
    critic = JointCritic(5, 14, one_player(MIXED), (8,), source())
    state, proposal = rows(4, 5), rows(4, 14, 2)
    assert_close(critic.values_of_proposals(state, rows(4, 14, 1), proposal), critic(state, proposal))


def test_standardised_inputs_have_mean_0_and_deviation_1():
    """A column that does not vary is only shifted."""
    critic = JointCritic(2, 2, (PlayerGroup(0, 1, 2, (0,)),), (4,), source())
    x = torch.tensor([[1.0, 5.0, 2.0, 3.0], [3.0, 5.0, 6.0, 3.0]])
    critic.standardise(x[:, :2], x[:, 2:])
    assert_close((x - critic.mean) / critic.scale, torch.tensor([[-1.0, 0.0, -1.0, 0.0], [1.0, 0.0, 1.0, 0.0]]))


def test_items_are_judged_alike():
    """Three items with a state and two action entries each, and a state entry of none."""
    items = np.array([[0, 4, 5], [1, 6, 7], [2, 8, 9]])
    players = (PlayerGroup(0, 3, 2, (0, 0, 0)),)
    critic = ItemCritic(4, 6, items, players, (8, 6, 5), source())
    state, action, proposal = rows(7, 4), rows(7, 6, 1), rows(7, 6, 2)
    critic.standardise(state, action)
    swapped = critic(state[:, [1, 0, 2, 3]], action[:, [2, 3, 0, 1, 4, 5]])
    assert_close(swapped, critic(state, action))
    own = critic.values_of_proposals(state, action, proposal)
    for value, (mixed, _, _) in zip(own, replaced(action, proposal, players), strict=True):
        assert_close(value, critic(state, mixed)[0])
    alone = ItemCritic(4, 6, items, (PlayerGroup(0, 1, 6, (0,)),), (8, 6, 5), source())
    assert_close(alone.values_of_proposals(state, action, proposal), alone(state, proposal))


def test_players_may_decide_about_all_items():
    """Two servers with two scores each, of users that are the items: entries 0, 1 are of server 0."""
    items, players = np.array([[0, 1, 4, 6], [2, 3, 5, 7]]), (PlayerGroup(0, 2, 2, (0, 0)),)
    critic = ItemCritic(4, 4, items, players, (8, 6, 5), source())
    state, action, proposal = rows(7, 4), rows(7, 4, 1), rows(7, 4, 2)
    own = critic.values_of_proposals(state, action, proposal)
    for k, (mixed, _, _) in enumerate(replaced(action, proposal, players)):
        assert_close(own[k], critic(state, mixed)[0])
    player, scores = torch.tensor([[0, 1, 1, 0, 0, 1, 1]]), proposal.view(7, 2, 2)
    chosen = scores[torch.arange(7), player[0]][None]
    judged = critic.values_by_player(state[None], action[None], player, chosen)[0]
    assert_close(judged, own[player[0], torch.arange(7)])

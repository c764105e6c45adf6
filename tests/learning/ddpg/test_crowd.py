import pytest
import torch
from torch.testing import assert_close

from dtbench.encoding import Box, Encoding, Group
from dtbench.learning.ddpg.crowd import CrowdCritic

from ..draws import drawn, source

USERS, STATIONS = 4, 2
GROUPS = (Group("user", USERS, Box(1, 0.0, 1.0), 3), Group("station", STATIONS, Box(2, 0.0, 1.0), 5))
LENGTH, SIZE = USERS * 3 + STATIONS * 5, USERS + STATIONS * 2


@pytest.fixture
def critic():
    return CrowdCritic(Encoding(GROUPS, lambda slot, x: x), (6, 8, 7), source())


def test_it_looks_at_what_all_agents_observe(critic):
    seen = {"state": drawn(3, 4, 0), "user": drawn(3, 12, 1).view(3, 4, 3), "station": drawn(3, 10, 2).view(3, 2, 5)}
    assert_close(critic.looks(seen), torch.cat([drawn(3, 12, 1), drawn(3, 10, 2)], dim=1))


def test_a_value_for_each_agent(critic):
    assert critic.count == 6
    assert [group.critics for group in critic.player_groups] == [(0, 1, 2, 3), (4, 5)]
    assert critic(drawn(7, LENGTH, 1), drawn(7, SIZE, 2)).shape == (6, 7)


def test_numbering_the_others_anew_changes_nothing_for_an_agent(critic):
    state, action = drawn(7, LENGTH, 1), drawn(7, SIZE, 2)
    order = torch.tensor([2, 0, 3, 1])
    seen = state[:, :12].view(7, USERS, 3)[:, order].flatten(1)
    other = critic(torch.cat([seen, state[:, 12:]], dim=1), torch.cat([action[:, order], action[:, 4:]], dim=1))
    plain = critic(state, action)
    assert_close(other[:4], plain[order])
    assert_close(other[4:], plain[4:])


def test_own_is_the_value_of_one_proposal_among_the_others_actions(critic):
    """Agent by agent: only its entries are replaced, and gradients reach no other's."""
    state, action, proposal = drawn(5, LENGTH, 1), drawn(5, SIZE, 2), drawn(5, SIZE, 3).requires_grad_()
    critic.standardise(state, action)
    own = critic.values_of_proposals(state, action, proposal)
    entries = [[0], [1], [2], [3], [4, 5], [6, 7]]
    for agent, mine in enumerate(entries):
        mixed = action.clone()
        mixed[:, mine] = proposal.detach()[:, mine]
        assert_close(own[agent].detach(), critic(state, mixed)[agent].detach())
        (gradient,) = torch.autograd.grad(own[agent].sum(), proposal, retain_graph=True)
        assert (gradient[:, mine] != 0.0).any()
        gradient[:, mine] = 0.0
        assert (gradient == 0.0).all()


def test_what_others_do_counts(critic):
    state, action = drawn(5, LENGTH, 1), drawn(5, SIZE, 2)
    moved = action.clone()
    moved[:, 3] += 0.5
    change = critic(state, moved) - critic(state, action)
    assert (change.abs().amax(dim=1) > 0.0).all()


def test_like_agents_are_standardised_alike(critic):
    state, action = 3.0 + 2.0 * drawn(50, LENGTH, 1), drawn(50, SIZE, 2)
    critic.standardise(state, action)
    for x in critic._each(state, action):
        rows = x.flatten(0, 1)
        assert_close(rows.mean(dim=0), torch.zeros(rows.shape[1]), atol=1e-5, rtol=0.0)
        assert_close(rows.std(dim=0, correction=0), torch.ones(rows.shape[1]))


def test_an_agent_alone_in_its_group():
    """Nobody is left for the mean of the others."""
    groups = (GROUPS[0], Group("centre", 1, Box(2, 0.0, 1.0), 3))
    critic = CrowdCritic(Encoding(groups, lambda slot, x: x), (6, 8, 7), source())
    assert torch.isfinite(critic(drawn(2, 15, 1), drawn(2, 6, 2))).all()


def test_it_learns_what_each_adds():
    """An agent earns its action times its first feature, less the mean action of the others."""
    critic = CrowdCritic(Encoding(GROUPS[:1], lambda slot, x: x), (8, 32, 32), source())
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)

    def batch(seed):
        state, action = drawn(128, 12, seed), drawn(128, USERS, seed + 50_000)
        others = (action.sum(dim=1, keepdim=True) - action) / (USERS - 1)
        return state, action, (action * state.view(128, USERS, 3)[:, :, 0] - others).T

    for seed in range(400):
        state, action, earned = batch(seed)
        loss = (critic(state, action) - earned).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state, action, earned = batch(10_000)
    assert (critic(state, action) - earned).square().mean() < 0.05 * earned.var()

import pytest
import torch
from torch.testing import assert_close

from dtbench.learning.ddpg.pairs import DeepSetCritic

from ..draws import source
from .test_critics import replaced, rows


@pytest.mark.parametrize("apart", [True, False])
def test_deep_sets_judge_own_scores(apart):
    critic = DeepSetCritic(3, 4, 5, (8, 6), source(), apart=apart)
    state, action, proposal = rows(7, 60), rows(7, 12, 1), rows(7, 12, 2)
    critic.standardise(state, action)
    own = critic.values_of_proposals(state, action, proposal)
    for k, (mixed, judge, _) in enumerate(replaced(action, proposal, critic.player_groups)):
        assert_close(own[k], critic(state, mixed)[judge])


def test_deep_sets_do_not_care_for_the_order_of_users():
    critic = DeepSetCritic(3, 4, 5, (8, 6), source(), apart=True)
    state, action, order = rows(7, 60), rows(7, 12, 1), torch.tensor([2, 0, 3, 1])
    other = state.view(7, 3, 4, 5)[:, :, order].reshape(7, 60)
    assert_close(critic(other, action.view(7, 3, 4)[:, :, order].reshape(7, 12)), critic(state, action))


def test_a_servers_critic_sees_another_server_as_its_own():
    """With equal weights critic k judges server p's transitions as critic p does: own first, then the others."""
    critic = DeepSetCritic(3, 4, 5, (8, 6), source(), apart=True)
    with torch.no_grad():
        for value in critic.parameters():
            value.copy_(value[:1].expand_as(value).clone())
    state, action = rows(7, 60), rows(7, 12, 1)
    plain = critic(state, action)
    players = torch.full((3, 7), 2)
    judged = critic.values_by_player(state.expand(3, -1, -1), action.expand(3, -1, -1), players)
    assert_close(judged, plain[2].expand(3, -1))
    assert not torch.allclose(plain[0], plain[2])

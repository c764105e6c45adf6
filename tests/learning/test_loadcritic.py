import pytest
import torch
from torch.testing import assert_close

from dtbench.learning.loadcritic import LoadCritic

from .draws import drawn, source

N, M, SEEN, REST = 4, 3, 2, 2


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
    assert_close(critic.own(state, torch.zeros_like(action), action), critic(state, action))


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

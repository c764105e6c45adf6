import dataclasses
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.encoding import Box, Categorical, Encoding, Group, Observation
from dtbench.envs import BatchEnv, make_env
from dtbench.errors import DtbenchError
from dtbench.learning.ddpg.actors import DeterministicActor, unit
from dtbench.learning.ddpg.coordinated import CoordinatedActor
from dtbench.learning.ddpg.pairs import PairActor
from dtbench.learning.ddpg.policy import (
    UNIFORM,
    CoordinatedPolicy,
    DeterministicPolicy,
    PairPolicy,
    coordinate_channels,
    coordinate_shares,
    noisy,
    of_each,
    stretch,
)
from dtbench.problems import problem
from dtbench.problems.satellite_offloading.agents import COMMON
from dtbench.problems.satellite_offloading.allocation import round_channels

from ..draws import source

MIXED = Encoding(
    (Group("user", 3, Box(2), 4), Group("station", 2, Box(3, 0.0, 1.0), 5), Group("hub", 1, Box(2, 0.0, 8.0), 6)),
    decode=lambda slot, x: x,
)


def seen(rows=4, seed=0):
    rng = np.random.default_rng(seed)
    agents = {
        g.name: rng.standard_normal((rows, g.count, g.observation)).astype(np.float32) * 3.0 for g in MIXED.groups
    }
    return Observation(agents=agents, masks={}, state=rng.standard_normal((rows, 7)).astype(np.float32))


def tensors(observation):
    return {"state": torch.from_numpy(observation.state)} | {
        name: torch.from_numpy(value) for name, value in observation.agents.items()
    }


def test_features_are_stretched_over_the_box():
    assert_allclose(stretch(Group("a", 1, Box(1, -2.0, 4.0)), np.array([-1.0, 0.0, 1.0])), [-2.0, 1.0, 4.0])
    assert_allclose(stretch(Group("a", 1, Box(1, 0.0, 8.0)), np.array([0.0, 0.25, 1.0])), [0.0, 2.0, 8.0])


def test_the_actor_that_learns_and_the_policy_that_plays_agree():
    actor = DeterministicActor(MIXED, (16, 8), source())
    x, _ = actor.policy.act(seen(), actor.policy.start(4))
    assert x.shape == (4, 14)
    assert_allclose(x / unit(MIXED), actor(tensors(seen())).detach().numpy(), atol=1e-6)
    assert (x >= MIXED.low).all()
    assert (x <= MIXED.high).all()


def test_the_policy_changes_as_the_actor_learns():
    actor = DeterministicActor(MIXED, (16,), source())
    policy = actor.policy
    before, _ = policy.act(seen(), {})
    with torch.no_grad():
        for value in actor.parameters():
            value.add_(0.1)
    assert (policy.act(seen(), {})[0] != before).all()


def test_noise_is_added_to_features_and_clipped():
    rng = np.random.default_rng(0)
    features = np.zeros((1000, 1, 10), dtype=np.float32)
    assert_allclose(noisy(features, -1.0, 0.2, rng).std(), 0.2, rtol=0.03)
    assert noisy(features, 0.0, 0.2, rng).min() == 0.0
    assert_allclose(noisy(features, -1.0, UNIFORM, rng).mean(), 0.0, atol=0.02)
    assert noisy(features, -1.0, UNIFORM, rng).min() < -0.99


def test_exploring_needs_a_generator():
    with pytest.raises(ValueError, match="needs a generator"):
        DeterministicActor(MIXED, (4,), source()).policy.act(seen(), {}, explore=0.1)


def test_categorical_actions_are_refused():
    with pytest.raises(DtbenchError, match="'user' have categorical actions"):
        DeterministicPolicy.n_outputs(Group("user", 1, Categorical((2,)), 3))


# The coordinated actor of Li and Han


def test_coordinated_actions_by_hand():
    """theta = 0: alpha_0 = 2 + (6 - 2) / 2 = 4, alpha_j = 1/2."""
    zero = np.zeros(1, dtype=np.float32)
    assert_allclose(coordinate_channels(np.array([-0.3, 0.1]), zero, 6.0), [3.0, 1.0], rtol=1e-6)
    rows = np.array([[0.6, -0.5, 0.2], [0.1, 0.5, -0.9]])  # columns keep 0.6 above, 0.5 above (a tie), 0.9 below
    wanted = [[0.6 / 1.1 / 2, 0.5 / 1.1 / 2, 0.0], [0.0, 0.0, 0.5]]
    assert_allclose(coordinate_shares(rows.ravel(), np.zeros(2)).reshape(2, 3), wanted, rtol=1e-6)


class UavPolicy(CoordinatedPolicy):
    """On states of satellite-offloading, which end with the limits of the slot."""

    common = COMMON


def offloading(rows=5):
    env = make_env("satellite-offloading/small", n_envs=rows, encoding="structured", seed=3)
    env.reset()
    return env


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**20), scale=st.sampled_from([0.0, 1e-6, 0.1, 10.0]), explore=st.sampled_from([0.0, 0.5]))
def test_coordinated_actions_keep_c2_to_c5(seed, scale, explore):
    """One satellite per UAV, no processor above 1, channels within the total: for any weights."""
    env = ENV
    n, m, total = env.instance.params.n_uav, env.instance.params.n_sat, env.instance.params.n_channel
    actor = CoordinatedActor(env.encoding, env.observation.state.shape[1], (8,), source(seed))
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for value in actor.parameters():
            value.copy_(torch.from_numpy(scale * rng.standard_normal(value.shape)))
    x, _ = actor.policy.act(env.observation, {}, rng=rng, explore=explore)
    channels, shares = x[:, :n], x[:, n:].reshape(-1, m, n)
    assert (channels >= 0.0).all()
    assert (channels.sum(axis=1) <= total * (1 + 1e-6)).all()
    assert ((shares > 0.0).sum(axis=1) <= 1).all()
    assert (shares.sum(axis=2) <= 1.0 + 1e-6).all()
    assert (shares >= 0.0).all()


ENV = offloading()


@pytest.mark.parametrize("by_uav", [False, True])
def test_the_coordinated_actor_and_its_policy_agree(by_uav):
    env = offloading()
    actor = CoordinatedActor(
        env.encoding, env.observation.state.shape[1], (16,), source(), by_uav=by_uav, kind=UavPolicy
    )
    x, _ = actor.policy.act(env.observation, {})
    proposals = actor({"state": torch.from_numpy(env.observation.state)}).detach().numpy()
    assert_allclose(x / unit(env.encoding), proposals, rtol=1e-5, atol=1e-7)


def test_what_a_state_says_of_each_uav():
    """D_1, D_2, D_3, b_1, b_2, b_3, T_th, E_th; with ``obs=paper`` the data only."""
    state = np.array([[1, 2, 3, 10, 20, 30, 7, 8]], dtype=np.float32)
    assert of_each(state, 3, 2).tolist() == [[1, 10, 7, 8], [2, 20, 7, 8], [3, 30, 7, 8]]
    assert of_each(state[:, :3], 3, 2).tolist() == [[1], [2], [3]]


def test_by_uav_channels_follow_the_uavs():
    """Exchanging two UAVs exchanges their channels; the network of one for all does not do so."""
    env = offloading(rows=1)
    n, swap = env.instance.params.n_uav, np.arange(env.observation.state.shape[1])
    swap[[0, 1, n, n + 1]] = [1, 0, n + 1, n]
    seen, swapped = env.observation, replace(env.observation, state=env.observation.state[:, swap])
    for by_uav in (True, False):
        actor = CoordinatedActor(env.encoding, len(swap), (16,), source(), by_uav=by_uav, kind=UavPolicy)
        first, second = (actor.policy.act(o, {})[0][0, :n] for o in (seen, swapped))
        assert np.allclose(first[[1, 0, *range(2, n)]], second, rtol=1e-5) == by_uav


def test_only_kept_shares_have_gradients():
    env = offloading(rows=1)
    actor = CoordinatedActor(env.encoding, env.observation.state.shape[1], (16,), source())
    proposals = actor({"state": torch.from_numpy(env.observation.state)})
    n = env.instance.params.n_uav
    proposals[0, n:].square().sum().backward()
    kept = proposals[0, n:].detach() > 0.0
    moved = actor.network("shares").weight("output.bias").grad[0, 0].abs() > 0.0
    assert not moved[~kept].any()
    assert actor.theta_row.grad.abs().min() > 0.0


@pytest.mark.parametrize("by_uav", [False, True])
def test_a_coordinated_policy_is_saved_with_its_scalars(by_uav):
    env = offloading()
    policy = CoordinatedActor(
        env.encoding, env.observation.state.shape[1], (16,), source(), by_uav=by_uav, kind=UavPolicy
    ).policy
    again = UavPolicy.restore(env.encoding, policy.facts(), policy.arrays(), "file")
    assert_allclose(again.act(env.observation, {})[0], policy.act(env.observation, {})[0])
    arrays = policy.arrays()
    del arrays["shares/theta"]
    with pytest.raises(DtbenchError, match="'shares/theta' is missing"):
        CoordinatedPolicy.restore(env.encoding, policy.facts(), arrays, "file")
    other = make_env("satellite-offloading/tiny", encoding="structured").encoding
    with pytest.raises(DtbenchError, match="another size"):
        CoordinatedPolicy.restore(other, policy.facts(), policy.arrays(), "file")


# Scores of pairs


def migration(rows=3):
    env = make_env("edge-migration/tiny", n_envs=rows, seed=3)
    env.reset()
    return env


def test_the_pair_actor_and_its_policy_agree():
    env = migration()
    actor = PairActor(env.encoding, 12, (8, 8), source())
    x, _ = actor.policy.act(env.observation, {})
    proposals = actor({"state": torch.from_numpy(env.observation.state)}).detach().numpy()
    assert x.shape == (3, 12)
    assert_allclose(x, proposals, atol=1e-6)


def test_users_share_a_servers_network():
    """Swapping two users in what a server sees swaps its scores of them."""
    env = migration()
    policy = PairActor(env.encoding, 12, (8,), source()).policy
    own = env.observation.agents["server"].reshape(3, 3, 4, 12)
    swapped = own[:, :, [1, 0, 2, 3]].reshape(3, 3, 48)
    other = dataclasses.replace(env.observation, agents={"server": swapped})
    scores, after = policy.act(env.observation, {})[0], policy.act(other, {})[0]
    assert_allclose(scores.reshape(3, 3, 4)[..., [1, 0, 2, 3]], after.reshape(3, 3, 4), atol=1e-6)


def test_pair_policies_are_restored():
    env = migration()
    policy = PairActor(env.encoding, 12, (8,), source()).policy
    again = PairPolicy.restore(env.encoding, policy.facts(), policy.arrays(), "file")
    assert_allclose(again.act(env.observation, {})[0], policy.act(env.observation, {})[0])
    other = BatchEnv(problem("edge-migration"), problem("edge-migration").generate("small", 1)).encoding
    assert PairPolicy.restore(other, policy.facts(), policy.arrays(), "file").encoding is other  # as many servers


def test_critics_see_channels_as_played_and_gradients_pass_the_rounding():
    """What is proposed is rounded, what was played is stored so, and both move as if nothing was."""
    env = make_env("satellite-offloading/tiny", n_envs=16, encoding="structured", seed=0)
    total, size = int(env.encoding.groups[0].space.high), env.encoding.groups[0].space.width
    plain, whole = (
        CoordinatedActor(env.encoding, env.observation.state.shape[1], (8,), source(), rounding=rounding)
        for rounding in (None, partial(round_channels, n_channel=total))
    )
    seen = {"state": torch.from_numpy(env.reset().state)}
    as_is, rounded = plain(seen), whole(seen)
    channels = rounded[:, :size].detach().numpy() * total
    assert_allclose(channels, round_channels(as_is[:, :size].detach().numpy() * total, total), atol=1e-5)
    assert (np.abs(channels - as_is[:, :size].detach().numpy() * total) > 0.01).any()
    assert_array_equal(rounded[:, size:].detach(), as_is[:, size:].detach())
    assert_allclose(whole.counted(as_is.detach().numpy()), rounded.detach().numpy(), atol=1e-6)
    assert_array_equal(plain.counted(as_is.detach().numpy()), as_is.detach().numpy())
    weights = torch.arange(size, dtype=torch.float32)
    slopes = [
        torch.autograd.grad((actor(seen)[:, :size] * weights).sum(), list(actor.network("channels").parameters()))
        for actor in (plain, whole)
    ]
    for own, other in zip(*slopes, strict=True):
        assert_allclose(own.numpy(), other.numpy(), rtol=1e-5, atol=1e-7)

"""Targets and losses by hand, exploration and copies on time, the same bits again, and that agents learn."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.encoding import Categorical, Group
from dtbench.envs import BatchEnv, make_env
from dtbench.errors import DtbenchError
from dtbench.learning.qlearning.learner import Branches, ValueLearner, td_targets
from dtbench.learning.qlearning.mixers import QmixMixer, SumMixer
from dtbench.learning.qlearning.options import ValueOptions
from dtbench.learning.qlearning.replay import SequenceBatch
from dtbench.learning.torch_networks import StackedNetwork
from dtbench.learning.training import Validation, fit
from dtbench.problems import problem

MIXERS = {"iql": None, "vdn": lambda agents, state, generator: SumMixer(), "qmix": QmixMixer}
QUICK = ValueOptions(episodes=8, parallel=2, warmup=4, updates=2, batch=4, length=3, hidden=8, memory=4, capacity=5)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(algorithm="vdn", name="stin-deployment/tiny", seed=0, **options):
    chosen = QUICK.replace(options)
    env = make_env(name, n_envs=chosen.parallel, seed=seed)
    local = algorithm == "iql" and name.startswith("dnt")
    return ValueLearner(env, chosen, seed, mixer=MIXERS[algorithm], mixes_state=algorithm == "qmix", local=local)


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)


def bits(learner):
    return {name: value.tobytes() for name, value in learner.policy.arrays().items()}


# Values of actions


def test_entries_without_a_choice_count_nothing():
    """Entries of 2 and 3 values, values 1 5 | 2 9 4. All free: 5 + 9; 9 forbidden: 5 + 4; the first forced: 9."""
    branches = Branches(Group("lever", 1, Categorical((2, 3)), 1))
    values = tensor([1, 5, 2, 9, 4]).expand(5, 5)
    mask = tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 1], [0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [1, 0, 0, 0, 1]]).bool()
    assert_allclose(branches.best(values, mask), [14, 9, 9, 9, 0])
    action = torch.tensor([[0, 2], [0, 2], [1, 2], [0, 2], [0, 2]])
    assert_allclose(branches.taken(values, mask, action), [5, 5, 4, 4, 0])


def test_the_best_action_may_be_anothers_choice():
    """Double Q: the chooser prefers values 0 and 0, so 1 + 2 is what they are worth."""
    branches = Branches(Group("lever", 1, Categorical((2, 3)), 1))
    mask, chooser = torch.ones(1, 5, dtype=torch.bool), tensor([[9, 0, 9, 0, 0]])
    assert_allclose(branches.best(tensor([[1, 5, 2, 9, 4]]), mask, chooser), [3])


def test_equal_entries_are_views():
    branches = Branches(Group("flag", 1, Categorical((2, 2, 2)), 1))
    flat = torch.arange(6.0).reshape(1, 6)
    assert_array_equal(branches.spread(flat), [[[0, 1], [2, 3], [4, 5]]])
    assert branches.spread(flat).data_ptr() == flat.data_ptr()


def test_targets_by_hand():
    """r = 1 2 3, gamma 1/2, following values 10 20 30: 6 12 18, the last slot's too."""
    reward = tensor([[1, 2, 3]])
    assert_allclose(td_targets(reward, tensor([[10, 20, 30]]), 0.5), [[6, 12, 18]])
    assert_allclose(reward, [[1, 2, 3]])


# Losses, on a batch of two slots of dnt-spectrum's tiny size, three agents whose outputs are their biases


def constant(learner, online, target):
    """Every agent's values are ``online`` (agents, 12), those of the target ``target``."""
    for agents, bias in ((learner.agents, online), (learner.target_agents, target)):
        with torch.no_grad():
            for name, parameter in agents["bs"].named_parameters():
                parameter.zero_()
                if name == "output_bias":
                    parameter.copy_(tensor(bias)[:, None])


def flags(upload):
    """Values (agents, 12) of entries upload and five claims; claims are worth 0."""
    return [[*pair, *[0.0] * 10] for pair in upload]


def hand_batch():
    """One row: slots 0, 1 and the one after; agents upload yes no yes, then no no yes; rewards 1 and 2."""
    mask = np.zeros((1, 3, 3, 12), dtype=bool)
    mask[..., :2] = True  # claims leave no choice
    actions = np.zeros((1, 2, 18), dtype=np.int64)
    actions[0, 0, [0, 12]] = 1
    actions[0, 1, 12] = 1
    return SequenceBatch(
        observations={"bs": np.zeros((1, 3, 3, 22), np.float32)}, masks={"bs": mask}, actions=actions,
        reward=np.array([[1, 2]], np.float32), agent_rewards=np.array([[[1, 0, 2], [3, 0, 1]]], np.float32),
        state=None,
    )  # fmt: skip


ONLINE, TARGET = flags([(1, 2), (3, 0), (0, 5)]), flags([(1, 4), (2, 1), (6, 3)])


@pytest.mark.parametrize("double", [False, True])
def test_loss_of_vdn_by_hand(double):
    """Q_tot = 2 + 3 + 5 = 10, then 1 + 3 + 5 = 9. Target: best 4 + 2 + 6 = 12, y = 1 + 12/2 = 7 and 8: (9 + 1) / 2.

    Double: the learning network prefers 1 0 1, worth 4 + 2 + 3 = 9: y = 5.5 and 6.5, (4.5^2 + 2.5^2) / 2.
    """
    learner = make("vdn", "dnt-spectrum/tiny", share=False, memory=0, layers=0, gamma=0.5, double=double)
    constant(learner, ONLINE, TARGET)
    batch = dataclasses.replace(hand_batch(), agent_rewards=None)
    assert_allclose(learner.loss(batch).detach(), 13.25 if double else 5.0)


@pytest.mark.parametrize("length", [1, 2, 0])
def test_the_last_slot_is_learned_from_with_what_is_seen_after_it(length):
    """All agents' best values are 4 + 2 + 6 = 12 wherever they are; the last slot pays 2, so its y = 2 + 12/2 = 8."""
    learner = make("vdn", "dnt-spectrum/tiny", share=False, memory=0, layers=0, gamma=0.5, length=length)
    learner.round(0)
    constant(learner, ONLINE, TARGET)
    replay = learner.replay
    replay.arrays["reward"][:] = 0.0
    replay.arrays["reward"][:, -1] = 2.0
    for array in (replay.arrays["masks/bs"], replay.arrays["observations/bs"]):
        array[:] = 0
    replay.arrays["masks/bs"][..., :2] = True
    batch = replay.sample(np.random.default_rng(0), 60, learner.length)
    outputs = learner._outputs(learner.agents, batch)
    target = td_targets(tensor(batch.reward), learner._following(batch, outputs, None), 0.5)
    assert set(target[batch.reward == 2.0].tolist()) == {8.0}
    assert set(target[batch.reward == 0.0].tolist()) == ({6.0} if (batch.reward == 0.0).any() else set())
    assert (batch.reward[:, -1] == 2.0).any()


def test_loss_of_iql_by_hand():
    """Q = 2 3 5 and 1 3 5; y = 1 0 2 and 3 0 1, each + (4 2 6) / 2 = 3 1 5 and 5 1 4: errors 1 2 0 and 4 2 1."""
    learner = make("iql", "dnt-spectrum/tiny", share=False, memory=0, layers=0, gamma=0.5)
    constant(learner, ONLINE, flags([(1, 4), (2, 1), (6, 3)]))
    expected = [3.0 - 2, 1.0 - 3, 5.0 - 5, 5.0 - 1, 1.0 - 3, 4.0 - 5]
    assert_allclose(learner.loss(hand_batch()).detach(), np.square(expected).mean())


def test_team_rewards_of_iql():
    """Everybody is paid 1, then 2: y = 3 2 4 and 4 3 5."""
    learner = make("iql", "dnt-spectrum/tiny", share=False, memory=0, layers=0, gamma=0.5)
    constant(learner, ONLINE, flags([(1, 4), (2, 1), (6, 3)]))
    errors = [3.0 - 2, 2.0 - 3, 4.0 - 5, 4.0 - 1, 3.0 - 3, 5.0 - 5]
    batch = dataclasses.replace(hand_batch(), agent_rewards=None)
    assert_allclose(learner.loss(batch).detach(), np.square(errors).mean())


def test_discount_0_is_regression_on_the_scaled_reward():
    """Q_tot = 10 and 9, rewards 1 and 2 divided by 2."""
    learner = make("vdn", "dnt-spectrum/tiny", share=False, memory=0, layers=0, gamma=0.0, reward_scale=2.0)
    constant(learner, ONLINE, TARGET)
    batch = dataclasses.replace(hand_batch(), agent_rewards=None)
    assert_allclose(learner.loss(batch).detach(), (9.5**2 + 8.0**2) / 2)


def test_the_target_ignores_who_chose_before(monkeypatch):
    """Masks of a batch are those seen before anybody acts: full devices are no part of them."""
    learner = make("vdn", last_epsilon=1.0)
    learner.round(0)
    stored = learner.replay.arrays["masks/user"][: learner.replay.size]
    assert_array_equal(stored, np.broadcast_to(stored[:, :1, :1], stored.shape))


# Memory


def test_memory_starts_at_zero_in_every_sub_sequence():
    """Outputs of a sub-sequence are those of the policy that begins there; slot by slot, in numpy."""
    learner = make("vdn", memory=5)
    learner.round(0)
    batch = learner.replay.sample(np.random.default_rng(0), 6, 4)
    outputs = learner._outputs(learner.agents, batch)["user"].detach().numpy()
    policy, memory = learner.policy, learner.policy.start(6)
    for t in range(5):
        x = batch.observations["user"][:, t]
        seen = dataclasses.replace(learner.env.observation, agents={"user": x})
        values, memory = policy.outputs(seen, memory)
        assert_allclose(outputs[:, t], values["user"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("identity", [True, False])
@pytest.mark.parametrize("memory", [0, 3])
def test_learner_and_policy_evaluate_alike(share, identity, memory):
    learner = make("vdn", "dnt-spectrum/tiny", share=share, identity=identity, memory=memory, layers=2)
    learner.round(0)
    batch = learner.replay.sample(np.random.default_rng(0), 6, 1)
    outputs = learner._outputs(learner.agents, batch, slice(1))["bs"].detach().numpy()[:, 0]
    seen = dataclasses.replace(learner.env.observation, agents={"bs": batch.observations["bs"][:, 0]})
    assert_allclose(outputs, learner.policy.outputs(seen, learner.policy.start(6))[0]["bs"], rtol=1e-4, atol=1e-5)


# The schedule


def test_exploration_falls_over_its_share_of_the_training():
    learner, found = make(episodes=10, parallel=1, exploring=0.5, last_epsilon=0.05), []
    for episodes in range(11):
        learner.episodes = episodes
        found.append(learner.epsilon)
    assert_allclose(found, [1, 0.81, 0.62, 0.43, 0.24, *[0.05] * 6])
    assert_allclose(make(exploring=0.0).epsilon, 0.05)


def test_updates_wait_for_the_warm_up_and_targets_are_copied_on_time(monkeypatch):
    """Two episodes a round, warm-up 4, copies every 6: updates from the second round on, copies after the third."""
    learner, updates, copies = make(target_every=6), [], []
    monkeypatch.setattr(learner, "update", lambda: updates.append(learner.episodes) or 0.0)
    monkeypatch.setattr(learner, "_move_targets", lambda rate: copies.append(learner.episodes))
    for number in range(6):
        learner.round(number)
    assert updates == [4, 4, 6, 6, 8, 8, 10, 10, 12, 12]
    assert copies == [6, 12]
    assert (learner.rounds, learner.frames) == (4, 12 * 10)


@pytest.mark.parametrize("algorithm", MIXERS)
def test_hard_copies_of_everything(algorithm):
    learner = make(algorithm, target_every=100)
    for number in range(3):
        learner.round(number)
    pairs = list(zip(learner.parameters, learner.targets, strict=True))
    assert not any(torch.equal(one, two) for one, two in pairs)
    learner._move_targets(1.0)
    assert all(torch.equal(one, two) for one, two in pairs)


def test_the_learning_rate_falls_to_its_end():
    learner = make(learning_rate=1e-2, last_rate=0.1)
    for number in range(learner.rounds):
        learner.round(number)
    assert_allclose(learner.optimizer.param_groups[0]["lr"], 1e-2 * (1 - 0.9 * 6 / 8))


# Bits


@pytest.mark.parametrize("name", ["stin-deployment/tiny", "dnt-spectrum/tiny"])
@pytest.mark.parametrize("algorithm", MIXERS)
def test_same_seed_same_weights_to_the_bit(algorithm, name):
    def trained(seed):
        learner = make(algorithm, name, seed)
        for number in range(learner.rounds):
            assert all(np.isfinite(v) for v in learner.round(number).values())
        return bits(learner)

    assert trained(3) == trained(3)
    assert trained(3) != trained(4)


@pytest.mark.parametrize("algorithm", MIXERS)
def test_a_resumed_training_gives_the_same_bits(algorithm):
    whole, first, rest = make(algorithm), make(algorithm), make(algorithm, seed=7)
    for number in range(4):
        whole.round(number)
    for number in range(2):
        first.round(number)
    rest.load(first.state())
    for number in range(2, 4):
        rest.round(number)
    assert bits(rest) == bits(whole)
    assert rest.episodes == whole.episodes
    for one, two in zip(rest.targets, whole.targets, strict=True):
        assert torch.equal(one, two)


def test_the_state_is_a_copy():
    learner = make()
    learner.round(0)
    learner.round(1)
    arrays, _ = learner.state()
    before = {name: value.tobytes() for name, value in arrays.items()}
    learner.round(2)
    assert before == {name: value.tobytes() for name, value in arrays.items()}


# Learning


@pytest.mark.parametrize("algorithm", MIXERS)
def test_agents_learn(algorithm):
    """On the tiny size in seconds: clearly better than at the start, on traces that are not trained on."""
    stin = problem("stin-deployment")
    instance = stin.generate("tiny", 10_000)
    options = ValueOptions(
        episodes=480, parallel=16, warmup=16, updates=30, batch=64, length=1, gamma=0.0, memory=0, hidden=32,
        learning_rate=3e-3, last_rate=0.1, exploring=0.3,
    )  # fmt: skip
    env = BatchEnv(stin, instance, 16, fresh=True, seed=0)
    learner = ValueLearner(env, options, 0, mixer=MIXERS[algorithm], mixes_state=algorithm == "qmix")
    trained = fit(learner, Validation(stin, instance), every=15)
    assert trained.best.objective < 0.75 * trained.curve[0].objective


def test_agents_who_act_in_reals_are_refused():
    env = make_env("mec-synchronization/tiny", n_envs=2)
    with pytest.raises(DtbenchError, match="act in reals; action values need categorical actions"):
        ValueLearner(env, QUICK, 0)


def test_the_network_that_acts_is_the_one_that_learns():
    learner = make()
    for number in range(3):
        learner.round(number)
    assert isinstance(learner.agents["user"], StackedNetwork)
    for name, value in learner.agents["user"].arrays().items():
        assert np.shares_memory(value, learner.policy.arrays()[f"user/{name}"])


# Buffers of their own


@pytest.mark.parametrize("algorithm", MIXERS)
@pytest.mark.parametrize("name", ["stin-deployment/tiny", "dnt-spectrum/tiny"])
def test_agents_that_draw_the_same_rows_learn_as_from_one_buffer(algorithm, name):
    """Each block holds the same rows: every agent's gradient is that of the joint loss, 1 / n of it with a mixer."""
    learner = make(algorithm, name, share=False)
    learner.round(0)
    learner.round(1)
    batch = learner.replay.sample(np.random.default_rng(0), 3, 2)
    n = learner.env.n_agents

    def gradients(loss):
        return [
            torch.zeros(()) if g is None else g
            for g in torch.autograd.grad(loss, learner.parameters, allow_unused=True)
        ]

    joint = learner.loss(batch)
    expected = gradients(joint)
    learner.options = learner.options.replace({"buffers": "agent"})
    apart = learner.loss(blocks_of(batch, [np.arange(3)] * n))
    assert_allclose(apart.item(), joint.item(), rtol=1e-5)
    for parameter, wanted, got in zip(learner.parameters, expected, gradients(apart), strict=True):
        agents = any(parameter is p for stacked in learner.agents.values() for p in stacked.parameters())
        factor = 1.0 / n if agents and algorithm != "iql" else 1.0
        assert_allclose(got.numpy(), factor * wanted.numpy(), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("algorithm", MIXERS)
def test_an_agent_learns_from_its_own_rows_only(algorithm):
    """Where the second agent's rows change, the first one's gradient stays."""
    learner = make(algorithm, "stin-deployment/tiny", share=False, buffers="agent")
    learner.round(0)
    learner.round(1)
    batch, n = learner.replay.sample(np.random.default_rng(0), 4, 2), learner.env.n_agents
    rows = [np.array([0, 1])] * n
    changed = [rows[0], np.array([2, 3]), *rows[2:]]
    (stacked,) = learner.agents.values()
    parameters = list(stacked.parameters())
    one, other = (torch.autograd.grad(learner.loss(blocks_of(batch, chosen)), parameters) for chosen in (rows, changed))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))
    assert not all(torch.equal(a[1], b[1]) for a, b in zip(one, other, strict=True))


def blocks_of(batch, rows):
    """A batch whose blocks are the given rows of another."""
    at = np.concatenate(rows)
    return SequenceBatch(
        observations={k: v[at] for k, v in batch.observations.items()},
        masks={k: v[at] for k, v in batch.masks.items()},
        actions=batch.actions[at],
        reward=batch.reward[at],
        agent_rewards=None if batch.agent_rewards is None else batch.agent_rewards[at],
        state=None if batch.state is None else batch.state[at],
    )


def test_a_shared_network_has_no_buffers_of_agents():
    with pytest.raises(DtbenchError, match="give share=false"):
        ValueOptions(buffers="agent", share=True)


def test_targets_that_follow_are_not_copied():
    """tau = 0.5, one update: half of the way from the first weights to the learned ones."""
    learner = make(target_rate=0.5, updates=1, target_every=1, warmup=0)
    before = [p.clone() for p in learner.parameters]
    learner.round(0)
    for first, learned, target in zip(before, learner.parameters, learner.targets, strict=True):
        assert_allclose(target.detach().numpy(), 0.5 * (first + learned).detach().numpy(), rtol=1e-5, atol=1e-7)

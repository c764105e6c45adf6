"""MAPPO and HAPPO: the compounding ratio by hand, a slow twin, and the laws of training."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.testing import assert_close

from dtbench.encoding import Categorical, Observation
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Network
from dtbench.learning.ppo.actors import ActedRows, StepSettings, Unit, improve
from dtbench.learning.ppo.distributions import BetaHead, CategoricalHead, GaussianHead
from dtbench.learning.ppo.episodes import collect
from dtbench.learning.ppo.learner import PolicyLearner, minibatches
from dtbench.learning.ppo.options import OnPolicyOptions
from dtbench.learning.ppo.policy import BetaPolicy, GaussianPolicy
from dtbench.learning.ppo.stack import Stack
from dtbench.problems import problem

from .ppo_twin import Actor, update

SMALL = {"hidden": "16,8", "parallel": 3, "epochs": 3, "episodes": 9, "actor_rate": 1e-3, "critic_rate": 1e-3}


@pytest.fixture(autouse=True)
def one_thread():
    """Small products on several threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_learner(name, kind=BetaPolicy, *, seed=0, sequential=False, shared=False, params=None, **options):
    id, size = name.split("/")
    owner = problem(id)
    env = BatchEnv(owner, owner.generate(size, 7, **(params or {})), SMALL["parallel"], fresh=True)
    options = OnPolicyOptions().replace(SMALL | options)
    return PolicyLearner(env, kind, options, seed=seed, sequential=sequential, shared=shared)


def weights(learner):
    return {name: value.copy() for name, value in learner.policy.arrays().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert_array_equal(first[name], second[name], name)


# By hand


def coin(stack, copy):
    """A copy of a stack that took value 1 in row 0 and value 0 in row 1, of two values, as agent of that number."""
    head = CategoricalHead(torch.tensor([[1], [0]]), torch.ones(2, 1) > 0, torch.ones(2, 2) > 0, (2,))
    acted = ActedRows(x=torch.zeros(2, 1), head=head, agent=torch.full((2,), copy), row=torch.arange(2))
    return Unit(stack=stack, copy=copy, acted=acted, n_agents=1, n_rows=2)


def test_compounding_ratio_by_hand(monkeypatch):
    """Two agents, two values at even odds, rows (value 1, A = 1) and (value 0, A = -1).

    Adam's first step moves every logit by the step size, here ln(3) / 2: value 1 has odds 3 : 1 then. So the ratios of
    the first agent are (3/4) / (1/2) = 1.5 and (1/4) / (1/2) = 0.5, and the second one's gain is M = (1.5, -0.5).
    """
    stack = Stack(Network(inputs=1, hidden=(), outputs=2, copies=2), torch.Generator(), 0.0)
    units = [coin(stack, u) for u in range(2)]
    gains = []
    plain = Unit.improve
    monkeypatch.setattr(Unit, "improve", lambda self, gain, how: (gains.append(gain.clone()), plain(self, gain, how)))
    advantage = torch.tensor([[1.0, -1.0]]).expand(2, 2)
    improve(units, advantage, None, [1, 0], StepSettings(clip=0.2, entropy=0.0, rate=math.log(3.0) / 2.0, max_norm=0.5))
    assert_close(gains[0], torch.tensor([1.0, -1.0]))
    assert_close(gains[1], torch.tensor([1.5, -0.5]), atol=1e-5, rtol=0)
    assert_close(units[1].ratio(), torch.tensor([1.5, 0.5]), atol=1e-5, rtol=0)


def test_clipped_rows_do_not_pull(monkeypatch):
    """After the step above r = (1.5, 0.5) is beyond 1 +- 0.2 on the side that gains: nothing is left to gain."""
    stack = Stack(Network(inputs=1, hidden=(), outputs=2, copies=1), torch.Generator(), 0.0)
    unit = coin(stack, 0)
    settings = StepSettings(clip=0.2, entropy=0.0, rate=math.log(3.0) / 2.0, max_norm=0.5)
    unit.improve(torch.tensor([1.0, -1.0]), settings)
    unit.improve(torch.tensor([1.0, -1.0]), settings)
    assert all((value == 0).all() for value in stack.gradients.values())
    unit.look()
    unit.improve(torch.tensor([-1.0, 1.0]), settings)  # the other way it still pulls
    assert (stack.gradients["output.bias"] != 0).all()


# Against the twin


@pytest.mark.parametrize("sequential", [True, False])
def test_update_is_that_of_autograd_and_torch_distributions(sequential):
    learner = make_learner("mec-synchronization/tiny", sequential=sequential, epochs=4)
    rollout = collect(learner.env, learner.policy, (), np.random.default_rng(0), 1, learner.timed)
    actors = [Actor(s, c, 1e-3) for s in learner.actors.values() for c in range(s.network.copies)]
    acts = []
    for own in rollout.acts.values():
        tensors = [torch.from_numpy(a) for a in (own.features, own.actions, own.counts)]
        acts += zip(*tensors, strict=True)
    advantage, _ = learner._team_advantages(rollout)
    learner = make_learner("mec-synchronization/tiny", sequential=sequential, epochs=4)
    rng = np.random.default_rng(5)
    orders = [rng.permutation(len(actors)).tolist() if sequential else range(len(actors)) for _ in range(4)]
    update(actors, acts, advantage[0], orders, clip=0.2, entropy=0.01, max_norm=0.5, sequential=sequential)
    with torch.no_grad():
        learner.update(rollout, np.random.default_rng(5))
    ours = [(s, c) for s in learner.actors.values() for c in range(s.network.copies)]
    for (stack, copy), actor in zip(ours, actors, strict=True):
        assert_close(stack.weights["output.weight"][copy], actor.weights[-1].detach(), atol=2e-5, rtol=1e-3)
        assert_close(stack.weights["hidden0.weight"][copy], actor.weights[0].detach(), atol=2e-4, rtol=1e-3)


# Laws


@pytest.mark.parametrize("options", [{}, {"scaled": True}])
def test_one_agent_happo_is_ppo(options):
    one, other = (make_learner("satellite-offloading/tiny", sequential=s, **options) for s in (True, False))
    for number in range(2):
        one.round(number)
        other.round(number)
    assert_same(weights(one), weights(other))


CASES = {
    "mec": ("mec-synchronization/tiny", BetaPolicy, {"apart": "cc", "params": {"protocol": "closed"}}),
    "gaussian": ("mec-synchronization/tiny", GaussianPolicy, {"critic": "agent"}),
    "stin": ("stin-deployment/tiny", BetaPolicy, {"scaled": True, "minibatches": 2, "anneal": True}),
    "migration": ("edge-migration/tiny", BetaPolicy, {"by_entry": True}),
    "dnt": ("dnt-spectrum/tiny", BetaPolicy, {"target": "td0", "activation": "relu"}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sequential", [True, False])
def test_same_seed_same_weights_and_resume(case, sequential):
    """Two rounds, saved, loaded into a fresh learner, one more: the same to the bit as three; another seed differs."""
    name, kind, options = CASES[case]
    first, second, other = (make_learner(name, kind, seed=s, sequential=sequential, **options) for s in (1, 1, 2))
    for number in range(3):
        told = first.round(number)
        assert all(np.isfinite(value) for value in told.values())
        other.round(number)
    for number in range(2):
        second.round(number)
    arrays, facts = second.state()
    resumed = make_learner(name, kind, seed=1, sequential=sequential, **options)
    resumed.load(({key: value.copy() for key, value in arrays.items()}, facts))
    resumed.round(2)
    assert_same(weights(resumed), weights(first))
    assert resumed.episodes == first.episodes == 9
    assert resumed.frames == first.frames
    changed = [name for name, value in weights(first).items() if not np.array_equal(value, weights(other)[name])]
    assert changed


@pytest.mark.parametrize("name", ["stin-deployment/small", "dnt-spectrum/tiny"])
def test_masks_are_never_violated(name):
    learner = make_learner(name, sequential=True)
    learner.round(0)
    rollout = collect(learner.env, learner.policy, (), np.random.default_rng(0), 1, learner.timed)
    for group in learner.env.encoding.groups:
        acts = rollout.acts[group.name]
        assert isinstance(group.space, Categorical)
        starts = np.cumsum([0, *group.space.n[:-1]])
        assert np.take_along_axis(acts.masks, acts.actions + starts, -1).all()


def test_the_centre_learns_from_its_own_reward():
    """Its stream is its own reward; without ``apart`` there is the team's only."""
    learner = make_learner("mec-synchronization/tiny", sequential=True, apart="cc", params={"protocol": "closed"})
    rollout = collect(learner.env, learner.policy, ("cc",), np.random.default_rng(0), 1, learner.timed)
    advantage, (lesson,) = learner._team_advantages(rollout)
    assert lesson.target.shape[0] == 2
    assert not torch.equal(advantage[-1], advantage[0])
    assert torch.equal(advantage[1], advantage[0])
    assert_allclose(advantage.mean(-1), 0.0, atol=1e-5)
    assert_allclose(advantage.std(-1, correction=0), 1.0, rtol=1e-4)
    plain = make_learner("mec-synchronization/tiny", sequential=True, apart="cc")
    assert plain.apart == ()


@pytest.mark.parametrize("chained", [False, True])
def test_a_chain_of_all_agents_holds_the_centre(chained):
    """Users and base stations share M; the centre has its own product of ratios, unless all are chained."""
    closed = {"protocol": "closed"}
    learner = make_learner("mec-synchronization/tiny", sequential=True, apart="cc", chained=chained, params=closed)
    rollout = collect(learner.env, learner.policy, ("cc",), np.random.default_rng(0), 1, learner.timed)
    *others, centre = (unit.stream for unit in learner._units(rollout))
    assert set(others) == {0}
    assert centre == (0 if chained else 1)


def test_own_credit_by_hand():
    """Advantages are own rewards less what the group's critic says of the own observation, normalised per agent."""
    learner = make_learner(
        "mec-synchronization/tiny", sequential=True, credit="own", gamma=0.0, params={"reward": "difference"}
    )
    rollout = collect(learner.env, learner.policy, (), np.random.default_rng(0), 1, learner.timed)
    values = []
    for name in ("mu", "bs"):
        features = rollout.acts[name].features
        network = learner.critics[name].stack
        values += [network.forward(0, torch.from_numpy(row))[-1][:, 0].numpy() for row in features]
    rows = len(rollout.states[:-1].reshape(-1, rollout.states.shape[-1]))
    assert rollout.agent_rewards.shape == (10, 3, 7)
    raw = rollout.agent_rewards.reshape(rows, 7).T - np.array(values)
    advantage, lessons = learner._agent_advantages(rollout)
    expected = (raw - raw.mean(-1, keepdims=True)) / raw.std(-1, keepdims=True)
    assert_allclose(advantage.numpy(), expected, atol=1e-3)
    assert [lesson.x.shape[:2] for lesson in lessons] == [(5, rows), (2, rows)]
    own = rollout.agent_rewards.reshape(rows, 7).T[:5]
    assert_allclose(lessons[0].target[0].numpy(), (own - own.mean()) / own.std(), atol=1e-4)


def test_own_credit_learns_faster():
    """mec-synchronization/small, same seed and frames: own rewards end below where the team's do."""

    def end(**options):
        learner = make_learner(
            "mec-synchronization/small", shared=True, actor_rate=1e-2, critic_rate=1e-2, epochs=5, minibatches=2,
            gamma=0.0, deviation=0.1, **options,
        )  # fmt: skip
        return np.mean([learner.round(number)["objective"] for number in range(30)][-10:])

    env = {"power_action": "log"}
    own = end(credit="own", params={**env, "reward": "difference"})
    assert own < 0.9 * end(params=env)


def test_own_credit_is_of_a_slot():
    with pytest.raises(DtbenchError, match="'gamma' is 0.9"):
        make_learner("mec-synchronization/tiny", credit="own", gamma=0.9)


def test_no_group_left_is_refused():
    with pytest.raises(DtbenchError, match="no group is left"):
        make_learner("dnt-spectrum/tiny", apart="bs")


def test_idle_entries_do_not_count():
    """Actions of users without request may be anything: the update is the same to the bit."""

    def run(noise):
        learner = make_learner("mec-synchronization/tiny", sequential=True)
        rollout = collect(learner.env, learner.policy, (), np.random.default_rng(0), 1, learner.timed)
        for acts in rollout.acts.values():
            assert not acts.counts.all()
            acts.actions[~acts.counts] = noise
        with torch.no_grad():
            learner.update(rollout, np.random.default_rng(1))
        return weights(learner)

    assert_same(run(0.1), run(0.9))


def test_gaussian_deviations_do_not_depend_on_the_state():
    learner = make_learner("satellite-offloading/tiny", GaussianPolicy)
    learner.round(0)
    stack, width = learner.actors["controller"], learner.env.encoding.groups[0].space.width
    assert (stack.weights["output.weight"][..., width:] == 0).all()
    assert (stack.weights["output.bias"][..., width:] != math.log(0.3)).all()


@pytest.mark.parametrize("kind", [BetaPolicy, GaussianPolicy])
@pytest.mark.parametrize("shared", [True, False])
def test_learner_and_policy_agree_by_entry(kind, shared):
    """What the policy draws from is what the learner differentiates: the same outputs, entry for entry."""
    learner = make_learner("edge-migration/tiny", kind, shared=shared, by_entry=True)
    learner.round(0)
    rollout = collect(learner.env, learner.policy, (), np.random.default_rng(0), 1, learner.timed)
    given = {"server": rollout.acts["server"].features.swapaxes(0, 1)}
    rows = len(given["server"])
    outputs, _ = learner.policy.outputs(Observation(given, {}, rollout.states[0]), learner.policy.start(rows))
    heads = {BetaPolicy: BetaHead, GaussianPolicy: GaussianHead}
    for unit in learner._units(rollout):
        unit.look()
        for agent in unit.acted.agent.unique():
            mine, acts = unit.acted.agent == agent, rollout.acts["server"]
            actions, every = torch.from_numpy(acts.actions[agent]), torch.from_numpy(acts.counts[agent])
            terms = heads[kind](actions, every).evaluate(torch.from_numpy(outputs["server"][:, agent].copy()))
            assert_close(unit.log_prob[mine], terms.log_prob[unit.acted.row[mine]], atol=1e-4, rtol=1e-4)


def test_policy_by_entry_goes_round():
    learner = make_learner("edge-migration/tiny", by_entry=True)
    learner.round(0)
    policy, seen = learner.policy, learner.env.reset(seed=0)
    again = BetaPolicy.restore(learner.env.encoding, policy.facts(), policy.arrays(), "file")
    assert_array_equal(again.act(seen, again.start(3))[0], policy.act(seen, policy.start(3))[0])


@pytest.mark.parametrize("kind", [BetaPolicy, GaussianPolicy])
def test_first_mean_and_deviation_are_the_options(kind):
    learner = make_learner("satellite-offloading/tiny", kind, mean=0.7, deviation=0.1)
    seen = learner.env.reset(seed=0)
    rng = np.random.default_rng(0)
    memory = learner.policy.start(3)
    drawn = [learner.policy.choose(seen, memory, rng, None)[0].actions["controller"] for _ in range(300)]
    assert np.std(drawn) == pytest.approx(0.1, rel=0.05)
    assert np.mean(drawn) == pytest.approx(0.7, abs=0.01)


def test_impossible_shapes_are_refused():
    with pytest.raises(DtbenchError, match="smaller deviation"):
        make_learner("satellite-offloading/tiny", mean=0.9, deviation=0.2)


def test_minibatches_part_the_rows():
    rng = np.random.default_rng(0)
    parts = list(minibatches(11, 3, rng))
    assert sorted(torch.cat(parts).tolist()) == list(range(11))
    assert list(minibatches(11, 1, rng)) == [None]


@pytest.mark.parametrize("sequential", [True, False])
def test_learning_improves(sequential):
    """mec-synchronization/tiny, user powers only matter a little at first: the reward rises within 12 rounds."""
    learner = make_learner(
        "mec-synchronization/tiny", sequential=sequential, shared=not sequential, parallel=40, episodes=480,
        actor_rate=3e-3, critic_rate=3e-3, epochs=8,
    )  # fmt: skip
    rewards = [learner.round(number)["reward"] for number in range(16)]
    assert np.mean(rewards[-4:]) > np.mean(rewards[:4]) + 0.1 * abs(np.mean(rewards[:4]))

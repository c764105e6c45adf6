"""The training loop with a learner out of numpy, and validation against the referee."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.encoding import Observation
from dtbench.envs import BatchEnv
from dtbench.learning import training
from dtbench.learning.networks import Network
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.training import Learner, Validation, fit, ordered
from dtbench.problems import problem
from dtbench.referee import walk


class Walk(Learner):
    """A weight that walks at random; each round is two episodes of five slots."""

    def __init__(self, rounds, seed=0, clock=None):
        super().__init__()
        self.rounds = rounds
        self.weight = np.zeros(1, dtype=np.float32)
        self.policy = SimpleNamespace(arrays=lambda: {"w": self.weight})
        self.rng = np.random.default_rng(seed)
        self.clock = clock
        self.numbers = []

    def round(self, number):
        self.numbers.append(number)
        self.episodes += 2
        self.frames += 10
        step = self.rng.normal()
        self.weight += np.float32(step)  # in place, as an optimiser does
        if self.clock is not None:
            self.clock.now += 10.0
        return {"step": step}

    def state(self):
        return {"w": self.weight.copy()}, {"rng": self.rng.bit_generator.state, "played": [self.episodes, self.frames]}

    def load(self, state):
        arrays, facts = state
        self.weight[...] = arrays["w"]
        self.rng.bit_generator.state = facts["rng"]
        self.episodes, self.frames = facts["played"]


class Script(Walk):
    """The weight is what the list says after each round."""

    def __init__(self, values):
        super().__init__(len(values) - 1)
        self.values = values
        self.weight[...] = values[0]

    def round(self, number):
        super().round(number)
        self.weight[...] = self.values[number + 1]
        return {}


class FakeValidation:
    """The objective is the weight, the reward minus that."""

    def __init__(self, sense="min", clock=None):
        self.env = SimpleNamespace(problem=SimpleNamespace(sense=sense), encoding=SimpleNamespace(keep_by="objective"))
        self.clock = clock

    def __call__(self, policy):
        if self.clock is not None:
            self.clock.now += 3.0
        weight = float(policy.arrays()["w"][0])
        return weight, -weight


class Clock:
    """A clock that only the learner and the validation move."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """What the training loop takes for the time."""
    own = Clock()
    monkeypatch.setattr(training, "time", own)
    return own


def rows(curve):
    """A curve without its times."""
    return [(p.round, p.episodes, p.frames, p.objective, p.reward) for p in curve]


def test_where_agents_are_paid_for_what_they_ask_the_best_paid_is_kept():
    """The weight 4 has the highest reward here and the worst of the objectives."""

    class Asked(FakeValidation):
        def __call__(self, policy):
            objective, _ = super().__call__(policy)
            return objective, objective

    validation = Asked()
    validation.env.encoding.keep_by = "reward"
    trained = fit(Script([1, 4, 3]), validation, every=1)
    assert trained.best.objective == 4.0
    assert trained.arrays["w"] == 4.0


def test_curve_by_hand():
    """Seven rounds, every third validated: before the first, after 3, 6, and at the end."""
    trained = fit(Script([5, 9, 9, 4, 9, 9, 3, 6]), FakeValidation(), every=3)
    assert rows(trained.curve) == [
        (0, 0, 0, 5.0, -5.0),
        (3, 6, 30, 4.0, -4.0),
        (6, 12, 60, 3.0, -3.0),
        (7, 14, 70, 6.0, -6.0),
    ]
    assert trained.learner.numbers == list(range(7))


@pytest.mark.parametrize(("every", "validated"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (3, [0, 3, 4]), (9, [0, 4])])
def test_validated_every_n_rounds_and_at_the_end(every, validated):
    assert [p.round for p in fit(Walk(4), FakeValidation(), every=every).curve] == validated


@pytest.mark.parametrize(
    ("sense", "values", "kept"),
    [
        ("min", [5, 2, 7, 3], 1),
        ("max", [5, 2, 7, 3], 2),
        ("min", [1, 2, 7, 3], 0),  # nothing was ever better than the start
        ("max", [1, 2, 3, 4], 3),
        ("min", [5, 2, 2, 2], 1),  # the first of equals
    ],
)
def test_the_best_is_kept(sense, values, kept):
    """By the problem's sense, and as a copy: later rounds go on in place."""
    learner = Script(values)
    trained = fit(learner, FakeValidation(sense), every=1)
    assert trained.best.round == kept
    assert trained.best == trained.curve[kept]
    assert_array_equal(trained.arrays["w"], [values[kept]])
    assert learner.weight[0] == values[-1]


@pytest.mark.parametrize("sense", ["min", "max"])
def test_a_policy_without_a_score_is_never_the_best(sense):
    """NaN before the first round is displaced by any number, and displaces none."""
    trained = fit(Script([np.nan, 3.0, np.nan]), FakeValidation(sense), every=1)
    assert trained.best.round == 1
    assert_array_equal(trained.arrays["w"], [3.0])


def test_no_rounds_keep_the_start():
    trained = fit(Script([5]), FakeValidation(), every=1)
    assert rows(trained.curve) == [(0, 0, 0, 5.0, -5.0)]
    assert_array_equal(trained.arrays["w"], [5.0])


def test_report_after_each_round():
    told = []
    trained = fit(Walk(5), FakeValidation(), every=2, report=told.append)
    assert [p.round for p in told] == [1, 2, 3, 4, 5]
    assert all(p.rounds == 5 and p.learner is trained.learner and "step" in p.metrics for p in told)
    assert [p.point is not None for p in told] == [False, True, False, True, True]
    assert [p.point for p in told if p.point] == trained.curve[1:]
    assert told[0].best == trained.curve[0]
    assert told[-1].best == trained.best


def test_time_left_by_hand(clock):
    """Rounds take 10 s, validations 3 s: one before, one every second round, one after the fifth.

    After round 1 the rounds took 10 s: 4 x 10 left. After 2 they took 23 s: 3 x 23 / 2 left, and so on.
    """
    told = []
    trained = fit(Walk(5, clock=clock), FakeValidation(clock=clock), every=2, report=told.append)
    assert_allclose([p.elapsed for p in told], [13, 26, 36, 49, 62])
    assert_allclose([p.left for p in told], [40, 3 * 23 / 2, 2 * 33 / 3, 46 / 4, 0])
    assert_allclose([p.seconds for p in trained.curve], [3, 26, 49, 62])
    assert trained.seconds == 62.0


def test_time_goes_on_after_an_interruption(clock):
    """26 s had passed after round 2; the pace of the rest counts from there alone."""
    learner, kept = Walk(5, clock=clock), {}

    def save(memo, learner):
        kept[memo.round] = copy.deepcopy(memo), learner.state()

    whole = fit(learner, FakeValidation(clock=clock), every=2, save=save)
    clock.now += 1000.0
    memo, state = kept[2]
    again, told = Walk(5, clock=clock), []
    again.load(state)
    trained = fit(again, FakeValidation(clock=clock), every=2, memo=memo, report=told.append)
    assert trained.curve == whole.curve
    assert_allclose([p.elapsed for p in told], [36, 49, 62])
    assert_allclose([p.left for p in told], [2 * 10, 23 / 2, 0])
    assert trained.seconds == 62.0


@pytest.mark.parametrize("at", [0, 3, 6, 9, 10])
def test_an_interrupted_training_ends_the_same(at):
    """From every point where it was saved, the last one included: no round is played twice or left out."""
    kept = {}

    def save(memo, learner):
        kept[memo.round] = copy.deepcopy(memo), copy.deepcopy(learner.state())

    whole = fit(Walk(10, seed=4), FakeValidation(), every=3, save=save)
    assert list(kept) == [0, 3, 6, 9, 10]
    memo, state = kept[at]
    learner = Walk(10, seed=99)
    learner.load(state)
    again = fit(learner, FakeValidation(), every=3, memo=memo)
    assert learner.numbers == list(range(at, 10))
    assert rows(again.curve) == rows(whole.curve)
    assert rows([again.best]) == rows([whole.best])
    assert_array_equal(again.arrays["w"], whole.arrays["w"])


def test_saved_when_the_best_is_known():
    """What is saved holds the point just validated, and the best so far."""
    saved = []

    def save(memo, learner):
        saved.append((memo.round, len(memo.curve), memo.best.round, float(memo.arrays["w"][0]), learner.episodes))

    fit(Script([5, 2, 7]), FakeValidation(), every=1, save=save)
    assert saved == [(0, 1, 0, 5.0, 0), (1, 2, 1, 2.0, 2), (2, 3, 1, 2.0, 4)]


def test_timed_adds_up(clock):
    """Also where the block fails."""
    learner = Walk(1)

    def fail():
        with learner.timed("acting"):
            clock.now += 4.0
            raise KeyboardInterrupt

    with learner.timed("acting"):
        clock.now += 2.0
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert learner.seconds == {"environment": 0.0, "acting": 6.0, "update": 0.0}


def make_policy(owner, instance, memory=4, seed=0):
    """Random weights, a GRU each, in a problem whose agents act in integers."""
    encoding, rng = owner.encodings(instance)["agents"], np.random.default_rng(seed)
    networks, weights = {}, {}
    for group in encoding.groups:
        networks[group.name] = own = Network(
            inputs=group.observation, hidden=(8,), outputs=ValuePolicy.n_outputs(group), memory=memory,
            copies=group.count,
        )  # fmt: skip
        weights |= {f"{group.name}/{k}": rng.normal(size=s).astype(np.float32) for k, s in own.shapes.items()}
    return ValuePolicy(encoding, networks, weights)


def lead(observation):
    """One row."""
    return Observation(
        {k: v[None] for k, v in observation.agents.items()},
        {k: v[None] for k, v in observation.masks.items()},
        observation.state[None],
    )


def score_by_hand(owner, instance, policy, in_order):
    """Mean objective and reward of one trace as the referee plays it, the policy deciding slot by slot."""
    kept, rewards = policy.start(1), []

    def decide(t, slot):
        nonlocal kept
        next_mask = (lambda x, agent: owner.next_mask(slot, x, agent)) if in_order else None
        x, kept = policy.act(lead(owner.observe(slot)), kept, next_mask=next_mask)
        decision = policy.encoding.decode(slot, x[0])
        rewards.append(float(owner.reward(slot, owner.evaluate(slot, decision))))
        return decision

    return walk(owner, instance, decide)[1].mean, np.mean(rewards)


CASES = [("stin-deployment", True), ("dnt-spectrum", False)]


@pytest.mark.parametrize(("name", "in_order"), CASES)
def test_validation_is_what_the_referee_says(name, in_order):
    """On the traces that the seed gives: objective and reward of each, played alone, then the mean."""
    owner = problem(name)
    instance = owner.generate("tiny", 7)
    policy = make_policy(owner, instance)
    traces = owner.resample(instance, np.random.default_rng(np.random.SeedSequence(33)), (4,))
    by_hand = [score_by_hand(owner, traces[i], policy, in_order) for i in range(4)]
    assert len({objective for objective, _ in by_hand}) == 4
    assert_allclose(Validation(owner, instance, traces=4, seed=33)(policy), np.mean(by_hand, axis=0), rtol=1e-9)


@pytest.mark.parametrize(("name", "in_order"), CASES)
def test_validation_gives_the_same_number_twice(name, in_order):
    """Also after another policy, and from another object; another seed gives other traces."""
    owner = problem(name)
    instance = owner.generate("tiny", 7)
    policy, other = (make_policy(owner, instance, seed=seed) for seed in (0, 1))
    validation = Validation(owner, instance, traces=3)
    first = validation(policy)
    assert all(math.isfinite(value) for value in first)
    assert validation(other) != first
    assert validation(policy) == first
    assert Validation(owner, instance, traces=3)(policy) == first
    assert Validation(owner, instance, traces=3, seed=1)(policy) != first


def test_validation_draws_where_it_is_told_to():
    """Traces come from ``draw``: three copies of another instance score as that one played alone."""
    owner = problem("stin-deployment")
    instance = owner.generate("tiny", 7)
    policy, asked = make_policy(owner, instance), []

    def draw(rng, batch):
        asked.append(batch)
        other = owner.generate("tiny", 8)
        return type(other).stack([other] * batch)

    expected = score_by_hand(owner, owner.generate("tiny", 8), policy, True)
    assert_allclose(Validation(owner, instance, traces=3, draw=draw)(policy), expected, rtol=1e-9)
    assert asked == [3]


@pytest.mark.parametrize("name", ["dnt-spectrum", "mec-synchronization", "edge-migration"])
def test_agents_act_at_the_same_time_elsewhere(name):
    owner = problem(name)
    env = BatchEnv(owner, owner.generate("tiny", 7), 2, fresh=True, seed=0)
    env.reset()
    assert ordered(env) is None


def test_users_of_stin_deployment_act_in_order():
    """The mask of the second user is that of the first, less the device that the first has filled."""
    owner = problem("stin-deployment")
    env = BatchEnv(owner, owner.generate("tiny", 7), 2, fresh=True, seed=0)
    env.reset()
    next_mask = ordered(env)
    x = np.zeros((2, env.n_agents), dtype=np.int64)
    room = np.broadcast_to(env.slot.cap_end, (2, 2))
    always = np.ones((2, 1), dtype=bool)
    assert_array_equal(next_mask(x, 0), np.concatenate([always, room > 0, always], axis=1))
    x[:, :4] = 1  # four users on the first device, which takes at most three
    taken = np.concatenate([always, ~always, room[:, 1:] > 0, always], axis=1)
    assert_array_equal(next_mask(x, 4), taken)

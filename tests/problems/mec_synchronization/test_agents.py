"""Agents: lengths, decoding by hand, what counts, rewards of the control centre."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import make_env
from dtbench.problems.mec_synchronization import agents

from .hand import MEC, hand_slot, slots_of


def joint(slot, *, mu=(0.0, 0.0), wire=None, cpu=None, host=None):
    """A joint action of the hand slot: powers, then per base station wires and processors, then hosts."""
    stations = np.zeros((2, 2, 2))
    stations[:, 0] = 0.5 if wire is None else wire
    stations[:, 1] = 0.5 if cpu is None else cpu
    x = np.concatenate([np.array(mu, dtype=float), stations.ravel()])
    return x if host is None else np.concatenate([x, np.array(host, dtype=float)])


@pytest.mark.parametrize("size", ["paper", "closed-paper"])
def test_lengths_of_the_paper_size(size):
    """K = 30, M = 5: 4 M + 9 = 29, 1 + 2 M + K (10 + M) = 461, 2 K M + 2 M + 3 K + 1 = 401, 9 K + 3 K M + 1 = 721."""
    instance = MEC.generate(size, 0, frame_slots=5)
    groups = {g.name: (g.count, g.observation, g.space.width) for g in MEC.encodings(instance)["agents"].groups}
    expected = {"mu": (30, 29, 1), "bs": (5, 461, 60)} | ({"cc": (1, 401, 30)} if size == "closed-paper" else {})
    assert groups == expected
    seen = MEC.observe(MEC.slot(instance, 0, MEC.start(instance)))
    assert seen.state.shape == (721,)
    assert set(seen.masks) == ({"cc"} if size == "closed-paper" else set())


def test_lengths_of_the_papers_observations():
    """2 M + 7 = 17, 1 + 2 M + K (8 + M) = 401, K M + 2 M + 2 K = 220."""
    instance = MEC.generate("closed-paper", 0, frame_slots=5, observation="paper")
    seen = MEC.observe(MEC.slot(instance, 0, MEC.start(instance)))
    assert {name: value.shape for name, value in seen.agents.items()} == {
        "mu": (30, 17), "bs": (5, 401), "cc": (1, 220)
    }  # fmt: skip
    assert agents.lengths(instance.params) == (17, 401, 220)


@pytest.mark.parametrize("size", ["closed-tiny", "tiny", "closed-small"])
@pytest.mark.parametrize("observation", ["paper", "extended", "cell"])
def test_observations_are_scaled_and_silent_users_hidden(size, observation):
    slots = slots_of(size, 0, observation=observation)
    seen = MEC.observe(slots)
    for value in [*seen.agents.values(), seen.state]:
        assert value.dtype == np.float32
        assert (np.abs(value) <= 2.01).all()
    idle = ~slots.request
    bs = slots.n_bs
    assert not seen.agents["mu"][idle][:, 3 + 2 * bs : 7 + 2 * bs].any()


def test_a_user_sees_itself_by_hand():
    """User 2 of 2 at (0.9, 0) km, stations, a, D / 25e3, C / 700, tau / 20e-3, gains, host, queue, no migration."""
    row = MEC.observe(hand_slot()).agents["mu"][1]
    gains = (np.log10([5e-9, 1e-8]) + 8.0) / 2.0
    assert_allclose(
        row, [1.0, 0.9, 0, 0, 0, 1, 0, 1, 0.64, 650 / 700, 0.6, *gains, 0, 1, 1 / 3, 0], rtol=1e-6
    )  # fmt: skip


def test_places_by_hand():
    """Users 0, 1, 3 ask in cell 0, queues 5, 9, 5, gains 3, 1, 2; user 2 alone in cell 1; user 4 does not ask."""
    instance = MEC.generate("tiny", 0, n_users=5, n_bs=2, observation="cell")
    slot = MEC.slot(instance, 0, MEC.start(instance))
    own = np.array([3.0, 1.0, 2.0, 2.0, 9.0])
    access = np.array([0, 0, 1, 0, 0])
    slot = dataclasses.replace(
        slot, request=np.array([True, True, True, True, False]), moving=np.zeros(5, dtype=np.int64),
        bs_xy=np.array([[0.0, 0.0], [100.0, 0.0]]), user_xy=np.stack([90.0 * access, np.zeros(5)], axis=-1),
        queue=np.array([5.0, 9.0, 1.0, 5.0, 9.0]), queue_frame=np.array([5.0, 9.0, 1.0, 5.0, 9.0]),
        gain=np.where(np.arange(2) == access[:, None], own[:, None], 0.5),
    )  # fmt: skip
    wanted = [[3, 1, 0], [3, 0, 2], [1, 0, 0], [3, 2, 1], [0, 0, 0]]
    assert_allclose(agents.places(slot), np.array(wanted) / 8.0)
    assert_allclose(MEC.observe(slot).agents["mu"][:, -3:], np.array(wanted) / 8.0)


def test_decode_by_hand():
    """Both twins on server 1; it says 0.9 and 0.3: 7.5 and 2.5 GHz. User 0 has the wire for itself; p = 0.5 u."""
    slot = hand_slot(host=(1, 1))
    decision = agents.decode(slot, joint(slot, mu=(0.2, 1.0), cpu=[[0.0, 0.0], [0.9, 0.3]]))
    assert_allclose(decision.power, [0.1, 0.5])
    assert_allclose(decision.cpu, [7.5e9, 2.5e9])
    assert_allclose(decision.wire, [10e6, 0.0])
    log = dataclasses.replace(slot, params=slot.params.replace({"power_action": "log"}))
    assert_allclose(agents.decode(log, joint(slot, mu=(0.01, 0.5))).power, [0.0, 0.5 * 10**-1.5])


def test_power_as_a_margin_by_hand():
    """Without interference user 0 needs gamma sigma^2 / g = 0.114387 * 1e-9 / 2e-8 W; 30 dB over u = 0.2 to 1.

    User 1 with its twin on server 0: 1.6 ms on the wire leave 9.36 ms. Where computing alone is too long: silence.
    """
    slot = hand_slot(power_action="margin")
    assert_allclose(
        agents.decode(slot, joint(slot, mu=(0.2, 0.6))).power, [5.71935e-3, 1.06486e-2 * 10**1.5], rtol=1e-5
    )
    assert_allclose(agents.decode(slot, joint(slot, mu=(0.19, 1.0))).power, [0.0, 0.5])
    far = hand_slot(power_action="margin", host=(0, 0))
    wanted = (2 ** (16000 / (10e6 * 9.36e-3)) - 1) * 1e-9 / 1e-8
    assert_allclose(agents.decode(far, joint(far, mu=(0.2, 0.2))).power[1], wanted, rtol=1e-6)
    slow = dataclasses.replace(slot, cycles=np.array([600.0, 7500.0]))  # 12 ms of 12
    assert_allclose(agents.decode(slow, joint(slow, mu=(0.2, 0.9))).power, [5.71935e-3, 0.0], rtol=1e-5)


def test_queues_look_no_longer_than_the_greatest_reference():
    """y_max = 30: what agents see of queues of 30 and of 300 is the same."""
    seen = [MEC.observe(hand_slot(queue=(queue, 15.0))) for queue in (30.0, 300.0)]
    for name in ("mu", "bs"):
        assert_array_equal(seen[0].agents[name], seen[1].agents[name])
    assert_array_equal(seen[0].state, seen[1].state)


def test_users_without_request_get_nothing():
    slot = hand_slot(request=(True, False), host=(1, 1))
    decision = agents.decode(slot, joint(slot, mu=(0.2, 1.0)))
    assert_array_equal(decision.power > 0, [True, False])
    assert_allclose(decision.cpu, [10e9, 0.0])


def test_hosts_apply_at_the_start_of_a_frame():
    start, later = hand_slot(protocol="closed"), hand_slot(protocol="closed", start=False)
    moved = agents.decode(start, joint(start, mu=(0.1, 0.1), host=(1, 1)))
    assert_array_equal(moved.host, [1, 1])
    assert moved.power[0] == 0.0  # on the move
    assert_array_equal(agents.decode(later, joint(later, host=(1, 1))).host, [0, 1])
    real = hand_slot(protocol="closed", host_action="real")
    assert_array_equal(agents.decode(real, joint(real, host=(0.7, 0.2))).host, [1, 0])


def test_centre_reward_by_hand():
    """At home: (12e6 + 10.4e6) / 10e9 = 2.24 ms; both on 1: twice that and 2 ms of wire = 6.48 ms; over 2 x 20 ms."""
    slot = hand_slot(protocol="closed", start=False)
    assert_allclose(agents.centre_reward(slot, np.array([0, 1])), -2.24e-3 / 2 / 20e-3)
    assert_allclose(agents.centre_reward(slot, np.array([1, 1])), -6.48e-3 / 2 / 20e-3)
    assert_allclose(agents.centre_reward(hand_slot(request=(False, True)), np.array([1, 1])), -1.04e-3 / 2 / 20e-3)


def test_the_control_centre_is_paid_for_what_it_proposes():
    """Within a frame hosts stay; its reward is that of the proposal, the others' that of the decision."""
    slot = hand_slot(protocol="closed", start=False)
    encoding = MEC.encodings(MEC.generate("closed-tiny", 0, n_users=2))["agents"]
    x = joint(slot, mu=(0.1, 0.1), host=(1, 1))
    outcome = MEC.evaluate(slot, encoding.decode(slot, x))
    rewards = encoding.agent_rewards(slot, x, outcome)
    assert_allclose(rewards, [*[-0.05 * outcome.objective] * 4, -6.48e-3 / 2 / 20e-3])
    assert_allclose(MEC.agent_rewards(slot, outcome, 5)[-1], -2.24e-3 / 2 / 20e-3)


def test_reward_of_xi():
    slot = hand_slot(reward="xi")
    outcome = MEC.evaluate(slot, agents.decode(slot, joint(slot)))
    assert_allclose(MEC.reward(slot, outcome), -0.05 * (10.0 - 0.2 * 10.0))


def test_what_counts_by_hand():
    """User 0 is remote: base station 0 sets its wire, 1 its processor and user 1's."""
    counts = MEC.effective(hand_slot(host=(1, 1)))
    assert_array_equal(counts["mu"], [[True], [True]])
    assert_array_equal(counts["bs"], [[True, False, False, False], [False, False, True, True]])
    idle = MEC.effective(hand_slot(host=(1, 1), request=(False, True)))
    assert_array_equal(idle["bs"], [[False] * 4, [False, False, False, True]])


@pytest.mark.parametrize("size", ["closed-tiny", "tiny"])
def test_entries_that_do_not_count_change_nothing(size):
    slots = slots_of(size, 3)
    instance = MEC.generate(size, 3)
    encoding, rng = MEC.encodings(instance)["agents"], np.random.default_rng(0)
    x, other = encoding.sample(rng, slots.batch_shape), encoding.sample(rng, slots.batch_shape)
    counts = MEC.effective(slots)
    free = np.concatenate([counts[g.name].reshape(*slots.batch_shape, -1) for g in encoding.groups], axis=-1)
    changed = np.where(free, x, other)
    for name, _, value in encoding.decode(slots, x).arrays():
        assert_array_equal(value, getattr(encoding.decode(slots, changed), name))


def test_batches_of_joint_actions_equal_the_loop():
    slots = slots_of("closed-small", 1)
    encoding = MEC.encodings(MEC.generate("closed-small", 1))["agents"]
    x = encoding.sample(np.random.default_rng(1), slots.batch_shape)
    together = encoding.decode(slots, x)
    outcome = MEC.evaluate(slots, together)
    rewards = encoding.agent_rewards(slots, x, outcome)
    for t in range(0, 40, 7):
        alone = encoding.decode(slots[t], x[t])
        assert_allclose(alone.cpu, together.cpu[t], rtol=1e-12)
        assert_allclose(encoding.agent_rewards(slots[t], x[t], MEC.evaluate(slots[t], alone)), rewards[t], rtol=1e-9)


def test_environments_of_both_protocols():
    """PettingZoo's agents; the control centre's reward differs from the others'; Gymnasium's joint action."""
    env = make_env("mec-synchronization/closed-tiny", "parallel", seed=0)
    env.reset(seed=0)
    assert env.possible_agents == [*(f"mu_{k}" for k in range(5)), "bs_0", "bs_1", "cc_0"]
    for agent in env.possible_agents:
        env.action_space(agent).seed(1)
    _, rewards, _, _, infos = env.step({a: env.action_space(a).sample() for a in env.agents})
    assert len({rewards[a] for a in env.possible_agents[:-1]}) == 1
    assert rewards["cc_0"] != rewards["mu_0"]
    assert [mask.shape for mask in infos["cc_0"]["action_mask"]] == [(2,)] * 5
    assert make_env("mec-synchronization/tiny", "parallel").possible_agents[-1] == "bs_1"
    single = make_env("mec-synchronization/closed-tiny", "gym")
    observation, _ = single.reset(seed=0)
    assert observation.shape == (9 * 5 + 3 * 10 + 1,)
    single.step(single.action_space.sample())

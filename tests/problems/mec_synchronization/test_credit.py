"""Difference rewards: against decisions that are evaluated one by one."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import BatchEnv
from dtbench.problems.mec_synchronization import credit

from .hand import MEC, hand_slot, slots_of


@pytest.mark.parametrize("interference", ["physical", "printed"])
@pytest.mark.parametrize("energy_cap", [True, False])
def test_against_the_referee(interference, energy_cap):
    """J of the decision with one user silent, or one base station splitting equally, slot by slot."""
    instance = MEC.generate("tiny", 3, interference=interference, energy_cap=energy_cap)
    encoding, rng = MEC.encodings(instance)["agents"], np.random.default_rng(0)
    state = MEC.start(instance)
    for t in range(4):
        slot = MEC.slot(instance, t, state)
        x = encoding.sample(rng, ())
        decision = encoding.decode(slot, x)
        found = credit.differences(slot, decision)
        before = MEC.evaluate(slot, decision).objective
        for user in range(slot.n_users):
            power = np.where(np.arange(slot.n_users) == user, 0.0, decision.power)
            without = MEC.evaluate(slot, dataclasses.replace(decision, power=power)).objective
            assert_allclose(found[user], without - before, atol=1e-12)
        for station in range(slot.n_bs):
            plain = x.copy()
            whole = plain[slot.n_users :].reshape(slot.n_bs, 2 * slot.n_users)
            whole[station] = 0.5
            without = MEC.evaluate(slot, encoding.decode(slot, plain)).objective
            assert_allclose(found[slot.n_users + station], without - before, atol=1e-12)


def test_two_users_by_hand():
    """Users 0 and 1 at the least powers of both served, J = 0.983619; without one, its queue of 10 counts half.

    The other then sends faster than it needs: its energy is p D / (B log2(1 + p g / sigma^2)).
    """
    slot = hand_slot()
    decision = MEC.exact(slot).decision
    alone = [
        p * bits / (10e6 * np.log2(1.0 + p * gain / 1e-9)) / 1e-4
        for p, bits, gain in zip(decision.power, (20000, 16000), (2e-8, 1e-8), strict=True)
    ]
    expected = [(10.0 + alone[1]) / 2 - 0.983619, (10.0 + alone[0]) / 2 - 0.983619]
    assert_allclose(credit.differences(slot, decision)[:2], expected, atol=2e-6)
    assert_allclose(credit.differences(slot, decision)[2:], 0.0, atol=1e-9)  # a twin per server: nothing to split


def test_silent_users_add_nothing_and_batches_are_members():
    instance = MEC.generate("small", 0)
    slots = slots_of("small", 0)
    encoding = MEC.encodings(instance)["agents"]
    x = encoding.sample(np.random.default_rng(1), slots.batch_shape)
    decision = encoding.decode(slots, x)
    found = credit.differences(slots, decision)
    assert found.shape == (*slots.batch_shape, instance.params.n_users + instance.params.n_bs)
    idle = ~slots.request
    assert idle.any()
    assert_array_equal(found[..., : instance.params.n_users][idle], 0.0)
    assert_allclose(found[3], credit.differences(slots[3], decision[3]), atol=1e-12)


def test_the_environment_pays_them():
    """``reward=difference``: the team earns as ever; the control centre, its own reward."""
    for protocol in ("reference", "closed"):
        earned = {}
        for reward in ("objective", "difference"):
            instance = MEC.generate("tiny", 0, reward=reward, protocol=protocol)
            env = BatchEnv(MEC, instance, 2, seed=0)
            env.reset(seed=0)
            x = env.encoding.sample(np.random.default_rng(0), (2,))
            slot = env.slot
            earned[reward] = env.step(x)
        plain, own = earned["objective"], earned["difference"]
        assert_array_equal(plain.reward, own.reward)
        agents = slot.n_users + slot.n_bs
        expected = slot.params.reward_scale * credit.differences(slot, env.encoding.decode(slot, x))
        assert_allclose(own.agent_rewards[:, :agents], np.broadcast_to(expected, (2, agents)))
        assert_array_equal(plain.agent_rewards[:, agents:], own.agent_rewards[:, agents:])
        assert (own.agent_rewards[:, :agents] != plain.agent_rewards[:, :agents]).any()

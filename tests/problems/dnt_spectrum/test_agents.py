"""Claims to decisions, links to decisions, what base stations see, and what they earn."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs.batch import BatchEnv
from dtbench.problems.dnt_spectrum.genes import choices_of

from .hand import DNT, hand_slot, make_slot, random_slot


def encoding(name, size="tiny", **params):
    return DNT.encodings(DNT.generate(size, 0, **params))[name]


def three_slot(**params):
    """Users: 0 in discs 0 and 1, nearer to 1 and e = 4; 1 in disc 0 only, e = 0; 2 in disc 2 only, e = 9."""
    here = [[-45.0, 0.0], [-110.0, 0.0], [100.0, 30.0]]
    seen = [[-43.0, 0.0], [-110.0, 0.0], [100.0, 33.0]]
    return make_slot(here, seen, age=[1, 4, 20], elapsed=3, **{"n_rb": 4, "horizon": 6} | params)


def three_encoding(name="agents", **params):
    return encoding(name, **{"n_users": 3, "n_rb": 4, "horizon": 6} | params)


def test_spaces():
    """Three base stations with 1 + 5 binary entries see 22 numbers, 15 as in the paper; genes: 1 + 2 * 3, and 1 + 3."""
    agents, search = encoding("agents"), encoding("search")
    assert agents.agents == ("bs_0", "bs_1", "bs_2")
    assert (agents.size, agents.groups[0].observation) == (18, 22)
    assert encoding("agents", obs="paper").groups[0].observation == 15
    assert search.high.tolist() == [6] * 5 + [3] * 3


@pytest.mark.parametrize(("radius", "expected"), [(40.0, 1), (60.0, 2), (110.0, 6)])
def test_choices_are_a_multiple_of_all_overlaps(radius, expected):
    """Up to 1, 2 or 3 discs overlap: 1, 2 and 6 = lcm(1, 2, 3) values per RB give each base station the same chance."""
    assert choices_of(DNT.params("tiny", {"radius": radius})) == expected


def test_decode_claims_by_hand():
    """Masts 0 and 1 claim user 0: the nearer gets it. Users 1 and 2 are claimed by the only one they see."""
    x = np.array([[0, 1, 0, 1], [1, 1, 1, 0], [0, 1, 0, 0]]).ravel()
    found = three_encoding().decode(three_slot(), x)
    assert_array_equal(found.bs, [1, 0, 2])
    assert_array_equal(found.claims, [[True, True, False], [True, False, False], [False, False, True]])
    assert_array_equal(found.up >= 0, [False, True, False])


def test_without_forced_claims_users_may_be_left_out():
    slot = three_slot(force_single=False)
    found = three_encoding(force_single=False).decode(slot, np.zeros(12, dtype=int))
    assert_array_equal(found.bs, [-1, -1, -1])
    assert not found.claims.any()
    assert three_encoding().decode(three_slot(), np.zeros(12, dtype=int)).bs.tolist() == [-1, 0, 2]


@pytest.mark.parametrize("allocator", ["hungarian", "exact"])
def test_decoded_actions_are_feasible_and_exact_allocation_is_no_worse(allocator):
    slot = random_slot(1, "small", allocator=allocator)
    agents = encoding("agents", "small", allocator=allocator)
    x = agents.sample(np.random.default_rng(0), (12,))
    outcome = DNT.evaluate(slot, agents.decode(slot, x))
    assert outcome.feasible.all()
    if allocator == "exact":
        in_turn = DNT.evaluate(slot, encoding("agents", "small").decode(dataclasses.replace(
            slot, params=slot.params.replace({"allocator": "hungarian"})), x))  # fmt: skip
        same = outcome.metrics["n_uploads"] == in_turn.metrics["n_uploads"]
        assert (outcome.metrics["rate_sum"][same] >= in_turn.metrics["rate_sum"][same] - 1e-9).all()
        assert same.any()


def test_decode_links_by_hand():
    """Gene 1 + k N + n: RB n of the k-th mast that covers the user, cyclically. N = 4."""
    search = three_encoding("search")
    found = search.decode(three_slot(), np.array([1 + 4 + 2, 1 + 0, 1 + 4 + 3, 0, 2, 0]))
    assert_array_equal(found.bs, [1, 0, 2])
    assert_array_equal(found.rb, [2, 0, 3])
    assert_array_equal(found.up, [-1, 1, -1])
    assert_array_equal(search.encode(three_slot(), found), [7, 1, 4, 0, 2, 0])
    none = search.decode(three_slot(), np.zeros(6, dtype=int))
    assert (none.bs == -1).all()
    assert (none.up == -1).all()


def test_random_draw_serves_everybody_and_uploads_half_of_the_time():
    x = encoding("search", "paper").sample(np.random.default_rng(0), (2000,))
    assert x[:, :12].min() == 1
    assert x[:, :12].max() == 24
    assert abs((x[:, 12:] == 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(6000)
    assert set(np.unique(x[:, 12:])) == set(range(13))


def test_extended_observation_by_hand():
    """Of mast 0 at (-100, 0): users 0 and 1 at (55, 0) and (-10, 0) of 60 m; user 0 is shared; age 1; 2 of 3 users."""
    seen = DNT.observe(three_slot())
    expected = [55 / 60, 0, -10 / 60, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0.1, 2 / 3]
    assert_allclose(seen.agents["bs"][0], expected, rtol=1e-6)
    assert_allclose(seen.agents["bs"][2, -2:], [1.0, 1 / 3], rtol=1e-6)


def test_observation_of_the_twin_by_hand():
    """w = 0.75 / 3; block errors 4, 4 and 9; a typical user's weighted rate is 0.25 * 5: 0.8, 0.8, 1.8.

    User 0, 45 m from mast 1 and 55 m from mast 0, is shared: 1 for the stronger, -1 for the other.
    """
    seen, extended = (DNT.observe(three_slot(**p)).agents["bs"] for p in ({"obs": "twin"}, {}))
    shared = slice(9, 12)
    assert_allclose(np.delete(seen[:, :-1], shared, axis=1), np.delete(extended, shared, axis=1))
    assert_allclose(extended[:, shared], [[1, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert_allclose(seen[:, shared], [[-1, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert_allclose(seen[:, -1], [0.8, 0.8, 1.8], rtol=1e-6)
    assert encoding("agents", obs="twin").groups[0].observation == 23


def test_paper_observation_and_state_by_hand():
    seen = DNT.observe(three_slot(obs="paper"))
    assert_allclose(seen.agents["bs"][1], [-45 / 150, 0, 0, 0, 0, 0, 1, 0, 0], rtol=1e-6)
    state = [
        -0.3,
        0,
        -110 / 150,
        0,
        100 / 150,
        0.2,
        1,
        1,
        0,
        1,
        0,
        0,
        0,
        0,
        1,
        4 / 25,
        0,
        9 / 25,
        0,
        0,
        0,
        0.1,
        0.4,
        1,
        0.5,
    ]
    assert_allclose(seen.state, state, rtol=1e-6)


def test_masks_by_hand():
    """Upload free; user 0 free at masts 0 and 1, closed at 2; user 1 forced at 0; user 2 forced at 2."""
    masks = DNT.observe(three_slot()).masks["bs"].reshape(3, 4, 2)
    free, closed, forced = [True, True], [True, False], [False, True]
    assert_array_equal(masks[0], [free, free, forced, closed])
    assert_array_equal(masks[1], [free, free, closed, closed])
    assert_array_equal(masks[2], [free, closed, closed, forced])
    loose = DNT.observe(three_slot(force_single=False)).masks["bs"].reshape(3, 4, 2)
    assert_array_equal(loose[0], [free, free, free, closed])


def test_paper_reward_by_hand():
    """One claim each: f / (5 * 0.25 * 3). User 0 claimed twice: 2 rho / 3.75. User 0 unclaimed: 0, as printed."""
    slot, decode = three_slot(), three_encoding().decode
    for claims, expected in (((0, 1), None), ((1, 1), -2 / 3.75), ((0, 0), 0.0)):
        x = np.array([[0, claims[0], 1, 0], [0, claims[1], 0, 0], [1, 0, 0, 1]]).ravel()
        outcome = DNT.evaluate(slot, decode(slot, x))
        wanted = outcome.objective / 3.75 if expected is None else expected
        assert_allclose(DNT.reward(slot, outcome), wanted)
    objective = three_slot(reward="objective")
    assert_allclose(DNT.reward(objective, outcome), outcome.objective / 3.75)


def test_local_rewards_by_hand():
    """M (epsilon own rates - w open errors) / 3.75, w = 0.25; double claims cost M rho each."""
    slot, decode = three_slot(), three_encoding().decode
    x = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 1]]).ravel()
    outcome = DNT.evaluate(slot, decode(slot, x))
    rates = outcome.metrics["rates"]
    own = [0.25 * rates[1] - 0.25 * 4, 0.25 * rates[0] - 0.25 * 4, 0.25 * rates[2]]
    assert_allclose(DNT.agent_rewards(slot, outcome, 3), 3 * np.array(own) / 3.75)
    x[1] = 1
    doubled = DNT.evaluate(slot, decode(slot, x))
    assert_allclose(DNT.agent_rewards(slot, doubled, 3)[:2], [-3 / 3.75, -3 / 3.75])
    objective = three_slot(reward="objective")
    assert DNT.agent_rewards(objective, doubled, 3)[1] > -0.5


def test_rewards_of_blocks_without_overlap_add_up_to_the_team():
    outcome = DNT.evaluate(
        hand_slot(), encoding("agents", n_bs=2, n_users=2, n_rb=1).decode(hand_slot(), np.array([0, 1, 0, 1, 0, 1]))
    )
    assert_allclose(DNT.agent_rewards(hand_slot(), outcome, 2).mean(), DNT.reward(hand_slot(), outcome))


@pytest.mark.parametrize("fresh", [True, False])
def test_episodes_run_and_return_what_the_referee_says(fresh):
    instance = DNT.generate("small", 0, reward="objective")
    env = BatchEnv(DNT, instance, 4, fresh=fresh, seed=0)
    env.reset()
    rng, total, objective = np.random.default_rng(0), 0.0, 0.0
    for _ in range(instance.horizon):
        step = env.step(env.encoding.sample(rng, (4,)))
        assert step.info["feasible"].all()
        total, objective = total + step.reward, objective + step.info["objective"]
    assert step.truncated.all()
    assert_allclose(total, objective / (5 * 0.25 * 8))

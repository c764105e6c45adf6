"""Laws of the generator."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.errors import DtbenchError
from dtbench.problems.edge_association.migration import heuristics
from dtbench.problems.edge_association.migration.generator import choose_servers, deadlines

from .hand import MIGRATION


def test_servers_by_hand():
    """The fastest (2), then the farthest from it (0, at 9 m), then the farthest from both (3, at 4 m from 2)."""
    xy = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0], [5.0, 0.0]])
    assert_array_equal(choose_servers(xy, np.array([1.0, 2.0, 3.0, 1.0]), 3), [0, 2, 3])


def test_deadlines_by_hand():
    """kappa times the mean (2 s) or the second smallest (2 s): 0.5 -> 2, 1.5 -> 3; nothing has to grow."""
    latency = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert_allclose(deadlines(latency, np.array([0.5, 1.5]), np.array([1, 1, 1])), [2.0, 3.0])


def test_deadlines_grow_until_all_fit():
    """Three users, one place per server: deadlines of 2 s grow by 5 % until the server of 3 s is in time."""
    latency = np.array([[1.0, 2.0, 3.0]] * 3)
    tau = deadlines(latency, np.full(3, 0.5), np.array([1, 1, 1]))
    assert_allclose(tau, 2.0 * 1.05**9)
    assert 2.0 * 1.05**8 < 3.0 <= 2.0 * 1.05**9


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_every_slot_is_feasible_in_every_state(size):
    """Places suffice, deadlines leave two servers to everybody, and random wishes can be repaired."""
    for seed in range(5):
        instance = MIGRATION.generate(size, seed)
        p = instance.params
        assert instance.dims["server"] == p.n_servers
        assert instance.cap.sum() >= 1.05 * p.n_users
        assert (np.diff(instance.servers) > 0).all()
        slots = referee.slots(MIGRATION, instance)
        assert (slots.admissible.sum(axis=-1) >= 2).all()
        wish = np.random.default_rng(seed).integers(0, p.n_servers, (instance.horizon, p.n_users))
        assert MIGRATION.evaluate(slots, MIGRATION.repair(slots, MIGRATION.Decision(assoc=wish))).feasible.all()
        assert MIGRATION.evaluate(slots[0], MIGRATION.Decision(assoc=instance.assoc0)).feasible


def test_sizes_of_the_definition():
    wanted = {"tiny": (4, 4, 3, 4), "small": (20, 5, 3, 20), "paper": (100, 10, 6, 25), "large": (400, 20, 12, 50)}
    wanted |= {"city": (1500, 150, 90, 10)}
    for size, (users, stations, servers, horizon) in wanted.items():
        p = MIGRATION.sizes[size]
        assert (p.n_users, p.n_bs, p.n_servers, p.horizon) == (users, stations, servers, horizon)
    assert MIGRATION.sizes["tiny"].slot == 30.0


def test_about_half_of_the_pairs_are_admissible():
    """57 % in the definition's measurements at paper size."""
    share = [referee.slots(MIGRATION, MIGRATION.generate("paper", seed)).admissible.mean() for seed in range(5)]
    assert 0.5 < np.mean(share) < 0.64


def test_seeds():
    first, again, other = (MIGRATION.generate("small", seed) for seed in (7, 7, 8))
    for (name, _, a), (_, _, b) in zip(first.arrays(), again.arrays(), strict=True):
        assert_array_equal(a, b, err_msg=name)
    assert not np.array_equal(first.user_xy, other.user_xy)


def test_reward_scale_is_stay():
    instance = MIGRATION.generate("small", 3)
    assert_allclose(instance.u_ref, heuristics.play(MIGRATION, instance, heuristics.stay)[1].mean)


def test_resampled_traces_keep_the_network():
    """Base stations, servers, capacities, users' means and the reward's scale stay; every trace is another one."""
    instance = MIGRATION.generate("small", 1)
    batch = MIGRATION.resample(instance, np.random.default_rng(0), (2, 3))
    assert batch.batch_shape == (2, 3)
    for name in ("bs_xy", "cpu_mean", "servers", "cap", "data_mean", "slack", "u_ref"):
        kept = getattr(batch, name)
        assert_array_equal(kept, np.broadcast_to(getattr(instance, name), kept.shape), err_msg=name)
    for name in ("user_xy", "rate", "cpu", "data_bits", "update_bits", "deadline"):
        traces = [getattr(instance, name), *(getattr(batch, name)[i] for i in np.ndindex(2, 3))]
        for n, trace in enumerate(traces):
            assert trace.shape == traces[0].shape
            assert not any(np.array_equal(trace, other) for other in traces[:n]), name
    slots = referee.slots(MIGRATION, batch[1, 2])
    assert MIGRATION.evaluate(slots, heuristics.stay(slots)).feasible.all()
    again = MIGRATION.resample(instance, np.random.default_rng(0), (2, 3))
    assert_array_equal(batch.deadline, again.deadline)


@pytest.mark.parametrize(("name", "value"), [("n_bs", 1), ("beta_u", 0.0), ("kappa_min", 2.0), ("interaction", "eq11")])
def test_bad_parameters_are_named(name, value):
    with pytest.raises(DtbenchError, match=name):
        MIGRATION.generate("tiny", 0, **{name: value})

"""What base stations observe by Eq. (22) of Lu et al. (2021), and that it leaves the actions as they are."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import BatchEnv
from dtbench.problems import problem
from dtbench.problems.edge_association.placement import agents, printed

PLACEMENT = problem("edge-placement")


def test_it_is_a_part_of_what_agents_see_otherwise():
    """Distances, rates and data, previous servers and association, wherever these stand in the longer observation."""
    instance = PLACEMENT.generate("tiny", 3)
    env = BatchEnv(PLACEMENT, instance, 2, fresh=True, seed=1)
    env.reset()
    env.step(env.encoding.sample(np.random.default_rng(0), (2,)))
    users, stations = instance.params.n_users, instance.params.n_bs
    whole, seen, pairs = agents.observe(env.slot).state, printed.see(env.slot).state, users * stations
    assert seen.shape == (2, 3 * pairs + users + stations)
    data = whole[:, 3 * pairs : 3 * pairs + users]
    expected = [whole[:, : 2 * pairs], data, whole[:, -stations:], whole[:, 2 * pairs : 3 * pairs]]
    assert_array_equal(seen, np.concatenate(expected, axis=1))
    assert_allclose(seen[:, -pairs:].sum(axis=1), users)  # every twin was somewhere


def test_actions_are_those_of_the_agents():
    instance = PLACEMENT.generate("tiny", 3)
    encodings = PLACEMENT.encodings(instance)
    assert encodings["printed"].decode is encodings["agents"].decode
    assert encodings["printed"].size == encodings["agents"].size

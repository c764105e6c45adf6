"""Every form of every environment pickles and copies in the middle of an episode, and plays on as if nothing was."""

import copy
import pickle

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

from dtbench.envs import make_env
from dtbench.problems import all_problems

FORMS = {"gym": 1, "vector": 3, "parallel": 1}
CASES = [
    (id, name, form)
    for id, p in all_problems().items()
    for name, encoding in p.encodings(p.generate("tiny", 0)).items()
    for form in FORMS
    if form != "parallel" or all(group.observation for group in encoding.groups)  # who observes nothing is no agent
]


def actions(env, form):
    if form == "parallel":
        return {agent: env.action_space(agent).sample() for agent in env.possible_agents}
    return env.action_space.sample()


def play(env, steps):
    """Steps with these actions, the reset that follows the end, and one more."""
    return [*(env.step(x) for x in steps), env.reset(), env.step(steps[0])]


@pytest.mark.parametrize("again", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy], ids=["pickle", "copy"])
@pytest.mark.parametrize(("id", "encoding", "form"), CASES)
def test_it_plays_on(id, encoding, form, again):
    env = make_env(f"{id}/tiny", form, FORMS[form], encoding=encoding, seed=3)
    env.reset()
    env.step(actions(env, form))
    steps = [actions(env, form) for _ in range(env.core.horizon - 1)]
    twin = again(env)
    assert twin.core is not env.core
    assert data_equivalence(play(env, steps), play(twin, steps), exact=True)


def test_a_copy_has_its_own_random_stream():
    env = make_env("edge-migration/tiny", "gym", seed=1)
    twin = pickle.loads(pickle.dumps(env))
    assert twin.np_random is twin.core.rng
    first = env.reset()[0]
    assert np.array_equal(first, twin.reset()[0])

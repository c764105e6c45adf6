"""What environments show, of every problem and in every form."""

from concurrent.futures import ThreadPoolExecutor

import gymnasium
import numpy as np
import pytest

from dtbench.envs import make_env
from dtbench.envs.render import RENDER_MODES
from dtbench.errors import DtbenchError
from dtbench.problems import all_problems

SHAPE = (680, 1120, 3)


def played(env):
    """The environment after a step."""
    env.reset(seed=1)
    env.action_space.seed(1)
    env.step(env.action_space.sample())
    return env


@pytest.mark.parametrize("id", all_problems())
def test_a_picture_and_a_short_text(id):
    env = make_env(f"{id}/tiny", "gym", seed=1, render_mode="rgb_array")
    env.reset(seed=1)
    before = env.render()
    played(env)
    after = env.render()
    for image in (before, after):
        assert image.shape == SHAPE
        assert image.dtype == np.uint8
        assert (image == 255).mean() < 0.99  # not empty
    assert (before != after).any()
    env.render_mode = "ansi"
    lines = env.render().splitlines()
    assert lines[0] == f"{id}, tiny: slot 0 (0 to {env.core.horizon - 1})"
    assert lines[1].startswith("objective ")
    assert lines[2] == "feasible"
    assert 4 <= len(lines) <= 7
    assert max(map(len, lines)) <= 100


def test_the_text_holds_the_objective_and_follows_the_slots():
    env = make_env("stin-deployment/tiny", "gym", seed=1, render_mode="ansi")
    env.reset(seed=1)
    assert "objective" not in env.render()
    env.action_space.seed(1)
    for t in range(3):
        *_, info = env.step(env.action_space.sample())
        title, cost, *_ = env.render().splitlines()
        assert title.endswith(f"slot {t} (0 to 9)")
        assert cost.startswith(f"objective {info['objective']:.6g} s = transfer ")
    env.reset()
    assert env.render().startswith("stin-deployment, tiny: slot 0")
    assert "objective" not in env.render()


def test_every_form_renders_or_says_that_it_does_not():
    name = "edge-migration/tiny"
    single = played(make_env(name, "gym", seed=1, render_mode="ansi"))
    assert single.metadata["render_modes"] == list(RENDER_MODES)
    vector = make_env(name, "vector", 2, seed=1, render_mode="ansi")
    vector.reset(seed=1)
    vector.step(vector.action_space.sample())
    first, second = vector.render()
    assert first != second  # other actions, other decisions
    agents = make_env(name, "parallel", seed=1, render_mode="rgb_array")
    agents.reset(seed=1)
    assert agents.render().shape == SHAPE
    for form in ("gym", "vector", "parallel"):
        silent = make_env(name, form, seed=1)
        silent.reset(seed=1)
        assert silent.render() is None
        with pytest.raises(DtbenchError, match="render_mode is 'human'. Known: ansi, rgb_array"):
            make_env(name, form, render_mode="human")
    with pytest.raises(DtbenchError, match="form 'batch' renders nothing"):
        make_env(name, "batch", render_mode="ansi")


def test_gymnasium_makes_them():
    env = gymnasium.make("dtbench/stin-deployment-tiny-v0", render_mode="rgb_array")
    assert played(env).render().shape == SHAPE
    many = gymnasium.make_vec("dtbench/stin-deployment-tiny-v0", num_envs=2, render_mode="rgb_array")
    many.reset(seed=1)
    assert [image.shape for image in many.render()] == [SHAPE, SHAPE]


def test_threads_draw_what_one_thread_draws():
    envs = [played(make_env("stin-deployment/tiny", "gym", seed=s, render_mode="rgb_array")) for s in (1, 1)]
    with ThreadPoolExecutor(2) as pool:
        images = list(pool.map(lambda env: env.render(), envs))
    assert all(np.array_equal(images[0], image) for image in images)

"""``make_env`` and the ids that Gymnasium knows."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.testing import assert_array_equal
from pettingzoo import ParallelEnv

from dtbench.envs import BatchEnv, make_env, register_envs
from dtbench.envs.vector import BatchVectorEnv
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.problems import all_problems

SINGLE = [(id, size) for id, p in all_problems().items() for size in p.sizes]
NAMED = "stin-deployment/tiny"


@pytest.fixture(autouse=True)
def registered():
    register_envs()


def test_forms():
    assert isinstance(make_env(NAMED), BatchEnv)
    assert isinstance(make_env(NAMED, "gym"), gymnasium.Env)
    assert isinstance(make_env(NAMED, "vector", 2), gymnasium.vector.VectorEnv)
    assert isinstance(make_env(NAMED, "parallel"), ParallelEnv)
    assert make_env(NAMED, "batch", 5).n_envs == 5


def test_a_size_is_fresh_an_instance_is_frozen():
    assert make_env(NAMED).fresh
    assert not make_env(NAMED, fresh=False).fresh
    instance = all_problems()["stin-deployment"].generate("tiny", 9)
    env = make_env(instance)
    assert not env.fresh
    assert env.instance is instance
    assert make_env(instance, fresh=True).fresh


def test_a_file_is_loaded(tmp_path):
    instance = all_problems()["stin-deployment"].generate("tiny", 9)
    instances.save(tmp_path / "own.nc", instance)
    env = make_env(str(tmp_path / "own.nc"))
    assert not env.fresh
    assert_array_equal(env.instance.data_bits, instance.data_bits)


def test_overrides_and_seed():
    env = make_env(NAMED, n_users=7, seed=3)
    assert env.encoding.size == 7
    env.reset()
    other = make_env(NAMED, n_users=7)
    other.reset(3)
    assert_array_equal(env.instances.data_bits, other.instances.data_bits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"instance": "stin-deployment/huge"}, "unknown instance"),
        ({"instance": "nothing"}, "unknown instance"),
        ({"instance": NAMED, "form": "gym", "n_envs": 2}, "holds one environment"),
        ({"instance": NAMED, "form": "parallel", "n_envs": 2}, "holds one environment"),
        ({"instance": NAMED, "form": "round"}, "unknown form"),
        ({"instance": NAMED, "autoreset_mode": "NextStep"}, "autoreset_mode"),
        ({"instance": NAMED, "users": 3}, "unknown parameter"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, message):
    with pytest.raises(DtbenchError, match=message):
        make_env(**arguments)


def test_a_frozen_instance_takes_no_parameters():
    instance = all_problems()["stin-deployment"].generate("tiny", 9)
    with pytest.raises(DtbenchError, match="cannot be changed in a frozen instance"):
        make_env(instance, n_users=3)


@pytest.mark.filterwarnings("ignore:.*A Box observation space (minimum|maximum) value is -?infinity")
@pytest.mark.parametrize("id", [id for id, size in SINGLE if size == "tiny"])
def test_gymnasium_makes_and_checks_it(id):
    env = gymnasium.make(f"dtbench/{id}-tiny-v0", disable_env_checker=False)
    check_env(env.unwrapped)
    env.reset(seed=0)
    *_, truncated, _ = [env.step(env.action_space.sample()) for _ in range(env.unwrapped.core.horizon)][-1]
    assert truncated


def test_every_size_is_registered_once():
    register_envs()
    ids = [name for name in gymnasium.registry if name.startswith("dtbench/")]
    assert sorted(ids) == sorted(f"dtbench/{id}-{size}-v0" for id, size in SINGLE)


def test_make_passes_parameters():
    env = gymnasium.make("dtbench/stin-deployment-tiny-v0", n_users=4, fresh=False, render_mode=None)
    assert env.action_space.shape == (4,)
    assert not env.unwrapped.core.fresh


def test_specs_name_the_length_of_an_episode():
    for id, size in SINGLE:
        spec = gymnasium.spec(f"dtbench/{id}-{size}-v0")
        params = all_problems()[id].sizes[size]
        assert spec.max_episode_steps == all_problems()[id].dimensions(params)["time"]
    env = gymnasium.make("dtbench/stin-deployment-tiny-v0")
    assert env.spec.max_episode_steps == env.unwrapped.core.horizon == 10


def test_another_horizon_is_played_to_its_end_or_a_warning_says_how():
    id = "dtbench/stin-deployment-tiny-v0"
    with pytest.warns(UserWarning, match="give.* max_episode_steps=12"):
        gymnasium.make(id, horizon=12)
    shorter = gymnasium.make(id, horizon=3)
    shorter.reset(seed=0)
    assert [shorter.step(shorter.action_space.sample())[3] for _ in range(3)] == [False, False, True]
    assert gymnasium.make_vec(id, num_envs=2, horizon=12).core.horizon == 12
    with pytest.raises(DtbenchError, match="max_episode_steps is 5, but an episode has 10 slots"):
        gymnasium.make_vec(id, num_envs=2, max_episode_steps=5)


def test_make_vec_uses_the_batched_form():
    env = gymnasium.make_vec("dtbench/stin-deployment-tiny-v0", num_envs=6, autoreset_mode="SameStep", n_users=4)
    assert isinstance(env, BatchVectorEnv)
    assert env.action_space.shape == (6, 4)
    assert env.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.SAME_STEP
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[0].shape == env.observation_space.shape


def test_gymnasiums_own_vectorizer_and_statistics_work():
    env = gymnasium.make_vec("dtbench/stin-deployment-tiny-v0", num_envs=2, vectorization_mode="sync")
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[1].shape == (2,)
    counted = gymnasium.wrappers.vector.RecordEpisodeStatistics(make_env(NAMED, "vector", 2, fresh=False))
    counted.reset(seed=0)
    x = np.zeros((2, 5), int)
    rewards = [counted.step(x) for _ in range(counted.unwrapped.core.horizon)]
    assert rewards[-1][4]["episode"]["r"] == pytest.approx(sum(r[1] for r in rewards))


def test_importing_dtbench_registers_and_imports_nothing_heavy():
    code = (
        "import dtbench, gymnasium, sys; env = gymnasium.make('dtbench/stin-deployment-tiny-v0'); env.reset(seed=0);"
        "print([m for m in ('torch', 'pyomo', 'ortools', 'highspy', 'distributed', 'pettingzoo') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_agents_of_pettingzoos_form_must_observe(make_toy, monkeypatch):
    toy = make_toy("real")
    monkeypatch.setattr("dtbench.envs.problem", lambda id: toy)
    with pytest.raises(DtbenchError, match="observe nothing"):
        make_env(toy.generate("tiny", 0), "parallel", encoding="search")

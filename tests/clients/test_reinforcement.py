"""Libraries of reinforcement learning train on our environments, and what they learned is scored by the referee."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DTBENCH = Path(sys.executable).with_name("dtbench")


def run(*command):
    """What a command prints; it must not fail."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def example(name, *arguments):
    return run(sys.executable, EXAMPLES / name, *arguments)


def number(pattern, text):
    return float(re.search(pattern, text)[1])


def test_stable_baselines3_trains_and_the_referee_scores_it(library, tmp_path):
    """A student's way: train, save, one class; after 4096 frames it is better than chance (about 0.99 s)."""
    library("stable_baselines3", what="PPO on the batched VecEnv, then `dtbench solve` of its policy by GymPolicy")
    from stable_baselines3 import PPO

    import dtbench

    model = PPO("MlpPolicy", dtbench.make_env("stin-deployment/tiny", "sb3", n_envs=16, seed=0), n_steps=32,
                batch_size=256, n_epochs=4, gamma=0.0, learning_rate=1e-3, seed=0, device="cpu")  # fmt: skip
    model.learn(4096)
    model.save(tmp_path / "my-ppo.zip")
    (tmp_path / "my-ppo.py").write_text((EXAMPLES / "solvers" / "my-ppo.py").read_text())

    def solved(instance, solver):
        return json.loads(run(DTBENCH, "solve", instance, solver, "--solvers-path", tmp_path, "--json"))

    mine, chance = solved("stin-deployment/tiny-000", "my-ppo"), solved("stin-deployment/tiny-000", "random")
    assert mine["status"] == "ok"
    assert mine["objective"] < chance["objective"]
    env = dtbench.make_env("stin-deployment/tiny-000", "gym")  # the same policy in the environment, slot by slot
    state, _ = env.reset()
    found = []
    for _ in range(env.core.horizon):
        state, *_, info = env.step(model.predict(state, deterministic=True)[0])
        found.append(info["objective"])
    assert mine["objective"] == pytest.approx(sum(found) / len(found), rel=1e-9)
    other = solved("stin-deployment/small-000", "my-ppo")
    assert other["status"] == "skipped"
    assert "was trained on 'stin-deployment/tiny'" in other["reason"]


def test_a_network_of_plain_torch_is_scored(library):
    library("torch", what="policy gradient on the batched core, then `dtbench solve` of its weights by GymPolicy")
    found = re.findall(r"objective +(\S+) s", example("train_torch.py", 200))
    assert float(found[0]) < 0.6 * float(found[1])  # of random


def test_environments_pass_stable_baselines3s_checks(library):
    library("stable_baselines3", what="`check_env` of every problem's Gymnasium form")
    code = (
        "import dtbench, warnings; from stable_baselines3.common.env_checker import check_env\n"
        "for id in dtbench.all_problems(): check_env(dtbench.make_env(f'{id}/tiny', 'gym'), warn=False)\n"
        "print('fine')"
    )
    assert "fine" in run(sys.executable, "-c", code)


def test_maskable_ppo_finds_the_masks(library):
    library("sb3_contrib", what="MaskablePPO on the batched VecEnv of dnt-spectrum")
    assert number(r"traces (\S+)", example("maskable_ppo.py", 512)) < 100.0


def test_torchrl_wraps_every_problem(library):
    library("torchrl", what="PettingZooWrapper and GymWrapper (SameStep) of every problem: specs, rollouts")
    said = example("torchrl_rollout.py")
    assert "dnt-spectrum: (25,) by bs; (8, 25)" in said
    assert said.count("(8, 25)") == 6


def test_benchmarl_trains_a_task_of_ours(library):
    library("benchmarl", what="a task made of an instance, MAPPO")
    assert -100.0 < number(r"episode: (\S+)", example("benchmarl_mappo.py", 1)) < 0.0


def test_tianshou_trains_on_real_actions(library):
    library("tianshou", what="PPO on the Gymnasium form of satellite-offloading")
    assert 0.2 < number(r"slots: (\S+)", example("tianshou_ppo.py", 1)) < 1.0


def test_rllib_trains_agents_that_share_a_policy(library):
    library("ray", what="RLlib: multi-agent PPO on the PettingZoo form")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    assert -200.0 < number(r"together (\S+)", example("rllib_ppo.py", 1)) < 0.0


@pytest.mark.filterwarnings("ignore::UserWarning:pettingzoo.test.api_test")
def test_pettingzoo_checks_agents_in_turn(library):
    library("pettingzoo", what="parallel_api_test and, in turn, api_test of every problem")
    from pettingzoo.test import api_test, parallel_api_test
    from pettingzoo.utils import parallel_to_aec

    import dtbench

    for id in dtbench.all_problems():
        parallel_api_test(dtbench.make_env(f"{id}/tiny", "parallel"), num_cycles=20)
        api_test(parallel_to_aec(dtbench.make_env(f"{id}/tiny", "parallel")), num_cycles=20)

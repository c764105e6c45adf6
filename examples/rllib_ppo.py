"""RLlib trains one PPO policy that all users share, on the PettingZoo form.

python examples/rllib_ppo.py [ROUNDS]
"""

import os
import sys
import warnings

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
warnings.simplefilter("ignore")  # of ray

import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import dtbench

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3


def make(config):
    """What RLlib's workers call."""
    return ParallelPettingZooEnv(dtbench.make_env(config["instance"], "parallel"))


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=10**8)
    register_env("dtbench", make)
    config = (
        PPOConfig()
        .environment("dtbench", env_config={"instance": "stin-deployment/tiny"})
        .multi_agent(policies={"user"}, policy_mapping_fn=lambda agent, *args, **kwargs: agent.partition("_")[0])
        .env_runners(num_env_runners=0)
        .training(gamma=0.0, train_batch_size_per_learner=200, minibatch_size=100, num_epochs=5, lr=1e-3)
        .debugging(seed=0, log_level="ERROR")
    )
    algorithm = config.build_algo()
    for number in range(ROUNDS):
        result = algorithm.train()["env_runners"]
        print(f"round {number}: return of an episode, all users together {result['episode_return_mean']:.3f}")
    algorithm.stop()
    ray.shutdown()

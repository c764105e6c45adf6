"""Tianshou trains PPO on real actions: one controller of satellites, eight copies of the Gymnasium form.

python examples/tianshou_ppo.py [EPOCHS]
"""

import sys
import warnings

warnings.simplefilter("ignore")  # of tianshou

import torch
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic
from torch.distributions import Independent, Normal

import dtbench

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
COPIES = 8


def make():
    """One environment; each episode is a fresh trace."""
    return dtbench.make_env("satellite-offloading/tiny", "gym", seed=0)


def hidden():
    """The layers before actor and critic."""
    return Net(state_shape=one.observation_space.shape, hidden_sizes=(64, 64))


torch.manual_seed(0)
one = make()
envs = DummyVectorEnv([make] * COPIES)
actor = ContinuousActorProbabilistic(preprocess_net=hidden(), action_shape=one.action_space.shape, unbounded=True)
policy = ProbabilisticActorPolicy(
    actor=actor, dist_fn=lambda parts: Independent(Normal(*parts), 1), action_space=one.action_space
)
algorithm = PPO(
    policy=policy, critic=ContinuousCritic(preprocess_net=hidden()), optim=AdamOptimizerFactory(lr=1e-3), gamma=0.0
)
algorithm.run_training(
    OnPolicyTrainerParams(
        training_collector=Collector(algorithm, envs, VectorReplayBuffer(2000, COPIES)),
        max_epochs=EPOCHS,
        epoch_num_steps=800,
        collection_step_num_env_steps=400,
        batch_size=100,
        update_step_num_repetitions=4,
        show_progress=False,
        verbose=False,
    )
)
observation, _ = one.reset(seed=1)
total = 0.0
for _ in range(one.core.horizon):
    with torch.no_grad():
        (mean, _), _ = actor(observation[None])
    observation, reward, *_ = one.step(policy.map_action(mean[0].numpy()))
    total += reward
print(f"{EPOCHS * 800} steps; objective of a fresh trace, mean of its slots: {-total / one.core.horizon:.4f}")

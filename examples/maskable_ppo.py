"""MaskablePPO of sb3-contrib on 16 copies: base stations never claim a user whom they do not cover.

python examples/maskable_ppo.py [FRAMES]
"""

import sys

from sb3_contrib import MaskablePPO
from stable_baselines3.common.vec_env import VecMonitor

import dtbench

FRAMES = int(sys.argv[1]) if len(sys.argv) > 1 else 4096

env = VecMonitor(dtbench.make_env("dnt-spectrum/tiny", "sb3", n_envs=16, seed=0))
model = MaskablePPO("MlpPolicy", env, n_steps=32, batch_size=256, n_epochs=4, gamma=0.0, seed=0, device="cpu")
model.learn(FRAMES)

state, returns = env.reset(), []
for _ in range(env.get_attr("horizon")[0]):
    actions, _ = model.predict(state, action_masks=env.env_method("action_masks"), deterministic=True)
    state, _, _, infos = env.step(actions)
returns = [info["episode"]["r"] for info in infos]
print(f"{model.num_timesteps} frames; return of 16 fresh traces {sum(returns) / len(returns):.3f}")

"""Train PPO of Stable-Baselines3 on 16 copies at once, and let the referee score it on a frozen instance.

python examples/train_ppo.py [FRAMES]

With OMP_NUM_THREADS=1 where other programs run, too: threads of torch that wait for a processor make it many times slower.
"""

import subprocess
import sys
import time
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

import dtbench

HERE = Path(__file__).parent
FRAMES = int(sys.argv[1]) if len(sys.argv) > 1 else 32_768

env = VecMonitor(dtbench.make_env("stin-deployment/tiny", "sb3", n_envs=16, seed=0))
model = PPO("MlpPolicy", env, n_steps=64, batch_size=256, n_epochs=4, gamma=0.0, seed=0, device="cpu")
began = time.perf_counter()
model.learn(FRAMES)
print(f"{model.num_timesteps} frames in {time.perf_counter() - began:.1f} s: what 'cost' of my-ppo.py should say")
model.save(HERE / "solvers" / "my-ppo.zip")

for solver in ("my-ppo", "random", "exact"):
    dtbench_command = Path(sys.executable).with_name("dtbench")
    arguments = ["solve", "stin-deployment/tiny-000", solver, "--solvers-path", HERE / "solvers"]
    subprocess.run([dtbench_command, *arguments], check=True)

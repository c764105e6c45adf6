"""A policy gradient in plain torch, in the manner of CleanRL: one small network that all users share, 256 copies.

python examples/train_torch.py [UPDATES]
"""

import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.distributions import Categorical

import dtbench

SOLVERS = Path(__file__).parent / "solvers"
UPDATES = int(sys.argv[1]) if len(sys.argv) > 1 else 400
COPIES = 256

torch.manual_seed(0)
env = dtbench.make_env("stin-deployment/tiny", "batch", n_envs=COPIES, seed=0)
(users,) = env.encoding.groups
actor = torch.nn.Sequential(
    torch.nn.Linear(users.observation, 64), torch.nn.Tanh(), torch.nn.Linear(64, users.space.n[0])
)
optimiser = torch.optim.Adam(actor.parameters(), lr=3e-3)
began, seen = time.perf_counter(), env.reset()
for update in range(UPDATES):
    logits = actor(torch.from_numpy(seen.agents["user"]))  # (COPIES, users, nodes)
    choice = Categorical(logits=logits.masked_fill(~torch.from_numpy(seen.masks["user"]), -torch.inf))
    action = choice.sample()
    step = env.step(action.numpy())  # slots are not coupled: the reward of one says all
    reward = torch.from_numpy(step.reward).float()
    advantage = (reward - reward.mean()) / (reward.std() + 1e-6)
    loss = -(advantage[:, None] * choice.log_prob(action)).mean() - 0.01 * choice.entropy().mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    seen = env.reset() if step.truncated[0] else step.observation
    if update % 100 == 99:
        print(f"update {update + 1}: mean reward {reward.mean():.3f}")
print(f"{UPDATES * COPIES} frames in {time.perf_counter() - began:.1f} s: what 'cost' of my-torch.py should say")
torch.save(actor.state_dict(), SOLVERS / "my-torch.pt")

dtbench_command = Path(sys.executable).with_name("dtbench")
for solver in ("my-torch", "random"):
    arguments = ["solve", "stin-deployment/tiny-000", solver, "--solvers-path", SOLVERS]
    subprocess.run([dtbench_command, *arguments], check=True)

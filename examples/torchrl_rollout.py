"""TorchRL plays random actions on every problem: one environment for each agent's view, one of 8 copies for all.

python examples/torchrl_rollout.py
"""

import logging
import warnings

warnings.simplefilter("ignore")  # of torchrl
logging.getLogger("torchrl").setLevel(logging.ERROR)

from torchrl.envs import GymWrapper, PettingZooWrapper, check_env_specs

import dtbench

for problem in dtbench.all_problems():
    agents = PettingZooWrapper(dtbench.make_env(f"{problem}/tiny", "parallel"), return_state=True)
    copies = GymWrapper(dtbench.make_env(f"{problem}/tiny", "vector", n_envs=8, autoreset_mode="SameStep"))
    for env in (agents, copies):
        check_env_specs(env)
    seen = agents.rollout(25, break_when_any_done=False), copies.rollout(25, break_when_any_done=False)
    print(f"{problem}: {tuple(seen[0].batch_size)} by {', '.join(agents.group_map)}; {tuple(seen[1].batch_size)}")

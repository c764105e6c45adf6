"""PPO of Stable-Baselines3, trained by examples/train_ppo.py: one class brings a policy of your own to the referee."""

from pathlib import Path
from typing import Any

from dtbench import GymPolicy


class MyPpo(GymPolicy):
    name = "my-ppo"
    problems = ("stin-deployment",)
    trained_on = "stin-deployment/tiny"  # what make_env was given
    file = "my-ppo.zip"  # beside this file, or --option policy=FILE
    cost = {"seconds": 8.0, "frames": 32_768}  # noqa: RUF012

    def load(self, file: Path | None) -> Any:
        from stable_baselines3 import PPO

        return PPO.load(file, device="cpu")

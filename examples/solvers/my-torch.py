"""A network of plain torch, trained by examples/train_torch.py: users choose in turn, full devices are masked."""

from pathlib import Path
from typing import Any

from dtbench import GymPolicy


class MyTorch(GymPolicy):
    name = "my-torch"
    problems = ("stin-deployment",)
    trained_on = "stin-deployment/tiny"
    form = "parallel"  # one user after the other, as in PettingZoo's form
    file = "my-torch.pt"
    cost = {"seconds": 3.2, "frames": 102_400}  # noqa: RUF012

    def load(self, file: Path | None) -> Any:
        import torch

        weights = torch.load(file, weights_only=True)
        (hidden, seen), (nodes, _) = weights["0.weight"].shape, weights["2.weight"].shape
        actor = torch.nn.Sequential(torch.nn.Linear(seen, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, nodes))
        actor.load_state_dict(weights)

        def choose(observation: Any, mask: Any) -> Any:
            with torch.no_grad():
                logits = actor(torch.from_numpy(observation))
            return logits.masked_fill(~torch.from_numpy(mask), -torch.inf).argmax()

        return choose

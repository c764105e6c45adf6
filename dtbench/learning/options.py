"""Options that all learning agents have, presets of them, and the problem's parameters that training may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from dtbench.errors import DtbenchError
from dtbench.params import Options, param

Scalar = bool | int | float | str
Presets = Mapping[str, Mapping[str, Mapping[str, Scalar]]]  # preset -> problem id, or ANY -> option -> value
ANY = "*"


@dataclass(frozen=True, kw_only=True)
class LearningOptions(Options):
    """How an agent is trained, validated and played; a solver's presets and its own options add to these.

    Attributes
    ----------
    OUTSIDE_TRAINING
        Names of the options that leave the trained weights as they are.
    FIXED_BY_POLICY
        Names of the options that a trained policy brings along: what its agents see, and what their actions mean.
    """

    OUTSIDE_TRAINING: ClassVar[tuple[str, ...]] = ("preset", "evaluation", "checkpoint", "cache", "log_dir")
    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env",)

    preset: str = param("tuned", "1", "settings of the paper, or ours from a search", choices=("paper", "tuned"))
    episodes: int = param(1000, "1", "training length, over all parallel environments", low=1)
    validate_every: int = param(10, "round", "between validations", low=1)
    traces: int = param(20, "1", "fresh traces that policies are validated on", low=1)
    evaluation: str = param("greedy", "1", "best actions, or a sample of the policy", choices=("greedy", "sampled"))
    env: str = param("", "1", "NAME=VALUE,... parameters of the problem changed for training and observing")
    scope: str = param("network", "1", "train on this network, or on all of the size", choices=("network", "size"))
    checkpoint: str = param("", "1", "file of a trained policy to play instead of training one")
    cache: bool = param(True, "1", "whether trained policies are kept, and kept ones are played")
    log_dir: str = param("", "1", "folder for training.csv, and TensorBoard's events if it is installed")

    def training(self) -> dict[str, Scalar]:
        """The options that decide what is learned."""
        return {name: value for name, _, value in self.items() if name not in self.OUTSIDE_TRAINING}


OptionsT = TypeVar("OptionsT", bound=LearningOptions)


def resolve(cls: type[OptionsT], presets: Presets, problem: str, given: Mapping[str, Any], solver: str) -> OptionsT:
    """Options of a solver on a problem: its preset for all problems, then for this one, then what is given.

    Raises
    ------
    DtbenchError
        On an option or preset that does not exist, or a value that does not fit.
    """
    name = cls.checked("preset", given.get("preset", cls().preset))
    if name not in presets:
        known = ", ".join(presets) or "none"
        raise DtbenchError(f"solver '{solver}' has no preset '{name}'. Known: {known}.")
    preset = presets[name]
    return cls().replace({**preset.get(ANY, {}), **preset.get(problem, {}), **given})

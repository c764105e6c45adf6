"""What a training tells while it lasts: lines for a log, and TensorBoard's events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError
from dtbench.learning.training import Progress
from dtbench.progress import LINES, PAUSE

Listener = Callable[[Progress], None]


def line(progress: Progress) -> str:
    """Where a training is, and which policy it would keep: ``round 40/100, 320 episodes, ..., about 0:02:10 left``."""
    point, best, learner = progress.point, progress.best, progress.learner
    parts = [f"round {progress.round}/{progress.rounds}", f"{learner.episodes} episodes", f"{learner.frames} frames"]
    if point is not None:
        parts.append(f"validation {point.objective:.6g}")
    if best is not None:
        parts.append(f"kept {best.objective:.6g} (round {best.round})")
    parts.append(f"{duration(progress.elapsed)} elapsed")
    if progress.round < progress.rounds:
        parts.append(f"about {duration(progress.left)} left")
    return ", ".join(parts)


def words(progress: Progress) -> str:
    """What a display says of a training beside its rounds: ``rounds of training, 320 episodes, best 1.125``."""
    best = f", best {progress.best.objective:.6g}" if progress.best else ""
    return f"rounds of training, {progress.learner.episodes} episodes{best}"


def duration(seconds: float) -> str:
    """``0:02:05``."""
    return str(timedelta(seconds=round(seconds)))


class Lines:
    """Tells a line after a validation and at the end: about twenty, and not more than one in a few seconds."""

    def __init__(self, tell: Callable[[str], None], pause: float = PAUSE) -> None:
        self.tell, self.pause, self.last, self.round = tell, pause, -float("inf"), -float("inf")

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        last_round = progress.round == progress.rounds
        far = progress.round - self.round >= progress.rounds / LINES
        if last_round or (progress.point is not None and far and now - self.last >= self.pause):
            self.tell(line(progress))
            self.last, self.round = now, progress.round


class TensorBoard:
    """Writes each round's metrics, and validations, as TensorBoard's events.

    Raises
    ------
    DtbenchError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise DtbenchError(
                "a folder for TensorBoard is given, but it is not installed: "
                "`pip install 'dtbench[learn,tensorboard]'`, or leave the folder out."
            ) from None
        self.writer: Any = SummaryWriter(str(folder))

    def __call__(self, progress: Progress) -> None:
        at = progress.learner.frames
        self._add("training", progress.metrics, at)
        if progress.point is not None:
            point = progress.point
            self._add("validation", {"objective": point.objective, "reward": point.reward}, at)

    def close(self) -> None:
        """Have everything on the disk."""
        self.writer.close()

    def _add(self, group: str, values: Mapping[str, float], at: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(f"{group}/{name}", value, at)

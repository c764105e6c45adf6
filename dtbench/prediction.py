"""The hook of problems whose state holds a learned predictor: how ``dtbench train-predictor`` speaks to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dtbench.errors import DtbenchError
from dtbench.params import Options, Params

Report = Callable[[int, int, float], None]  # epochs done, epochs in all, validation error


@dataclass(frozen=True)
class Case:
    """A predictor to train or to measure: one file of weights.

    ``options`` are the training options that differ from the defaults for this case.
    """

    name: str
    params: Params
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """A trained predictor: where its weights are, their header, and its error one step ahead on data held out.

    ``baseline`` is the error of predicting without training on the same data.
    """

    case: Case
    file: Path
    header: Mapping[str, Any]
    error: float
    baseline: float


@dataclass(frozen=True)
class PredictionError:
    """Mean squared error of a predictor on fresh data.

    ``at`` {steps ahead: error}, in the unit of the problem's :class:`PredictorTraining`; ``parts`` one step ahead, of
    each ``part``.
    """

    case: Case
    predictor: str
    at: Mapping[int, float]
    parts: Sequence[float]


class PredictorTraining(ABC):
    """How a problem trains its predictor, writes its weights, and measures it against those that need no training."""

    Options: ClassVar[type[Options]]
    unit: ClassVar[str]  # of errors
    part: ClassVar[str]  # what each of several things that are predicted is
    reported: ClassVar[str]  # what the paper reports

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where weights are read from when an instance is played."""

    @abstractmethod
    def cases(self, sizes: Sequence[str], worlds: Sequence[int], settings: Mapping[str, Any]) -> list[Case]:
        """The predictors of sizes and worlds; those that are shipped where nothing is named.

        Raises
        ------
        DtbenchError
            On an unknown size or parameter, or a value that does not fit.
        """

    @abstractmethod
    def train(self, case: Case, options: Any, folder: Path, report: Report | None = None) -> Trained:
        """Train a predictor and write its weights to ``folder``; the same options give the same weights.

        Raises
        ------
        DtbenchError
            If what it is trained with is not installed.
        """

    @abstractmethod
    def errors(self, case: Case, folder: Path, count: int) -> list[PredictionError]:
        """Errors on ``count`` fresh trajectories, which no shipped predictor was trained on, the simplest one first.

        Raises
        ------
        DtbenchError
            If weights are missing or do not fit.
        """


def training_of(problem: Any, known: Sequence[Any]) -> PredictorTraining:
    """The hook of a problem.

    Raises
    ------
    DtbenchError
        If it has no learned predictor; ``known`` are all problems.
    """
    training: PredictorTraining | None = problem.predictor_training()
    if training is None:
        having = ", ".join(p.id for p in known if p.predictor_training() is not None) or "none"
        raise DtbenchError(f"'{problem.id}' has no learned predictor. Problems that have one: {having}.")
    return training

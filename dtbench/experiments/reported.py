"""What a solver reports beside its decisions, as a record can hold it."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from dtbench.errors import InvalidDecision
from dtbench.experiments.failure import words

DEPTH = 4  # of tables within tables
TEXT = 20_000  # characters of the whole as JSON
LARGEST = 2**63  # of whole numbers


def training(given: Any) -> dict[str, Any] | None:
    """The account of a training, :attr:`dtbench.solver.Solver.training`, in plain values; None if there is none.

    Raises
    ------
    InvalidDecision
        If it is not a dict of plain values with ``seconds``, a finite number of at least 0; or if ``frames`` is there
        and not a whole number of at least 0.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise _invalid("", given, "a dict with 'seconds'")
    facts: dict[str, Any] = _plain(given, "")
    if "seconds" not in facts:
        raise InvalidDecision("the solver's 'training' has no 'seconds'; expected what the training took, in s.")
    if isinstance(facts["seconds"], bool) or not isinstance(facts["seconds"], int | float) or facts["seconds"] < 0:
        raise _invalid("seconds", given["seconds"], "a finite number of at least 0")
    frames = facts.get("frames", 0)
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 0:
        raise _invalid("frames", given["frames"], "a whole number of at least 0")
    if len(json.dumps(facts)) > TEXT:
        raise InvalidDecision(f"the solver's 'training' is longer than {TEXT} characters as JSON; expected less.")
    return facts | {"seconds": float(facts["seconds"])}


def _plain(value: Any, where: str) -> Any:
    """A value as JSON has it: numbers, texts, truth values, None, lists and dicts of them."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, numbers.Integral) and abs(int(value)) < LARGEST:
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral) and math.isfinite(value):
        return float(value)
    deep = where.count(".") >= DEPTH
    if isinstance(value, Mapping) and not deep and all(isinstance(key, str) for key in value):
        return {str(key): _plain(item, f"{where}.{key}" if where else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple) and not deep:
        return [_plain(item, f"{where}.{number}" if where else str(number)) for number, item in enumerate(value)]
    raise _invalid(where, value, "a finite number, a text, true, false, None, or a list or dict of them")


def _invalid(where: str, value: Any, expected: str) -> InvalidDecision:
    shown = words(lambda: repr(value), 80)
    name = "'training'" if not where else f"'{words(lambda: where, 80)}' of 'training'"
    return InvalidDecision(f"the solver's {name} is {shown}; expected {expected}.")

"""Comparisons of what a problem returns; each raises ``AssertionError`` with what differs, and where."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.testing import assert_allclose, assert_array_equal

Arrays = dict[str, npt.NDArray[Any]]


def require(holds: Any, message: str) -> None:
    """Raise ``AssertionError`` with a message unless something holds."""
    if not holds:
        raise AssertionError(message)


def arrays(value: Any, prefix: str = "") -> Arrays:
    """Every array of a batched dataclass, an outcome, an observation or a dict, by its path."""
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name != "params"}
    if not isinstance(value, Mapping):
        return {prefix: np.asarray(value)}
    return {path: a for name, part in value.items() for path, a in arrays(part, f"{prefix}/{name}").items()}


def require_close(given: Any, expected: Any, *, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    """The same arrays: integers and booleans equal, reals within the tolerance."""
    given, expected = arrays(given), arrays(expected)
    require(given.keys() == expected.keys(), f"there are {sorted(given)}, expected {sorted(expected)}")
    for path, value in expected.items():
        if value.dtype.kind in "biu":
            assert_array_equal(given[path], value, err_msg=path)
        elif value.dtype.kind == "f":
            assert_allclose(given[path], value, rtol=rtol, atol=atol, err_msg=path)


def member(value: Any, index: Any, batch: tuple[int, ...]) -> Arrays:
    """Part ``index`` of all arrays of a value whose leading axes are (broadcast to) ``batch``."""
    return {path: a[index] if a.shape[: len(batch)] == batch else a for path, a in arrays(value).items()}


def require_batch_equals_loop(whole: Any, single: Callable[[Any], Any], batch: tuple[int, ...]) -> None:
    """``whole`` has leading axes ``batch``; ``single(index)`` computes one member."""
    together = arrays(whole)
    for index in np.ndindex(*batch):
        for path, value in arrays(single(index)).items():
            if value.dtype.kind not in "biuf":
                continue
            shape, expected = together[path].shape, (*batch, *value.shape)
            require(shape == expected, f"{path} of a batch has shape {shape}, expected {expected}")
            rtol, atol = (1e-5, 1e-6) if value.dtype == np.float32 else (1e-9, 1e-12)
            assert_allclose(together[path][index], value, rtol=rtol, atol=atol, err_msg=path)


def refused(kind: type[Exception], words: str, call: Callable[[], Any]) -> None:
    """``call`` raises an error of a kind, with words in its message."""
    try:
        call()
    except kind as error:
        require(words in str(error), f"the message is '{error}', expected '{words}' in it")
    else:
        raise AssertionError(f"nothing was raised, expected {kind.__name__} with '{words}'")

"""Scalar parameters of a problem: declared once with unit, meaning and range, checked whenever they are made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self, get_type_hints

from dtbench.errors import DtbenchError, near, shown

UNITS = {"1": "dimensionless", "s": "seconds"}  # in words, where a table might take them for numbers or names


def unit_in_words(unit: str) -> str:
    """The unit of an objective as a word, so that no reader takes it for a number.

    >>> [unit_in_words(x) for x in ("1", "s", "cost")]
    ['dimensionless', 'seconds', 'cost']
    """
    return UNITS.get(unit, unit)


@dataclass(frozen=True)
class ParamSpec:
    """What one parameter is, and which values it takes."""

    unit: str
    doc: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()


def param(
    default: Any, unit: str, doc: str, *, low: float = -math.inf, high: float = math.inf, choices: tuple[str, ...] = ()
) -> Any:
    """Declare a parameter: ``f_cloud: float = param(20e9, "cycle/s", "f_C, processor of one cloud twin", low=0)``."""
    return dataclasses.field(default=default, metadata={"param": ParamSpec(unit, doc, low, high, choices)})


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A frozen dataclass of declared scalars: parameters of a problem, options of a solver.

    Raises
    ------
    DtbenchError
        On a value of the wrong type, out of range, not finite or not among the choices; the message names the field.
    """

    def __post_init__(self) -> None:
        cls = type(self)
        if any(isinstance(value, dataclasses.Field) for value in vars(cls).values()):
            raise TypeError(f"decorate {cls.__name__} with @dataclass(frozen=True, kw_only=True), or it has no fields")
        for name, spec, value in self.items():
            object.__setattr__(self, name, self._checked(name, spec, value))

    def items(self) -> Iterator[tuple[str, ParamSpec, Any]]:
        """``(name, spec, value)`` of every field, in order of declaration."""
        for f in dataclasses.fields(self):
            yield f.name, f.metadata.get("param", ParamSpec("1", "")), getattr(self, f.name)

    def asdict(self) -> dict[str, Any]:
        """Names and values."""
        return {name: value for name, _, value in self.items()}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the fields, in order of declaration."""
        return tuple(f.name for f in dataclasses.fields(cls))

    def replace(self, overrides: Mapping[str, Any]) -> Self:
        """A copy with other values; texts are read as the field's type (``--set n_users=18``)."""
        for name in overrides:
            self.spec(name)
        return dataclasses.replace(self, **overrides)

    @classmethod
    def spec(cls, name: str) -> ParamSpec:
        """The declaration of a field.

        Raises
        ------
        DtbenchError
            If there is no such field; the message offers a near one.
        """
        for field in dataclasses.fields(cls):
            if field.name == name:
                spec: ParamSpec = field.metadata.get("param", ParamSpec("1", ""))
                return spec
        allowed = ", ".join(cls.names()) or "none"
        raise DtbenchError(f"unknown {cls._what()} '{name}'.{near(name, cls.names())} Allowed: {allowed}.")

    @classmethod
    def checked(cls, name: str, value: Any) -> Any:
        """A value as the field's type and range take it; relations between fields are checked by the constructor.

        Raises
        ------
        DtbenchError
            If there is no such field, or the value does not fit.
        """
        return cls._checked(name, cls.spec(name), value)

    @classmethod
    def _what(cls) -> str:
        return "parameter"

    @classmethod
    def _checked(cls, name: str, spec: ParamSpec, value: Any) -> Any:
        kind = _hints(cls)[name]
        where = f"{cls._what()} '{name}'"
        try:
            if kind is bool:
                value = _as_bool(value)
            elif kind is int:
                if float(value) != int(float(value)):
                    raise ValueError
                value = int(float(value))
            elif kind is float:
                value = float(value)
            else:
                value = str(value)
        except (TypeError, ValueError, OverflowError):
            raise DtbenchError(f"{where} is {shown(value)}; expected {kind.__name__}.") from None
        if spec.choices and value not in spec.choices:
            raise DtbenchError(f"{where} is {shown(value)}; expected one of {', '.join(spec.choices)}.")
        if isinstance(value, float | int) and not (math.isfinite(value) and spec.low <= value <= spec.high):
            unit = "" if spec.unit == "1" else f" {spec.unit}"
            raise DtbenchError(f"{where} is {shown(value)}; expected {_range(spec.low, spec.high)}{unit}.")
        return value


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"a finite number of at least {low:g}"
    return f"a number from {low:g} to {high:g}" if math.isfinite(low) else f"a finite number of at most {high:g}"


def _as_bool(value: Any) -> bool:
    texts = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in texts:
        raise ValueError(text)
    return texts[text]


class Params(Declared):
    """Parameters of a problem; a problem's subclass lists them with the paper's symbols."""

    def check_ranges(self, *apart: str) -> None:
        """Refuse ``x_min`` above ``x_max``, for every pair but those named ``apart``.

        Raises
        ------
        DtbenchError
            It names both parameters and their values.
        """
        for low in (name for name in self.names() if name.endswith("_min") and name not in apart):
            high = low.removesuffix("_min") + "_max"
            if high in self.names() and getattr(self, low) > getattr(self, high):
                raise DtbenchError(
                    f"parameter '{low}' is {getattr(self, low):g}, above '{high}' = {getattr(self, high):g}; "
                    "set both so that the range is not empty."
                )


class Options(Declared):
    """Options of a solver; a solver's subclass lists them."""

    @classmethod
    def _what(cls) -> str:
        return "option"

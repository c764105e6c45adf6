"""Frozen dataclasses of arrays whose last axes are declared and whose leading axes are free.

A field made with :func:`array` knows its dimensions, unit and meaning. Everything that is stored, sliced, checked or
documented reads them from there: the instance files, the shape check of a decision, ``dtbench show``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from dtbench import notebook

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Index = Any  # what numpy takes between brackets

Kind = Literal["float", "int", "bool"]
DTYPES: Mapping[str, type[np.generic]] = {"float": np.float64, "int": np.int64, "bool": np.bool_}


@dataclass(frozen=True)
class ArraySpec:
    """What one array field is: its own (last) dimensions, unit, meaning, kind and range of valid values."""

    dims: tuple[str, ...]
    unit: str
    doc: str
    kind: Kind = "float"
    low: float | None = None
    high: float | None = None


def array(
    *dims: str, unit: str, doc: str, kind: Kind = "float", low: float | None = None, high: float | None = None
) -> Any:
    """Declare an array field ``(..., *dims)`` of a :class:`Batched` dataclass.

    Parameters
    ----------
    dims
        Names of the last axes. ``"time"``, if present, comes first.
    unit
        SI unit, ``"1"`` for a pure number.
    doc
        One line: what it is, with the paper's symbol.
    kind
        ``"float"``, ``"int"`` or ``"bool"``.
    low, high
        Range of valid values (inclusive), checked when a file is read.
    """
    return dataclasses.field(metadata={"array": ArraySpec(dims, unit, doc, kind, low, high)})


ARRAY_COLUMNS = ("name", "axes", "shape", "unit", "least", "greatest", "meaning")
_SPECS: dict[type, dict[str, ArraySpec]] = {}


def specs(cls: type[Batched]) -> dict[str, ArraySpec]:
    """Array fields of a class, in order of declaration."""
    if cls not in _SPECS:
        _SPECS[cls] = {f.name: f.metadata["array"] for f in dataclasses.fields(cls) if "array" in f.metadata}
    return _SPECS[cls]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batched:
    """Base of instances, states, slots and decisions: arrays that agree up to broadcasting of their leading axes."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # or the dataclass makes one of whole arrays

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, _, value in self.arrays())
        return f"<{type(self).__qualname__}: {shapes}>"

    def _repr_html_(self) -> str:
        return notebook.table(repr(self).partition(":")[0].strip("<>"), ARRAY_COLUMNS, self._array_rows())

    def _array_rows(self) -> Iterator[tuple[object, ...]]:
        for name, spec, value in self.arrays():
            array = np.asarray(value)
            dims = ("...",) * (array.ndim > len(spec.dims)) + spec.dims
            ends = (f"{array.min():.4g}", f"{array.max():.4g}") if array.size else ("", "")
            yield name, f"({', '.join(dims)})", str(array.shape), "" if spec.unit == "1" else spec.unit, *ends, spec.doc

    def arrays(self) -> Iterator[tuple[str, ArraySpec, Any]]:
        """``(name, spec, value)`` of every array field."""
        for name, spec in specs(type(self)).items():
            yield name, spec, getattr(self, name)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes, after broadcasting of all fields."""
        return self._lead[0]

    @cached_property
    def _lead(self) -> tuple[tuple[int, ...], bool]:
        """The leading axes, and whether every field is an array that has all of them."""
        leads, arrays = set(), True
        for name, spec in specs(type(self)).items():
            value = getattr(self, name)
            known = isinstance(value, np.ndarray)
            shape = value.shape if known else np.shape(value)
            leads.add(shape[: len(shape) - len(spec.dims)])
            arrays = arrays and known
        return (leads.pop(), arrays) if len(leads) == 1 else (np.broadcast_shapes(*leads), False)

    def _spread_out(self) -> Self:
        """The same with every field an array that has all leading axes."""
        batch, new = self.batch_shape, {}
        for name, spec, value in self.arrays():
            array = np.asarray(value)
            shape = batch + array.shape[array.ndim - len(spec.dims) :]
            if array is not value or array.shape != shape:
                new[name] = spread(array, shape)
        made = dataclasses.replace(self, **new)
        vars(made)["_lead"] = batch, True
        return made

    @cached_property
    def dims(self) -> dict[str, int]:
        """Length of every declared dimension."""
        sizes: dict[str, int] = {}
        for _, spec, value in self.arrays():
            shape = np.shape(value)
            sizes |= dict(zip(spec.dims, shape[len(shape) - len(spec.dims) :], strict=True))
        return sizes

    def __getitem__(self, index: Index) -> Self:
        """Index the leading axes of every field: ``slot[3]``, ``slots[:, None]``, ``population[order]``.

        Fields that lean on broadcasting are spread (as views) first. Use ``[...]`` to spread only: what is spread
        already is returned as it is, with the tables that it has computed.
        """
        if index is Ellipsis:
            return self if self._lead[1] else self._spread_out()
        batch = self.batch_shape
        index = index if isinstance(index, tuple) else (index,)
        if not any(i is Ellipsis for i in index):
            index += (...,)
        new = {}
        for name, spec, value in self.arrays():
            value, own = np.asarray(value), len(spec.dims)
            trailing = value.shape[value.ndim - own :]
            new[name] = spread(value, batch + trailing)[index + (slice(None),) * own]
        return dataclasses.replace(self, **new)

    def copied(self) -> Self:
        """The same fields as copies that cannot be written to: nothing leads from them to where they come from."""
        new = {}
        for name, _, value in self.arrays():
            new[name] = np.array(value)
            new[name].setflags(write=False)
        return dataclasses.replace(self, **new)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> Self:
        """Join members of equal shape along a new first axis; other fields are the first member's."""
        new = {name: np.stack([np.asarray(getattr(m, name)) for m in members]) for name in specs(cls)}
        return dataclasses.replace(members[0], **new)


def at(value: Any, spec: ArraySpec, t: npt.ArrayLike, batch: tuple[int, ...]) -> Any:
    """Values of one instance field in slot ``t``.

    Parameters
    ----------
    value
        (\\*batch or nothing, time, ...) if ``spec`` has a time axis, else (\\*batch or nothing, ...).
    t
        Slot number: one for all, or an array whose first axes broadcast with ``batch``; further axes are new ones.
    batch
        Leading axes of the instance.

    Returns
    -------
    array
        (\\*batch, \\*further axes of t, ...); without the leading axes where the field has none.
    """
    value = np.asarray(value)
    batched, changes = value.ndim > len(spec.dims), spec.dims[:1] == ("time",)
    if isinstance(t, int):  # the usual case, quickly
        lead = len(batch) if batched else 0
        return value[(slice(None),) * lead + (t,)] if changes else value
    t = np.asarray(t)
    if changes:
        if not batched:
            return value[t]
        lead = len(batch)
        if t.ndim == 0:
            return value[(slice(None),) * lead + (t,)]
        grid = np.ix_(*(np.arange(n) for n in batch))
        grid = tuple(g.reshape(g.shape + (1,) * (t.ndim - lead)) for g in grid)
        return value[(*grid, t)]
    extra = t.ndim - len(batch)
    if batched and extra > 0:
        trailing = value.shape[value.ndim - len(spec.dims) :]
        return value.reshape(value.shape[: value.ndim - len(spec.dims)] + (1,) * extra + trailing)
    return value


def portions(count: int, each: int, most: int = 2**23) -> Iterator[slice]:
    """Slices of ``count`` members whose arrays of ``each`` numbers a member hold at most ``most`` (64 MiB) together.

    What grows with pairs of users is worked on like this, so that a batch of any size fits into memory.

    >>> list(portions(5, each=3, most=6))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, most // max(each, 1))
    return (slice(first, first + step) for first in range(0, count, step))


@lru_cache(maxsize=1024)
def _grid(lead: tuple[int, ...], more: int = 0) -> tuple[IntArray, ...]:
    """Open grid over leading axes, with ``more`` axes of length one at the end: an index that broadcasts by itself."""
    axes = len(lead) + more
    grid = tuple(np.arange(n).reshape((-1,) + (1,) * (axes - 1 - axis)) for axis, n in enumerate(lead))
    for each in grid:
        each.setflags(write=False)
    return grid


def pick(table: npt.NDArray[Any], index: IntArray) -> Any:
    """Entry ``index`` of the last axis, the other axes broadcast: (..., K) and (...) give (...)."""
    return np.asarray(table[(*_grid(table.shape[:-1]), index)])


def take(table: npt.NDArray[Any], index: IntArray) -> Any:
    """Entries ``index`` of the last axis, the other axes broadcast: (..., K) and (..., n) give (..., n)."""
    return table[(*_grid(table.shape[:-1], 1), index)]


def rows(table: npt.NDArray[Any], index: IntArray) -> Any:
    """Rows ``index`` of the last axis but one, the other axes broadcast: (..., J, C) and (..., I) give (..., I, C)."""
    return table[(*_grid(table.shape[:-2], 1), index)]


def spread(value: npt.NDArray[Any], shape: tuple[int, ...]) -> Any:
    """``value`` broadcast to ``shape``, to be read only; quickly where only axes of length one are missing, or none."""
    if value.shape == shape:
        return value
    more = len(shape) - value.ndim
    if more > 0 and shape[more:] == value.shape and shape[:more] == (1,) * more:
        return value.reshape(shape)  # one environment: a fraction of what broadcasting takes
    return np.broadcast_to(value, shape)

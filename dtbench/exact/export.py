"""LP and MPS files that every solver reads alike.

Readers disagree about what lies beside the core of both formats: some solve a maximisation as a minimisation, read the
objective's constant with the other sign, or take words of a section for names. So what is written is always a
minimisation without constant: a maximisation is negated, and a column fixed at 1 bears the constant. Rows have one
side, names are letters, digits and underscores. MPS files are free MPS (``glpsol --freemps``).
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from scipy import sparse

from dtbench.arrays import Array
from dtbench.errors import DtbenchError
from dtbench.exact.linear import LinearModel
from dtbench.files import write_safely

Format = Literal["lp", "mps"]

CONSTANT = "objective_constant"
OBJECTIVE = "cost"
WIDTH = 110  # of a line of comment: HiGHS takes 560 signs, others 255
TERMS = 3  # of a row, on a line of an LP file: readers take 255 signs
KEYWORDS = {
    "bin", "binaries", "binary", "bounds", "end", "free", "gen", "general", "generals", "inf", "infinity", "int",
    "integer", "integers", "max", "maximize", "maximum", "min", "minimize", "minimum", "semi", "sos", "st", "subject",
    CONSTANT, OBJECTIVE,
}  # fmt: skip


def write_model(model: LinearModel, path: Path, fmt: Format, header: Sequence[str] = ()) -> None:
    """Write a model for other solvers.

    Parameters
    ----------
    model
        As it is meant: its sense and constant are dealt with here (:func:`standard`).
    path
        The file; an existing one is replaced.
    header
        Lines of comment at the top.

    Raises
    ------
    DtbenchError
        If the format is neither ``lp`` nor ``mps``, or the file cannot be written.
    """
    if fmt not in get_args(Format):
        raise DtbenchError(f"format is '{fmt}'; expected one of {', '.join(get_args(Format))}.")
    sign, lines = ("\\", _lp) if fmt == "lp" else ("*", _mps)
    wrapped = (part for line in header for part in textwrap.wrap(line, WIDTH, subsequent_indent="    ") or [""])
    text = [f"{sign} {line}".rstrip() for line in wrapped]
    text += lines(standard(model))
    try:
        write_safely(path, ("\n".join(text) + "\n").encode("ascii", "replace"))
    except OSError as error:
        raise DtbenchError(f"cannot write '{path}': {error.strerror or error}.") from error


def standard(model: LinearModel) -> LinearModel:
    """The model as it is written: a minimisation, its last column fixed at 1 for the constant, rows with one side.

    Rows without sides are left out. The columns keep their order.
    """
    sign = 1.0 if model.sense == "min" else -1.0
    names, row_names = column_names(model), clean(model.row_names or [f"r{i}" for i in range(model.n_rows)])
    equal = model.row_lower == model.row_upper
    below, above = np.isfinite(model.row_upper), np.isfinite(model.row_lower) & ~equal
    both = below & above
    order = np.concatenate([np.flatnonzero(below), np.flatnonzero(above)])
    upper = np.arange(len(order)) < below.sum()
    n = len(order)
    rows = sparse.csr_array(sparse.hstack([model.rows[order], sparse.csr_array((n, 1))], format="csr"))
    side = np.where(upper, model.row_upper[order], model.row_lower[order])
    suffix = np.where(both[order], np.where(upper, "_most", "_least"), "")
    return LinearModel(
        cost=np.append(sign * model.cost, sign * model.offset),
        lower=np.append(model.lower, 1.0), upper=np.append(model.upper, 1.0), integer=np.append(model.integer, False),
        rows=rows, row_lower=np.where(upper & ~equal[order], -np.inf, side),
        row_upper=np.where(upper, side, np.inf), names=[*names, CONSTANT],
        row_names=[f"{row_names[i]}{s}" for i, s in zip(order.tolist(), suffix.tolist(), strict=True)],
    )  # fmt: skip


def column_names(model: LinearModel) -> list[str]:
    """What the columns are called in files; their own names, made fit for every reader."""
    return clean(model.names or [f"x{i}" for i in range(model.n_columns)])


def clean(names: Sequence[str]) -> list[str]:
    """Names of letters, digits and underscores that are no number and no word of a format, each once.

    >>> clean(["a[1,2]", "e1", "bin", "a_1_2"])
    ['a_1_2', 'x_e1', 'x_bin', 'a_1_2_2']
    """
    made: list[str] = []
    seen: Counter[str] = Counter()
    for name in names:
        word = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"
        if not word[0].isalpha() or word[0] in "eE" or word.lower() in KEYWORDS:
            word = f"x_{word}"
        seen[word] += 1
        made.append(word if seen[word] == 1 else f"{word}_{seen[word]}")
    return made if len(set(made)) == len(made) else [f"{word}_c{i}" for i, word in enumerate(made)]


def number(value: float) -> str:
    """The shortest text that is read back as the same number."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _lp(model: LinearModel) -> Iterator[str]:
    """The lines of an LP file."""
    names = list(model.names)
    unused = np.diff(sparse.csc_array(model.rows).indptr) == 0
    yield "Minimize"
    shown = np.flatnonzero((model.cost != 0.0) | unused)  # a column must be met before its bounds
    yield from _sum(f"{OBJECTIVE}:", [names[j] for j in shown], model.cost[shown])
    yield "Subject To"
    rows = model.rows
    for i, name in enumerate(model.row_names):
        part = slice(rows.indptr[i], rows.indptr[i + 1])
        lines = list(_sum(f"{name}:", [names[j] for j in rows.indices[part]], rows.data[part]))
        low, high = float(model.row_lower[i]), float(model.row_upper[i])
        relation = "=" if low == high else "<=" if np.isfinite(high) else ">="
        lines[-1] += f" {relation} {number(high if np.isfinite(high) else low)}"
        yield from lines
    binary = model.integer & (model.lower == 0.0) & (model.upper == 1.0)
    yield "Bounds"
    for j in np.flatnonzero(~binary):
        yield from _bounds(names[j], float(model.lower[j]), float(model.upper[j]))
    for title, which in (("Binaries", binary), ("Generals", model.integer & ~binary)):
        if which.any():
            yield title
            yield from (f" {names[j]}" for j in np.flatnonzero(which))
    yield "End"


def _sum(label: str, names: Sequence[str], values: Array) -> Iterator[str]:
    """``label: 2 a - b``, on as many lines as it needs; ``0 objective_constant`` where there is no term."""
    terms = [
        f"{'-' if value < 0 else '+'} {number(abs(value))} {name}"
        for name, value in zip(names, values.tolist(), strict=True)
    ] or [f"+ 0 {CONSTANT}"]
    for first in range(0, len(terms), TERMS):
        yield f" {label if first == 0 else ' '} {' '.join(terms[first : first + TERMS])}"


def _bounds(name: str, lower: float, upper: float) -> Iterator[str]:
    if lower == upper:
        yield f" {name} = {number(lower)}"
    elif np.isinf(lower) and np.isinf(upper):
        yield f" {name} free"
    elif np.isinf(lower):
        yield f" -inf <= {name} <= {number(upper)}"
    elif np.isfinite(upper):
        yield f" {number(lower)} <= {name} <= {number(upper)}"
    elif lower != 0.0:
        yield f" {name} >= {number(lower)}"


def _mps(model: LinearModel) -> Iterator[str]:
    """The lines of a free MPS file."""
    names, row_names = list(model.names), list(model.row_names)
    yield "NAME dtbench FREE"
    yield "ROWS"
    yield f" N {OBJECTIVE}"
    equal = model.row_lower == model.row_upper
    for name, same, high in zip(row_names, equal.tolist(), np.isfinite(model.row_upper).tolist(), strict=True):
        yield f" {'E' if same else 'L' if high else 'G'} {name}"
    yield "COLUMNS"
    columns = sparse.csc_array(model.rows)
    inside = False
    for j, name in enumerate(names):
        if bool(model.integer[j]) != inside:
            inside = not inside
            yield f" MARKER 'MARKER' '{'INTORG' if inside else 'INTEND'}'"
        part = slice(columns.indptr[j], columns.indptr[j + 1])
        if model.cost[j] != 0.0 or columns.indptr[j] == columns.indptr[j + 1]:
            yield f" {name} {OBJECTIVE} {number(model.cost[j])}"
        for i, value in zip(columns.indices[part].tolist(), columns.data[part].tolist(), strict=True):
            yield f" {name} {row_names[i]} {number(value)}"
    yield "RHS"
    side = np.where(np.isfinite(model.row_upper), model.row_upper, model.row_lower)
    for i in np.flatnonzero(side != 0.0):
        yield f" RHS {row_names[i]} {number(side[i])}"
    yield "BOUNDS"
    for j, name in enumerate(names):
        yield from _mps_bounds(name, float(model.lower[j]), float(model.upper[j]), bool(model.integer[j]))
    yield "ENDATA"


def _mps_bounds(name: str, lower: float, upper: float, integer: bool) -> Iterator[str]:
    """Bounds that are not [0, inf); integer columns say theirs always, as some readers think of [0, 1]."""
    if lower == upper:
        yield f" FX BND {name} {number(lower)}"
        return
    if np.isinf(lower):
        yield f" {'FR' if np.isinf(upper) else 'MI'} BND {name}"
    elif lower != 0.0:
        yield f" LO BND {name} {number(lower)}"
    if np.isfinite(upper):
        yield f" UP BND {name} {number(upper)}"
    elif integer and np.isfinite(lower):
        yield f" PL BND {name}"

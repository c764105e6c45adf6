"""LP and MPS files: of Pyomo models with readable names, and of linear models through HiGHS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from dtbench.errors import DtbenchError
from dtbench.exact.linear import LinearModel

Format = Literal["lp", "mps"]


def write_pyomo(model: Any, path: Path, fmt: Format) -> None:
    """Write a Pyomo model with the names of its constraints and variables.

    Raises
    ------
    DtbenchError
        If the format is neither ``lp`` nor ``mps``, or the file cannot be written.
    """
    from pyomo.opt import ProblemFormat

    def write(target: Path) -> None:
        kind = ProblemFormat.cpxlp if fmt == "lp" else ProblemFormat.mps
        model.write(str(target), format=kind, io_options={"symbolic_solver_labels": True})

    _write(path, fmt, write)


def write_linear(model: LinearModel, path: Path, fmt: Format) -> None:
    """Write a linear model through HiGHS, with its names where it has some.

    Raises
    ------
    DtbenchError
        If the format is neither ``lp`` nor ``mps``, or the file cannot be written.
    """
    import highspy

    from dtbench.exact.highs import handed_over

    def write(target: Path) -> None:
        highs = handed_over(model)
        lp = highs.getLp()
        lp.col_names_ = list(model.names) or [f"x{i}" for i in range(model.n_columns)]
        lp.row_names_ = list(model.row_names) or [f"r{i}" for i in range(model.n_rows)]
        highs.passModel(lp)
        if highs.writeModel(str(target)) == highspy.HighsStatus.kError:
            raise OSError("HiGHS refuses to write it")

    _write(path, fmt, write)


def _write(path: Path, fmt: str, write: Callable[[Path], None]) -> None:
    """Write under a name with the format's suffix, from which the writers tell the format, then rename."""
    if fmt not in get_args(Format):
        raise DtbenchError(f"format is '{fmt}'; expected one of {', '.join(get_args(Format))}.")
    target = path if path.suffix == f".{fmt}" else path.with_name(f"{path.name}.{fmt}")
    try:
        target.touch()  # HiGHS crashes on a file that it cannot open
        write(target)
        target.replace(path)
    except OSError as error:
        raise DtbenchError(f"cannot write '{path}': {error.strerror or error}.") from error

"""Solution files of other solvers, and MIP starts for them: values of columns by name.

Read are the files of HiGHS, CBC, SCIP, Gurobi, CPLEX and GLPK (``glpsol -o``), told apart by what stands in them.
Starts are written in the formats of all but GLPK, which takes none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import quoteattr

from dtbench.errors import DtbenchError, shown
from dtbench.exact.export import number
from dtbench.files import write_safely
from dtbench.outside import parse_text, read_bytes

MOST_BYTES = 2**28  # of a solution file
StartFormat = Literal["mst", "cbc", "highs", "cplex"]

TAG = re.compile(r"<variable\b([^<>]*)/?>")
ATTRIBUTE = re.compile(r"\b(\w{1,40})\s{0,9}=\s{0,9}\"([^\"]{0,400})\"")
OBJECTIVE = re.compile(
    r"objective(?:: {1,9}\w{1,80}| ?value)?[ \t:=\"]{1,80}([-+]?\d{1,40}(?:\.\d{0,40})?(?:e[-+]?\d{1,4})?)",
    re.IGNORECASE,
)
GLPK_STATUS = {"*", "B", "NL", "NU", "NF", "NS"}
NO_SOLUTION = re.compile(
    r"infeasible|unbounded|no (?:integer )?solution|no feasible|not (?:been )?solved|^none$", re.IGNORECASE
)


@dataclass(frozen=True)
class Solution:
    """What a file says.

    ``values`` of columns by name; ``complete`` if the format lists those that are 0 too; ``solver`` that wrote it;
    ``objective`` of the minimisation that was solved, NaN where the file has none.
    """

    values: Mapping[str, float]
    complete: bool
    solver: str
    objective: float


def read(path: Path) -> Solution:
    """Read a solution file.

    Raises
    ------
    DtbenchError
        If it is of no known format, holds no solution, a line that is none, a number that is none, or a name twice.
    """
    where = f"'{path}'"
    text = parse_text(read_bytes(path, MOST_BYTES), where)
    head = text[:4000]
    found = next((entry for entry in FORMATS if entry[1].search(head)), None)
    if found is None:
        raise DtbenchError(
            f"{where} is no solution file that is known: expected one of HiGHS, CBC, SCIP, Gurobi, CPLEX "
            "or GLPK (glpsol -o)."
        )
    solver, _, complete, lines = found
    values: dict[str, float] = {}
    for name, value in lines(text, where):
        if name in values:
            raise DtbenchError(f"{where}: column {shown(name)} stands there twice.")
        try:
            values[name] = float(value)
        except ValueError:
            raise DtbenchError(f"{where}: column {shown(name)} is {shown(value)}, expected a number.") from None
    if not values:
        raise DtbenchError(f"{where} ({solver}) holds no values of columns: the solver found no solution.")
    said = OBJECTIVE.search(head)
    return Solution(values, complete, solver, float(said[1]) if said else math.nan)


def _highs(text: str, where: str) -> Iterator[tuple[str, str]]:
    """``# Columns 3``, then lines of name and value until ``# Rows``."""
    found = re.search(r"^# Primal solution values[ \t]{0,9}\n(.{0,200})$", text, re.MULTILINE)
    if found and NO_SOLUTION.search(found[1].strip()):
        raise DtbenchError(f"{where} (HiGHS) says {shown(found[1].strip())}: it holds no solution.")
    begins = re.search(r"^# Columns (\d{1,9})[ \t]{0,9}$", text, re.MULTILINE)
    if begins is None:
        raise DtbenchError(f"{where} (HiGHS) holds no columns: it is cut off, or the solver found no solution.")
    lines = text[begins.end() :].lstrip("\n").splitlines()[: int(begins[1])]
    for line in lines:
        if line.startswith("#"):
            return
        yield _pair(line, where)


def _cbc(text: str, where: str) -> Iterator[tuple[str, str]]:
    """``Optimal - objective value 3``, then lines of number, name, value and reduced cost; ``**`` marks broken ones."""
    first, _, rest = text.lstrip().partition("\n")
    if NO_SOLUTION.search(first):
        raise DtbenchError(f"{where} (CBC) says {shown(first.strip())}: it holds no solution.")
    for line in rest.splitlines():
        parts = line.replace("**", " ").split()
        if parts:
            if len(parts) < 3:
                raise DtbenchError(f"{where}: line {shown(line)} is not of a solution of CBC.")
            yield parts[1], parts[2]


def _plain(text: str, where: str) -> Iterator[tuple[str, str]]:
    """Lines of name and value, comments after ``#``: SCIP and Gurobi."""
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        if not line or re.match(r"objective value\s*:|solution status\s*:", line):
            if NO_SOLUTION.search(line):
                raise DtbenchError(f"{where} says {shown(line)}: it holds no solution.")
            continue
        if NO_SOLUTION.fullmatch(line.removesuffix(" available")):
            raise DtbenchError(f"{where} says {shown(line)}: it holds no solution.")
        yield _pair(line.split("(obj:", 1)[0], where)


def _cplex(text: str, where: str) -> Iterator[tuple[str, str]]:
    """``<variable name="x" index="0" value="1"/>`` of the first solution; nothing else of XML is looked at."""
    ends = text.find("</CPLEXSolution>")
    if ends < 0:
        raise DtbenchError(f"{where} (CPLEX) is cut off: '</CPLEXSolution>' is missing.")
    for tag in TAG.finditer(text[:ends]):
        attributes = dict(ATTRIBUTE.findall(tag[1]))
        if not {"name", "value"} <= set(attributes):
            raise DtbenchError(f"{where} (CPLEX): {shown(tag[0])} has no name or no value.")
        yield attributes["name"], attributes["value"]


def _glpk(text: str, where: str) -> Iterator[tuple[str, str]]:
    """The table of columns of ``glpsol -o``: number, name, status or ``*``, value; a long name has its own line."""
    status = re.search(r"^Status: {1,20}(\S.{0,60})$", text, re.MULTILINE)
    if status is None or re.search("UNDEFINED|EMPTY|INFEASIBLE|UNBOUNDED", status[1]):
        raise DtbenchError(f"{where} (GLPK) says {shown(status[1] if status else '')}: it holds no solution.")
    lines = iter(text.partition("Column name")[2].splitlines()[2:])
    for line in lines:
        parts = line.split()
        if not parts:
            return
        if len(parts) == 2:
            parts += next(lines, "").split()
        rest = parts[2:]
        if rest and rest[0] in GLPK_STATUS:
            rest = rest[1:]
        if not rest:
            raise DtbenchError(f"{where} (GLPK): column {shown(' '.join(parts))} has no value; the file is cut off.")
        yield parts[1] if len(parts) > 1 else "", rest[0]


def _pair(line: str, where: str) -> tuple[str, str]:
    parts = line.split()
    if len(parts) != 2:
        raise DtbenchError(f"{where}: line {shown(line)} is no name and value of a column.")
    return parts[0], parts[1]


Lines = Callable[[str, str], Iterator[tuple[str, str]]]
FORMATS: tuple[tuple[str, re.Pattern[str], bool, Lines], ...] = (
    ("CPLEX", re.compile(r"<CPLEXSolution\b"), True, _cplex),
    ("GLPK", re.compile(r"\AProblem:.{0,400}\nRows:"), True, _glpk),
    ("HiGHS", re.compile(r"^# Primal solution values|^Model status", re.MULTILINE), True, _highs),
    ("Gurobi", re.compile(r"^# (?:Solution for model|Objective value\s*=|MIP start)", re.MULTILINE), True, _plain),
    ("SCIP", re.compile(r"^(?:solution status|objective value)\s*:|^no solution", re.MULTILINE), False, _plain),
    ("CBC", re.compile(r"\A\s*(?:Optimal|Stopped|Infeasible|Integer infeasible|Unbounded|Status)\b.*"), False, _cbc),
)  # fmt: skip
"""Solver, what its files are known by, whether they list columns that are 0, and how they are read."""


# Starts


def write_start(path: Path, values: Iterable[tuple[str, float]], objective: float, fmt: StartFormat) -> None:
    """Write a MIP start.

    Parameters
    ----------
    values
        Names and values of all columns.
    objective
        The file's objective at the start, of the minimisation.
    fmt
        ``"mst"``: Gurobi and SCIP; ``"cbc"``, ``"highs"``, ``"cplex"``.

    Raises
    ------
    DtbenchError
        If the file cannot be written.
    """
    pairs = [(name, number(value)) for name, value in values]
    if fmt == "mst":
        lines = ["# MIP start by dtbench", *(f"{name} {value}" for name, value in pairs)]
    elif fmt == "cbc":
        lines = [f"Stopped on iterations - objective value {number(objective)}"]
        lines += [f"{i} {name} {value} 0" for i, (name, value) in enumerate(pairs)]
    elif fmt == "highs":
        lines = ["Model status", "Unknown", "", "# Primal solution values", "Feasible"]
        lines += [f"Objective {number(objective)}", f"# Columns {len(pairs)}"]
        lines += [*(f"{name} {value}" for name, value in pairs), "# Rows 0"]
    else:
        lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', '<CPLEXSolution version="1.2">']
        lines += [' <header solutionName="dtbench"/>', " <variables>"]
        lines += [f"  <variable name={quoteattr(n)} index={quoteattr(str(i))} value={quoteattr(v)}/>"
                  for i, (n, v) in enumerate(pairs)]  # fmt: skip
        lines += [" </variables>", "</CPLEXSolution>"]
    try:
        write_safely(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise DtbenchError(f"cannot write '{path}': {error.strerror or error}.") from error

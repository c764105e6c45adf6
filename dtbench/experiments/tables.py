"""What files of suites and sweeps share: TOML checked against pydantic models, errors in the words of the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dtbench import files
from dtbench.errors import DtbenchError, near, shown
from dtbench.experiments.record import CellLimits, FiniteScalar
from dtbench.outside import leave_out, parse_toml, read_bytes

Glob = Annotated[str, Field(min_length=1, max_length=1000)]


class FileTable(BaseModel):
    """A table of a file: unknown keys and values of another type are errors; descriptions say what is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class LimitsTable(FileTable):
    """``[limits]``: what each cell may use."""

    seconds: float = Field(default=3600.0, gt=0, le=10_000_000, description="a number of seconds above 0")
    memory_gib: float = Field(default=8.0, gt=0, le=1e6, description="a number of GiB above 0")
    threads: int = Field(default=1, ge=1, le=4096, description="a whole number of at least 1")

    def limits(self) -> CellLimits:
        """The same in SI units."""
        return CellLimits(seconds=self.seconds, memory=round(self.memory_gib * 2**30), threads=self.threads)


class TrainingTable(LimitsTable):
    """``[training]``: what each training of a policy may use; agents train on one thread."""

    seconds: float = Field(default=7200.0, gt=0, le=10_000_000, description="a number of seconds above 0")


EVERYWHERE = "*"


class SolverTable(FileTable):
    """One of ``[[solvers]]``: a solver with options."""

    name: str = Field(description="the name of a solver")
    label: str = Field(default="", max_length=200, description="a text of at most 200 signs: how tables call it")
    options: dict[str, FiniteScalar] = Field(
        default_factory=dict, description="a table of texts, finite numbers and true or false"
    )
    seeds: int | None = Field(default=None, ge=1, le=100_000, description="a whole number of at least 1")
    instances: list[Glob] = Field(default=[EVERYWHERE], min_length=1, description="a list of names or globs")

    @property
    def title(self) -> str:
        """The label, or the name with the options."""
        if self.label or not self.options:
            return self.label or self.name
        return f"{self.name} ({', '.join(f'{key}={value}' for key, value in self.options.items())})"


class File(FileTable):
    """What every file holds."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$", description="a short name of a-z, 0-9, - and _")
    title: str = Field(default="", description="a text")
    description: str = Field(default="", description="a text")
    limits: LimitsTable = Field(default=LimitsTable(), description="a table")
    training: TrainingTable = Field(default=TrainingTable(), description="a table")
    solvers: list[SolverTable] = Field(min_length=1, description="at least one [[solvers]] table")

    @property
    def summary(self) -> str:
        """Its title, and its description if it has one."""
        return ". ".join(part.rstrip(".") for part in (self.title, self.description) if part)


FileT = TypeVar("FileT", bound=File)
TableT = TypeVar("TableT", bound=FileTable)
NameT = TypeVar("NameT")
ReadT = TypeVar("ReadT")


@dataclass(frozen=True)
class Source:
    """A file of some kind ("suite", "sweep"), its name, checksum and text; makes the errors that name it."""

    kind: str
    name: str
    file: Path
    sha256: str
    text: str = ""

    def problem(self, key: str, value: Any, allowed: str, known: Sequence[str] = ()) -> DtbenchError:
        """The error of a key whose value is not what it should be; a near name in ``known`` is offered."""
        hint = near(str(value), known)
        return DtbenchError(f"{self.kind} '{self.file}': key '{key}' is {shown(value)}; expected {allowed}.{hint}")


def shipped(kind: str) -> list[str]:
    """Names of the shipped files of a kind."""
    return sorted(file.stem for file in files.folder(f"{kind}s").glob("*.toml"))


def readable(names: Iterable[NameT], read: Callable[[NameT], ReadT]) -> Iterator[ReadT]:
    """What the files of these names hold; those that cannot be used are named and left out."""
    for name in names:
        try:
            yield read(name)
        except DtbenchError as error:
            leave_out(error)


def read_file(kind: str, name: str | Path, model: type[FileT]) -> tuple[FileT, Source]:
    """Read a file: a shipped one by its name, any other by its path, which ends in ``.toml``.

    Raises
    ------
    DtbenchError
        If there is none, it does not fit the model, or two solvers have one label everywhere: the message names file,
        key, value and what is allowed.
    """
    content, source = read_table(kind, _file_of(kind, name), model)
    source = replace(source, name=content.name)
    _check_labels(source, content.solvers)
    return content, source


def read_table(kind: str, file: Path, model: type[TableT]) -> tuple[TableT, Source]:
    """Read a file of a path; its source has the name of the file.

    Raises
    ------
    DtbenchError
        If there is none, or it does not fit the model: the message names file, key, value and what is allowed.
    """
    text = read_bytes(file)
    raw = parse_toml(text, f"{kind} '{file}'")
    try:
        content = model.model_validate(raw)
    except ValidationError as error:
        raise _translated(Source(kind, file.stem, file, ""), model, raw, error) from None
    return content, Source(kind, file.stem, file, hashlib.sha256(text).hexdigest(), text.decode())


def _check_labels(source: Source, solvers: Sequence[SolverTable]) -> None:
    """One label is one method. Its options may differ by problem: tables of one solver, each with ``instances``."""
    seen: dict[str, int] = {}
    for number, solver in enumerate(solvers):
        first = seen.setdefault(solver.title, number)
        other = solvers[first]
        parts = other.name == solver.name and EVERYWHERE not in (*other.instances, *solver.instances)
        if other is not solver and not parts:
            raise source.problem(
                f"solvers.{number}.label", solver.title,
                f"a label of its own: 'solvers.{first}' has the same. "
                "Tables of one solver may share a label if each names instances of its own",
            )  # fmt: skip


def _file_of(kind: str, name: str | Path) -> Path:
    if str(name).endswith(".toml"):
        if not Path(name).is_file():
            raise DtbenchError(f"{kind} file '{name}' does not exist.")
        return Path(name)
    known = shipped(kind)
    if str(name) not in known:
        raise DtbenchError(
            f"unknown {kind} '{name}'.{near(str(name), known)} Known: {', '.join(known)}; "
            "a file of your own ends in '.toml'."
        )
    return files.folder(f"{kind}s") / f"{name}.toml"


def some(all_of_them: Sequence[str]) -> str:
    """The first names, and how many there are."""
    return ", ".join(all_of_them[:5]) + (f" ... ({len(all_of_them)} in all)" if len(all_of_them) > 5 else "")


def _translated(source: Source, model: type[FileTable], raw: Mapping[str, Any], error: ValidationError) -> DtbenchError:
    """The first error of pydantic in the file's words; at how many more places there is one."""
    first = error.errors()[0]
    path, value = _walk(raw, first["loc"])
    table, description = _declared(model, path)
    places = {tuple(_walk(raw, each["loc"])[0]) for each in error.errors()}  # a union gives an error per type
    more = f" ({len(places) - 1} more)" if len(places) > 1 else ""
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        allowed = list(table.model_fields)
        hint = near(str(path[-1]), allowed)
        return DtbenchError(
            f"{source.kind} '{source.file}': unknown key {shown(key)}.{hint} Allowed here: {', '.join(allowed)}.{more}"
        )
    if first["type"] == "missing":
        return DtbenchError(
            f"{source.kind} '{source.file}': key '{key}' is missing; expected {description}.{more}"
        )  # fmt: skip
    return DtbenchError(f"{source.problem(key, value, description)}{more}")


def _walk(raw: Any, location: Sequence[int | str]) -> tuple[list[int | str], Any]:
    """The part of an error's location that lies in the file, and the value there; pydantic adds names of types."""
    path: list[int | str] = []
    for number, part in enumerate(location):
        here = part in raw if isinstance(raw, dict) else isinstance(raw, list) and isinstance(part, int)
        if not here:
            last_of_table = isinstance(raw, dict) and number == len(location) - 1
            return ([*path, part], None) if last_of_table else (path, raw)
        raw = raw[part]
        path.append(part)
    return path, raw


def _declared(model: type[BaseModel], path: Sequence[int | str]) -> tuple[type[BaseModel], str]:
    """The table that holds the key, and what its description allows."""
    description = ""
    for number, part in enumerate(path):
        if isinstance(part, int):
            continue
        if part not in model.model_fields:
            break
        field = model.model_fields[part]
        description = field.description or ""
        inner = [t for t in (field.annotation, *get_args(field.annotation)) if isinstance(t, type)]
        tables = [t for t in inner if issubclass(t, BaseModel)]
        if not tables:
            break  # keys below are names of options or parameters, not ours
        if number < len(path) - 1:
            model = tables[0]
    return model, description

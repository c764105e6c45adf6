"""Suites: which solvers run on which instances, with which seeds and limits. One TOML file each.

name = "example"
title = "Two baselines on the tiny instances"
instances = ["stin-deployment/tiny-*", "mine/*.nc"]  # names in the library, or files beside the suite
seeds = 3                                            # seeds 0, 1, 2; solvers that do not draw get seed 0 only

[limits]
seconds = 60.0
memory_gib = 2.0
threads = 1

[[solvers]]
name = "random"

[[solvers]]
name = "genetic"
label = "genetic, 50 members"
options = {population = 50}
instances = ["*/tiny-*"]                             # of the suite's instances, these only
seeds = 1
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dtbench import instances, resources
from dtbench.errors import DtbenchError
from dtbench.experiments.record import Limits, Scalar
from dtbench.problems import all_problems


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SuiteLimits(_Table):
    """``[limits]``: what each cell may use."""

    seconds: float = Field(default=3600.0, gt=0, le=10_000_000, description="a number of seconds above 0")
    memory_gib: float = Field(default=8.0, gt=0, le=1e6, description="a number of GiB above 0")
    threads: int = Field(default=1, ge=1, le=4096, description="a whole number of at least 1")

    def limits(self) -> Limits:
        """The same in SI units."""
        return Limits(seconds=self.seconds, memory=round(self.memory_gib * 2**30), threads=self.threads)


class SolverTable(_Table):
    """One of ``[[solvers]]``: a solver with options."""

    name: str = Field(description="the name of a solver")
    label: str = Field(default="", description="a text: how tables call it")
    options: dict[str, Scalar] = Field(default_factory=dict, description="a table of texts, numbers and true or false")
    seeds: int | None = Field(default=None, ge=1, le=100_000, description="a whole number of at least 1")
    instances: list[str] = Field(default=["*"], min_length=1, description="a list of names or globs")

    @property
    def title(self) -> str:
        """The label, or the name with the options."""
        if self.label or not self.options:
            return self.label or self.name
        return f"{self.name} ({', '.join(f'{key}={value}' for key, value in self.options.items())})"


class SuiteFile(_Table):
    """A suite as it is written."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="a short name of a-z, 0-9, - and _")
    title: str = Field(default="", description="a text")
    description: str = Field(default="", description="a text")
    instances: list[str] = Field(min_length=1, description="a list of names or globs, or of paths that end in .nc")
    seeds: int = Field(default=1, ge=1, le=100_000, description="a whole number of at least 1")
    limits: SuiteLimits = Field(default=SuiteLimits(), description="a table")
    solvers: list[SolverTable] = Field(min_length=1, description="at least one [[solvers]] table")


@dataclass(frozen=True)
class InstanceFile:
    """An instance of a suite: its name in records, problem, size, file and checksum."""

    name: str
    problem: str
    size: str
    file: Path
    shipped: bool
    sha256: str


@dataclass(frozen=True)
class Suite:
    """A suite that has been read: its content, file and checksum."""

    content: SuiteFile
    file: Path
    sha256: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.content.name

    @property
    def description(self) -> str:
        """Its title, and its description if it has one."""
        return ". ".join(part.rstrip(".") for part in (self.content.title, self.content.description) if part)

    def instances(self) -> list[InstanceFile]:
        """The instances, each once, in the order of the suite.

        Raises
        ------
        DtbenchError
            If an entry matches nothing, or two files have one name.
        """
        found: dict[str, InstanceFile] = {}
        for number, pattern in enumerate(self.content.instances):
            for each in _expand(pattern, self.file, f"instances.{number}"):
                if found.setdefault(each.name, each).file != each.file:
                    raise _problem(
                        self.file, f"instances.{number}", pattern,
                        f"files of different names: '{each.name}' is also '{found[each.name].file}'",
                    )  # fmt: skip
        self._check_narrowing(found)
        return list(found.values())

    def _check_narrowing(self, names: Mapping[str, Any]) -> None:
        for number, solver in enumerate(self.content.solvers):
            for place, pattern in enumerate(solver.instances):
                if not fnmatch.filter(names, pattern):
                    raise _problem(
                        self.file, f"solvers.{number}.instances.{place}", pattern,
                        f"a name or glob that matches an instance of the suite: {_some(list(names))}",
                    )  # fmt: skip


def names() -> list[str]:
    """Names of the shipped suites."""
    return sorted(file.stem for file in resources.folder("suites").glob("*.toml"))


def built_in() -> list[Suite]:
    """The shipped suites."""
    return [read(name) for name in names()]


def read(suite: str | Path) -> Suite:
    """Read a suite: a shipped one by its name, any other by the path of its file.

    Raises
    ------
    DtbenchError
        If there is none, or it is not a valid suite: the message names file, key, value and what is allowed.
    """
    file = _file_of(suite)
    try:
        text = file.read_bytes()
        raw = tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise DtbenchError(f"suite '{file}' cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DtbenchError(f"suite '{file}' is not valid TOML: {error}.") from None
    try:
        content = SuiteFile.model_validate(raw)
    except ValidationError as error:
        raise _translated(file, raw, error) from None
    _check_labels(file, content)
    return Suite(content, file, hashlib.sha256(text).hexdigest())


def _file_of(suite: str | Path) -> Path:
    if str(suite).endswith(".toml"):
        if not Path(suite).is_file():
            raise DtbenchError(f"suite file '{suite}' does not exist.")
        return Path(suite)
    if str(suite) not in names():
        hint = _near(str(suite), names())
        raise DtbenchError(
            f"unknown suite '{suite}'.{hint} Known: {', '.join(names())}; a file of your own ends in '.toml'."
        )
    return resources.folder("suites") / f"{suite}.toml"


def _check_labels(file: Path, content: SuiteFile) -> None:
    seen: dict[str, int] = {}
    for number, solver in enumerate(content.solvers):
        if solver.title in seen:
            raise _problem(
                file, f"solvers.{number}.label", solver.title,
                f"a label of its own: 'solvers.{seen[solver.title]}' has the same",
            )  # fmt: skip
        seen[solver.title] = number


def _expand(pattern: str, suite: Path, key: str) -> list[InstanceFile]:
    """Instances of one entry: files if it ends in ``.nc``, names of the library otherwise."""
    if pattern.endswith(".nc"):
        folder = suite.parent
        files = sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
        if not [file for file in files if file.is_file()]:
            raise _problem(suite, key, pattern, f"instance files; there are none at '{folder / pattern}'")
        return [_own(file) for file in files]
    found = instances.match(pattern)
    if not found:
        sizes = {id: tuple(owner.sizes) for id, owner in all_problems().items()}
        globs = [f"{id}/{size}-*" for id, each in sizes.items() for size in each]
        known = "; ".join(f"{id} ({', '.join(each)})" for id, each in sizes.items())
        raise _problem(suite, key, pattern, f"PROBLEM/SIZE-NUMBER, with globs, of {known}", globs)
    return [_shipped(name) for name in found]


def _shipped(name: str) -> InstanceFile:
    problem, _, stem = name.partition("/")
    file = instances.path_of(name)
    return InstanceFile(name, problem, stem.rpartition("-")[0], file, True, instances.sha256_of(name))


def _own(file: Path) -> InstanceFile:
    instance = instances.load(file)
    return InstanceFile(
        file.name, instance.problem, instance.size, file.resolve(), False, instances.sha256_of(file)
    )  # fmt: skip


def _problem(file: Path, key: str, value: Any, allowed: str, known: Sequence[str] = ()) -> DtbenchError:
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return DtbenchError(f"suite '{file}': key '{key}' is {shown}; expected {allowed}.{_near(str(value), known)}")


def unknown_solver(suite: Suite, number: int, known: Sequence[str]) -> DtbenchError:
    """The error of a suite that names a solver which does not exist."""
    name = suite.content.solvers[number].name
    return _problem(suite.file, f"solvers.{number}.name", name, f"one of {', '.join(known)}", known)


def _near(value: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, known, 1)
    return f" Did you mean '{near[0]}'?" if near else ""


def _some(all_of_them: Sequence[str]) -> str:
    return ", ".join(all_of_them[:5]) + (f" ... ({len(all_of_them)} in all)" if len(all_of_them) > 5 else "")


def _translated(file: Path, raw: Mapping[str, Any], error: ValidationError) -> DtbenchError:
    """The first error of pydantic in a suite's words; how many more there are."""
    first = error.errors()[0]
    path, value = _walk(raw, first["loc"])
    model, description = _declared(path)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 and not _is_union(path) else ""
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        allowed = list(model.model_fields)
        hint = _near(str(path[-1]), allowed)
        return DtbenchError(f"suite '{file}': unknown key '{key}'.{hint} Allowed here: {', '.join(allowed)}.{more}")
    if first["type"] == "missing":
        return DtbenchError(f"suite '{file}': key '{key}' is missing; expected {description}.{more}")
    found = _problem(file, key, value, description)
    return DtbenchError(f"{found}{more}")


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


def _declared(path: Sequence[int | str]) -> tuple[type[BaseModel], str]:
    """The table that holds the key, and what its description allows."""
    model: type[BaseModel] = SuiteFile
    description = ""
    for number, part in enumerate(path):
        if isinstance(part, int) or part not in model.model_fields:
            continue
        field = model.model_fields[part]
        description = field.description or ""
        inner = [t for t in (field.annotation, *get_args(field.annotation)) if isinstance(t, type)]
        tables = [t for t in inner if issubclass(t, BaseModel)]
        if tables and number < len(path) - 1:
            model = tables[0]
    return model, description


def _is_union(path: Sequence[int | str]) -> bool:
    return "options" in path

"""Suites: which solvers run on which instances, with which seeds and limits. One TOML file each.

name = "example"
title = "Two baselines on the tiny instances"
instances = ["stin-deployment/tiny-*", "mine/*.nc"]  # names in the library, or files beside the suite
seeds = 3                                            # seeds 0, 1, 2; solvers that do not draw get seed 0 only

[limits]
seconds = 60.0
memory_gib = 2.0
threads = 1

[training]                                           # of each policy that is neither shipped nor named
seconds = 7200.0
memory_gib = 8.0

[[solvers]]
name = "random"

[[solvers]]
name = "genetic"
label = "genetic, 50 members"
options = {population = 50}
instances = ["*/tiny-*"]                             # of the suite's instances, these only; so a label can be in
                                                     # several tables of one solver, with options for each problem
seeds = 1
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from dtbench.experiments.tables import File, Glob, Source, read_file, readable, shipped, some
from dtbench.library import instances
from dtbench.problems import all_problems


class SuiteFile(File):
    """A suite as it is written."""

    instances: list[Glob] = Field(min_length=1, description="a list of names or globs, or of paths that end in .nc")
    seeds: int = Field(default=1, ge=1, le=100_000, description="a whole number of at least 1")


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
    """A suite that has been read, or that a sweep stands for: its content and where it comes from."""

    content: SuiteFile
    source: Source

    @property
    def name(self) -> str:
        """Its name."""
        return self.content.name

    @property
    def file(self) -> Path:
        """The file it was read from."""
        return self.source.file

    @property
    def description(self) -> str:
        """Its title, and its description if it has one."""
        return self.content.summary

    def instances(self) -> list[InstanceFile]:
        """The instances, each once, in the order of the suite.

        Raises
        ------
        DtbenchError
            If an entry matches nothing, or two files have one name.
        """
        found: dict[str, InstanceFile] = {}
        for number, pattern in enumerate(self.content.instances):
            for each in _expand(pattern, self.source, f"instances.{number}"):
                if found.setdefault(each.name, each).file != each.file:
                    raise self.source.problem(
                        f"instances.{number}", pattern,
                        f"files of different names: '{each.name}' is also '{found[each.name].file}'",
                    )  # fmt: skip
        self._check_narrowing(found)
        return list(found.values())

    def _check_narrowing(self, names: Mapping[str, Any]) -> None:
        for number, solver in enumerate(self.content.solvers):
            for place, pattern in enumerate(solver.instances):
                if not fnmatch.filter(names, pattern):
                    raise self.source.problem(
                        f"solvers.{number}.instances.{place}", pattern,
                        f"a name or glob that matches an instance of the {self.source.kind}: {some(list(names))}",
                    )  # fmt: skip


def names() -> list[str]:
    """Names of the shipped suites."""
    return shipped("suite")


def built_in() -> list[Suite]:
    """The shipped suites."""
    return list(readable(names(), read))


def read(suite: str | Path) -> Suite:
    """Read a suite: a shipped one by its name, any other by the path of its file.

    Raises
    ------
    DtbenchError
        If there is none, or it is not a valid suite: the message names file, key, value and what is allowed.
    """
    return Suite(*read_file("suite", suite, SuiteFile))


def instance_file(name: str | Path) -> InstanceFile:
    """An instance by its name in the library, or by the path of its file if that ends in ``.nc``.

    Raises
    ------
    DtbenchError
        If there is none, or the file of one's own cannot be read.
    """
    return _own(Path(name)) if str(name).endswith(".nc") else _shipped(str(name))


def _expand(pattern: str, source: Source, key: str) -> list[InstanceFile]:
    """Instances of one entry: files if it ends in ``.nc``, names of the library otherwise."""
    if pattern.endswith(".nc"):
        folder = source.file.parent
        paths = _paths(folder, pattern, source, key)
        if not paths:
            raise source.problem(key, pattern, f"instance files; there are none at '{folder / pattern}'")
        usable = list(readable(paths, _own))
        if not usable:
            raise source.problem(key, pattern, "a file that is an instance of dtbench; none of them is")
        return usable
    found = instances.match(pattern)
    if not found:
        sizes = {id: tuple(owner.sizes) for id, owner in all_problems().items()}
        globs = [f"{id}/{size}-*" for id, each in sizes.items() for size in each]
        known = "; ".join(f"{id} ({', '.join(each)})" for id, each in sizes.items())
        raise source.problem(key, pattern, f"PROBLEM/SIZE-NUMBER, with globs, of {known}", globs)
    return [_shipped(name) for name in found]


def _shipped(name: str) -> InstanceFile:
    problem, _, stem = name.partition("/")
    file = instances.path_of(name)
    return InstanceFile(name, problem, stem.rpartition("-")[0], file, True, instances.sha256_of(name))


def _paths(folder: Path, pattern: str, source: Source, key: str) -> list[Path]:
    """Files of a glob beside the suite, or the one of an absolute path."""
    try:
        if pattern.count("**") > 1:  # would visit folders again and again
            raise ValueError
        absolute = Path(pattern).is_absolute()
        return sorted(path for path in ([Path(pattern)] if absolute else folder.glob(pattern)) if path.is_file())
    except (ValueError, NotImplementedError, OSError):
        raise source.problem(key, pattern, "a path, or a glob with '*', '?' and at most one '**/'") from None


def _own(file: Path) -> InstanceFile:
    instance = instances.load(file)
    return InstanceFile(
        file.name, instance.problem, instance.size, file.resolve(), False, instances.sha256_of(file)
    )  # fmt: skip

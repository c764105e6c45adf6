"""Which problems there are: shipped packages, installed ones, and packages in folders that the user names.

A problem package is a folder with an ``__init__.py`` that lists its problems in ``PROBLEMS``. A package that cannot be
used is left out, with a reason that names it: a command goes on with what is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dtbench.core import AnyProblem, Exactness, Paper, Problem
from dtbench.errors import DtbenchError
from dtbench.params import Params

SHIPPED = "dtbench.problems"
ENTRY_POINTS = "dtbench.problems"
PATH_VARIABLE = "DTBENCH_PROBLEMS_PATH"
LISTED = "PROBLEMS"
PICTURE = "picture.py"
ID = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
DECLARED: Mapping[str, type | tuple[type, ...]] = {
    "title": str, "sense": str, "unit": str, "paper": Paper, "sizes": Mapping, "exactness": Exactness, "Instance": type,
    "Slot": type, "Decision": type,
}  # fmt: skip


class LeftOut(Exception):
    """Why a package is not used."""


class BeingImported(Exception):
    """A package is being imported at this moment, and has imported dtbench: its problems are known a little later."""


@dataclass(frozen=True)
class Package:
    """A package that may hold problems: its dotted name, and who names it.

    ``folder`` is where its files must be; None for what the import system decides.
    """

    name: str
    origin: str
    folder: Path | None = None
    listed: str = LISTED


@dataclass
class Registry:
    """The problems by their ids, the folder of each one's package, and a line for each package that is left out."""

    problems: dict[str, AnyProblem] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    complete: bool = True  # False while a package that belongs here is still being imported

    def add(self, package: Package) -> None:
        """Take a package's problems, or note why not."""
        try:
            folder = _folder_of(package)
            if folder in self.folders.values():
                return  # installed from the folder that is named too
            problems = _checked(_problems_of(package, folder))
            for problem in problems:
                if problem.id in self.problems:
                    raise LeftOut(
                        f"it defines problem '{problem.id}', which '{self.folders[problem.id]}' defines already; "
                        "give one of them another id"
                    )
        except BeingImported:
            self.complete = False
        except LeftOut as reason:
            self.left_out.append(f"problem package '{package.name}' ({package.origin}) is left out: {reason}.")
        else:
            self.problems |= {problem.id: problem for problem in problems}
            self.folders |= {problem.id: folder for problem in problems}


_named: list[Path] = []  # folders of `--problems-path`, in this process
_known: dict[tuple[str | Path, ...], Registry] = {}  # by the folders that were looked in


def look_in(folders: Iterable[Path | str]) -> None:
    """Look for problem packages in further folders too, from now on and in this process.

    Raises
    ------
    DtbenchError
        If one is not a folder of packages.
    """
    for each in folders:
        folder = Path(each).resolve()
        if not folder.is_dir():
            raise DtbenchError(f"problems folder '{each}' does not exist or is not a folder.")
        if not any(_packages_in(folder)):
            inside = (folder / "__init__.py").is_file()
            hint = f"name the folder that holds it, '{folder.parent}'" if inside else "`dtbench new-problem` writes one"
            raise DtbenchError(
                f"problems folder '{each}' holds no problem package (a folder with an __init__.py that lists "
                f"{LISTED}); {hint}."
            )
        if folder not in _named:
            _named.append(folder)


def folders() -> tuple[str, ...]:
    """Folders that are looked in: of ``$DTBENCH_PROBLEMS_PATH``, then those of :func:`look_in`."""
    return tuple(dict.fromkeys(map(str, [*_from_environment(), *_named])))


def current() -> Registry:
    """What is known now; built at the first call, and again where folders have been named since."""
    key: tuple[str | Path, ...] = (os.environ.get(PATH_VARIABLE, ""), *_named)
    if key in _known:
        return _known[key]
    made = Registry()
    for package in (*shipped(), *_installed()):
        made.add(package)
    for folder in map(Path, folders()):
        if folder.is_dir():
            for package in _packages_in(folder):
                made.add(package)
        else:
            made.left_out.append(f"problems folder '{folder}' of ${PATH_VARIABLE} does not exist or is not a folder.")
    made.problems = dict(sorted(made.problems.items()))
    if made.complete:
        _known[key] = made
    return made


def others() -> bool:
    """Whether anybody names problem packages beside the shipped ones."""
    return bool(folders()) or any(True for _ in _installed())


def shipped() -> Iterator[Package]:
    """The packages beside this file."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg:
            yield Package(f"{SHIPPED}.{module.name}", "shipped")


def _installed() -> Iterator[Package]:
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
        yield Package(point.module, f"entry point '{point.name}'{owner}", listed=point.attr or LISTED)


def _from_environment() -> list[Path]:
    return [Path(p).resolve() for p in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if p]


def _packages_in(folder: Path) -> Iterator[Package]:
    """Packages that list problems, by the text of their ``__init__.py``: nothing is run."""
    for file in sorted(folder.glob("*/__init__.py")):
        if LISTED in file.read_text(encoding="utf-8", errors="replace"):
            yield Package(file.parent.name, str(folder), file.parent)


def _folder_of(package: Package) -> Path:
    """Where the import system finds a package, without running it (parents of a dotted name are run)."""
    if package.folder is not None and str(package.folder.parent) not in sys.path:
        sys.path.append(str(package.folder.parent))  # at the end: nothing there hides what is installed
        importlib.invalidate_caches()
    with _reasons(package.folder):
        spec = importlib.util.find_spec(package.name)
    if spec is None or spec.origin is None:
        raise LeftOut(f"there is no module '{package.name}'")
    folder = Path(spec.origin).resolve().parent
    if not spec.submodule_search_locations:
        raise LeftOut(f"'{package.name}' is a single file; name the package that holds it")
    if package.folder is not None and folder != package.folder:
        raise LeftOut(f"the name '{package.name}' stands for '{folder}' already; rename the folder '{package.folder}'")
    return folder


def _problems_of(package: Package, folder: Path) -> Iterable[object]:
    known = sys.modules.get(package.name)
    if known is not None and not hasattr(known, package.listed):
        raise BeingImported
    with _reasons(folder):
        module = importlib.import_module(package.name)
    if not hasattr(module, package.listed):
        raise LeftOut(f"it has no '{package.listed}', the tuple of its problems")
    listed = getattr(module, package.listed)
    if not isinstance(listed, tuple | list) or not listed:
        raise LeftOut(f"'{package.listed}' is {listed!r}; expected a tuple of problems")
    return listed


@contextlib.contextmanager
def _reasons(folder: Path | None) -> Iterator[None]:
    """Whatever importing foreign code raises becomes a reason to leave it out; Ctrl-C stays what it is."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        text = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise LeftOut(f"{type(error).__name__}: {text}{place(error, folder)}") from error


def place(error: BaseException, folder: Path | None) -> str:
    """`` (model.py:31)``: the last line of the package that was run; empty where the message has it, or none was."""
    if isinstance(error, SyntaxError):
        return ""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if folder and Path(f.filename).parent == folder]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def _checked(listed: Iterable[object]) -> list[AnyProblem]:
    """The problems, if each has what every part of dtbench reads of it."""
    problems: list[AnyProblem] = []
    for number, each in enumerate(listed):
        if not isinstance(each, Problem):
            raise LeftOut(f"{LISTED}[{number}] is {each!r}; expected an object of a subclass of dtbench.Problem")
        id = getattr(each, "id", None)
        if not isinstance(id, str) or not re.fullmatch(ID, id):
            raise LeftOut(f"{LISTED}[{number}] has id {id!r}; expected lower-case words with hyphens, as 'my-problem'")
        for name, kind in DECLARED.items():
            if not isinstance(getattr(each, name, None), kind):
                raise LeftOut(f"problem '{id}' has '{name}' {getattr(each, name, None)!r}; see dtbench.Problem")
        if each.sense not in ("min", "max"):
            raise LeftOut(f"problem '{id}' has sense {each.sense!r}; expected 'min' or 'max'")
        if not each.sizes or not all(isinstance(params, Params) for params in each.sizes.values()):
            raise LeftOut(f"problem '{id}' has sizes {each.sizes!r}; expected parameters by size")
        problems.append(each)
    return problems


@cache
def sha256_of(folder: Path) -> str:
    """Checksum of a problem's package, sources and weights; pictures, which change no result, are left out."""
    digest = hashlib.sha256()
    for file in sorted([*folder.rglob("*.py"), *folder.rglob("*.safetensors")]):
        if file.name == PICTURE:
            continue
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()

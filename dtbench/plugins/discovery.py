"""How solver files are found, and what is known of them without running them.

Files are *read*, not run, to list what there is: the class attributes must be literals. Code of a solver runs only in
the process of a cell, under its limits.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dtbench import files
from dtbench.errors import DtbenchError, near, shown
from dtbench.outside import leave_out, read_bytes
from dtbench.params import Options
from dtbench.plugins.source_text import (
    MOST_BYTES,
    NOT_LITERAL,
    NOT_PYTHON,
    ClassText,
    Elsewhere,
    ModuleText,
    assignments,
    parsed,
    plain,
)
from dtbench.problems import all_problems
from dtbench.regime import FORMS, REGIMES, Regime
from dtbench.solver import Heuristic, Solver, rule_solver

ENTRY_POINTS = "dtbench.solvers"
PATH_VARIABLE = "DTBENCH_SOLVERS_PATH"
NAME = r"[a-z0-9][a-z0-9_.-]*"
RULES = {  # what rules of several problems have in common
    "greedy": "One pass without looking back, mostly selfish: each takes what is best for itself, given those before.",
    "greedy-marginal": "One by one, each where the total changes least, harm to others included.",
    "nearest": "The closest host that fits: the usual weak baseline of the papers.",
    "local-search": "Best improvement over single changes, and swaps where there are any, until none helps.",
}
FLAGS = ("deterministic", "clairvoyant", "coupled_only", "trains")


@dataclass(frozen=True)
class OptionText:
    """An option as its file declares it."""

    name: str
    kind: str
    default: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class SolverEntry:
    """What is known of a solver without running its file.

    A rule that problems provide says in ``rules`` what it does on each: ``{problem: line}``. Its ``file`` is None,
    unless a shipped file of its name gives it options.
    ``sees`` is its regime, see :mod:`dtbench.regime`.
    ``options`` is None where they are declared in a file outside of dtbench. ``presets`` are those of learned agents,
    ``{preset: {problem or "*": {option: value}}}``, as far as they are literals. ``error`` says why the solver cannot
    be used.
    """

    name: str
    file: Path | None
    sha256: str
    summary: str = ""
    problems: tuple[str, ...] | None = None
    deterministic: bool = False
    sees: Regime = "global"
    trains: bool = False
    coupled_only: bool = False
    heuristic: bool = False  # a rule that problems provide, or not
    rules: Mapping[str, str] = field(default_factory=dict)
    class_name: str = ""
    options: tuple[OptionText, ...] | None = ()
    presets: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    policy: str = ""  # file of a policy trained elsewhere, relative to the solver's
    trained_on: str = ""  # what that policy was trained on: a problem and a size, an instance, or a file
    error: str = ""

    def takes(self, problem: str) -> bool:
        """Whether the solver says that it takes this problem; a heuristic does where the problem has its rule.

        A solver of coupled slots takes problems that have a size with coupled slots, and declines other instances.
        """
        owner = all_problems()[problem]
        if self.heuristic and self.name not in owner.heuristics:
            return False
        if self.coupled_only and not any(owner.coupled(params) for params in owner.sizes.values()):
            return False
        return self.problems is None or problem in self.problems

    def checkpoints_sha256(self, problem: str, size: str, seed: int, options: Mapping[str, Any]) -> str:
        """Checksum of the trained policies that a cell may play; empty if there are none, or the solver learns not."""
        if self.file is None:
            return ""
        if not self.trains:
            return self._starts_sha256(problem, size, options)
        if self.policy or "policy" in options:
            return _sha256_of(self.file.parent / str(options.get("policy") or self.policy))
        from dtbench.learning.checkpoint import shipped_sha256

        return shipped_sha256(self.file, problem, self.name, size, seed, options)

    def _starts_sha256(self, problem: str, size: str, options: Mapping[str, Any]) -> str:
        """Checksum of the policies that a search may begin with, of agents beside this file; empty without."""
        names = [name for name in str(options.get("start", "")).split(",") if name]
        if not names or self.file is None or "checkpoint" not in [option.name for option in self.options or ()]:
            return ""
        from dtbench.learning.checkpoint import shipped_sha256

        agents = {n: file for n in names if (file := self.file.parent / f"{n}.py").is_file()}
        found = [shipped_sha256(file, problem, name, size, 0, options) for name, file in agents.items()]
        return hashlib.sha256(" ".join(found).encode()).hexdigest() if any(found) else ""

    def check_options(self, options: Mapping[str, Any], where: str) -> None:
        """Refuse an option that the file does not declare, and a number that is not finite.

        Raises
        ------
        DtbenchError
            It names ``where`` the option stands, and what is allowed.
        """
        if self.options is None:
            return
        known = [option.name for option in self.options]
        numbers = [option.name for option in self.options if option.kind in ("int", "float")]
        for name, value in options.items():
            if name in numbers and not _may_be_finite(value):
                raise DtbenchError(
                    f"{where}: option '{name}' of solver '{self.name}' is {value}; expected a finite number."
                )
            if name not in known:
                allowed = ", ".join(known) or "none"
                raise DtbenchError(f"{where}: solver '{self.name}' has no option '{name}'.{near(name, known)} "
                                   f"Allowed: {allowed}.")  # fmt: skip


def _sha256_of(path: Path) -> str:
    """Checksum of a file of any size; empty if it is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _may_be_finite(value: Any) -> bool:
    """Whether a value, or the number that a text reads as, is finite; what is no number is for others to refuse."""
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return True
    except OverflowError:  # a whole number that no float holds
        return False


def read_solver_file(file: Path) -> list[SolverEntry]:
    """The solvers in a file, from its syntax tree; entries with ``error`` where something in it cannot be used."""
    try:
        text = read_bytes(file, MOST_BYTES)
    except DtbenchError as error:
        return [SolverEntry(file.stem, file, "", error=str(error))]
    digest = hashlib.sha256(text).hexdigest()
    try:
        return _solvers(file, digest, parsed(text))
    except NOT_PYTHON as error:
        line = getattr(error, "lineno", None) or 0
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        return [SolverEntry(file.stem, file, digest, error=f"{file}:{line}: {reason}")]


def _solvers(file: Path, digest: str, tree: ast.Module) -> list[SolverEntry]:
    """The solvers in a syntax tree."""
    module = ModuleText.of(tree)
    summary = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
    found: list[SolverEntry] = []
    for node in module.classes.values():
        given = dict(_literals(node))
        bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
        if "name" in given and (isinstance(given["name"], str) or bases & {Solver.__name__, Heuristic.__name__}):
            own = summary if not found else (ast.get_docstring(node) or summary).split("\n")[0]
            found.append(_entry(file, digest, ClassText(node, module), given, own))
    return found


def _entry(file: Path, digest: str, text: ClassText, given: dict[str, Any], summary: str) -> SolverEntry:
    """The entry of a class, with an error if an attribute is not what it should be."""
    node = text.node
    name, problems, where = given["name"], given.get("problems"), f"{file}:{node.lineno}: class {node.name}"
    known: dict[str, Any] = _flags(text) | {k: given[k] for k in FLAGS if k in given}
    if any(ast.unparse(base).split(".")[-1] == Heuristic.__name__ for base in node.bases):
        known = {"deterministic": True} | known | {"heuristic": True}
    sees: Any = "future" if known.pop("clairvoyant", False) is True else _sees(text, given)
    error = ""
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        error = f"{where}: 'name' is {_shown(name)}; expected a literal of a-z, 0-9, '-', '_' and '.'"
        name = name if isinstance(name, str) and name else node.name
    elif any(not isinstance(value, bool) for value in known.values()):
        flag = next(key for key, value in known.items() if not isinstance(value, bool))
        error = f"{where}: '{flag}' is {_shown(known[flag])}; expected the literal True or False"
    elif sees not in REGIMES:
        error = f"{where}: 'sees' is {_shown(sees)}; expected one of the literals {', '.join(REGIMES)}"
    elif problems is not None and not (
        isinstance(problems, tuple | list) and all(isinstance(id, str) for id in problems)
    ):
        error = f"{where}: 'problems' is {_shown(problems)}; expected a literal tuple of problem ids, or None"
    elif problems is not None:
        unknown = [id for id in problems if id not in all_problems()]
        if unknown:
            error = f"{where}: unknown problem '{unknown[0]}'.{near(unknown[0], all_problems())}"
    if error:
        return SolverEntry(name, file, digest, summary=summary, class_name=node.name, error=error)
    problems = tuple(problems) if problems is not None else None
    return SolverEntry(
        name, file, digest, summary=summary, problems=problems, class_name=node.name, options=_options(text),
        presets=_presets(text), policy=_policy(text), trained_on=_text(text, "trained_on"), sees=sees, **known,
    )  # fmt: skip


class _NotLiteral:
    """Stands for a value that only running the file would tell."""


def _shown(value: Any) -> str:
    return "computed" if value is _NotLiteral else shown(value)


def _literals(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for name, value in assignments(node.body):
        try:
            yield name, ast.literal_eval(value)
        except NOT_LITERAL:
            yield name, _NotLiteral


def _flags(text: ClassText) -> dict[str, bool]:
    """Flags that a class has from its bases, as far as they can be read."""
    found = {}
    for flag in FLAGS:
        try:
            member = text.member(flag)
        except Elsewhere:
            continue
        if member is not None and isinstance(member[0], ast.Constant) and isinstance(member[0].value, bool):
            found[flag] = member[0].value
    return found


def _sees(text: ClassText, given: Mapping[str, Any]) -> Any:
    """What a class or a base of it says that it is given, as far as it can be read; foreign policies by their form."""
    if "sees" in given:
        return given["sees"]
    form = _text(text, "form") if _text(text, "trained_on") else ""
    return FORMS[form] if form in FORMS else _text(text, "sees") or Solver.sees


def _options(text: ClassText) -> tuple[OptionText, ...] | None:
    """The options of a solver's class; None where their class, or one that it is derived from, cannot be read."""
    try:
        member = text.member(Options.__name__)
        if member is None:
            return ()
        value, module = member
        declared = ClassText(value, module) if isinstance(value, ast.ClassDef) else module.find(ast.unparse(value))
        return tuple(_option_text(name, node) for name, node in declared.fields().items())
    except Elsewhere:
        return None


def _option_text(name: str, node: ast.AnnAssign) -> OptionText:
    texts = [ast.unparse(argument) for argument in node.value.args] if isinstance(node.value, ast.Call) else []
    default, unit, meaning = (*texts, "", "", "")[:3]
    plain = [text.strip("'\"") for text in (unit, meaning)]
    return OptionText(name, ast.unparse(node.annotation), default, *plain)


def _presets(text: ClassText) -> dict[str, Any]:
    """The presets of a learned agent; empty where there are none or they are computed."""
    try:
        member = text.member("presets")
        value = member[1].literal(member[0]) if member is not None and isinstance(member[0], ast.expr) else {}
    except Elsewhere:
        return {}
    return value if _nested(value, 2) else {}


def _policy(text: ClassText) -> str:
    """The file that a :class:`dtbench.GymPolicy` names; empty where there is none or it is computed."""
    return _text(text, "file")


def _text(text: ClassText, name: str) -> str:
    """An attribute that is a text, a class's own or of its bases; empty where there is none or it is computed."""
    try:
        member = text.member(name)
        value = member[1].literal(member[0]) if member is not None and isinstance(member[0], ast.expr) else ""
    except Elsewhere:
        return ""
    return value if isinstance(value, str) else ""


def _nested(value: Any, levels: int) -> bool:
    """Whether it is a table of tables ... with names as keys."""
    if levels < 0:
        return True
    return isinstance(value, dict) and all(isinstance(k, str) and _nested(v, levels - 1) for k, v in value.items())


def discover(paths: Iterable[Path | str] = ()) -> dict[str, SolverEntry]:
    """All solvers: the problems' rules, shipped files, installed packages, ``$DTBENCH_SOLVERS_PATH``, then ``paths``.

    Of two solvers of one name the first is taken; the other one is named and left out.

    Raises
    ------
    DtbenchError
        If a folder does not exist.
    """
    folders = [files.folder("solvers")]
    folders += [Path(p) for p in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if p]
    folders += [Path(p) for p in paths]
    found = {entry.name: entry for entry in rules()}
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            raise DtbenchError(f"solvers folder '{folder}' does not exist or is not a folder.")
        for file in sorted(folder.glob("*.py")):
            entries = read_solver_file(file)
            _take(found, [_of_rule(found.get(each.name), each) for each in entries] if number == 0 else entries)
        if number == 0:
            _take(found, _installed())
    return dict(sorted(found.items()))


def rules() -> Iterator[SolverEntry]:
    """The rules that problems provide, one entry per name.

    Records know a rule by its name; its text is part of the problem's package, whose checksum they hold too.
    """
    lines: dict[str, dict[str, str]] = {}
    for id, owner in all_problems().items():
        for name, rule in owner.heuristics.items():
            lines.setdefault(name, {})[id] = plain((inspect.getdoc(rule) or "").split("\n")[0])
    for name, each in lines.items():
        digest = hashlib.sha256(f"rule {name}".encode()).hexdigest()
        summary = next(iter(each.values())) if len(each) == 1 else RULES.get(name, "A rule of each problem's own.")
        yield SolverEntry(
            name, None, digest, summary=summary, problems=tuple(each), deterministic=True, heuristic=True, rules=each
        )


def _of_rule(rule: SolverEntry | None, entry: SolverEntry) -> SolverEntry:
    """The entry of a shipped file that gives options to the problems' rule of its name; otherwise as it is."""
    if rule is None or not (rule.heuristic and entry.heuristic):
        return entry
    return replace(entry, summary=rule.summary, problems=rule.problems, rules=rule.rules)


def _take(known: dict[str, SolverEntry], entries: Iterable[SolverEntry]) -> None:
    for entry in entries:
        other = known.get(entry.name)
        if other is None or (entry.rules and other.file is None):
            known[entry.name] = entry
        elif _same(other, entry):
            continue
        elif entry.error:
            leave_out(entry.error)
        else:
            first = f"'{other.file}'" if other.file else f"a rule of {', '.join(other.rules)}"
            leave_out(f"'{entry.file}': {first} defines solver '{entry.name}', too; give one of them another name.")


def _same(one: SolverEntry, other: SolverEntry) -> bool:
    """Whether two entries are of the same class in the same file."""
    if one.file is None or other.file is None:
        return False
    return (one.file.resolve(), one.class_name) == (other.file.resolve(), other.class_name)


def _installed() -> Iterator[SolverEntry]:
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            spec = importlib.util.find_spec(point.module)
        except (ImportError, ValueError, AttributeError) as error:
            leave_out(f"solver '{point.name}' of an installed package: module '{point.module}': {error}")
            continue
        if spec is not None and spec.origin is not None:
            for entry in read_solver_file(Path(spec.origin)):
                if entry.error or (point.attr or entry.class_name) == entry.class_name:
                    yield entry


def find(name: str, entries: Mapping[str, SolverEntry]) -> SolverEntry:
    """The entry of a solver's name.

    Raises
    ------
    DtbenchError
        If there is none, with near names; or if it cannot be used, with the file and line.
    """
    if name.endswith(".py"):
        raise DtbenchError(
            f"'{name}' is a file; a solver is called by the name that its class has: NAME --solvers-path "
            f"{Path(name).parent}."
        )
    if name not in entries:
        raise DtbenchError(f"unknown solver '{name}'.{near(name, entries)} Known: {', '.join(entries)}.")
    if entries[name].error:
        raise DtbenchError(f"solver '{name}' cannot be used: {entries[name].error.rstrip('.')}.")
    return entries[name]


def load_solver(entry: SolverEntry) -> type[Solver]:
    """Run the solver's file and return the class. Called in the process of a cell.

    Raises
    ------
    DtbenchError
        If the class is not a subclass of :class:`Solver`.
    """
    if entry.file is None:
        return rule_solver(entry.name)
    module_name = f"dtbench_solvers.{entry.file.stem}"
    spec = importlib.util.spec_from_file_location(module_name, entry.file)
    if spec is None or spec.loader is None:
        raise DtbenchError(f"'{entry.file}' is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    cls = getattr(module, entry.class_name)
    if not (isinstance(cls, type) and issubclass(cls, Solver)):
        raise DtbenchError(f"'{entry.class_name}' in '{entry.file}' is not a subclass of dtbench.Solver.")
    return cls

"""Classes of Python files as they are written: bases and imports are followed within dtbench, and nothing is run."""

from __future__ import annotations

import ast
import itertools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dtbench import files

PLAIN = ("Solver", "Heuristic", "Options", "object")  # bases that need not be found: nothing to inherit from them


MOST_BYTES = 2**20  # of a file; its syntax tree takes some hundred times as much
MOST_STEPS = 10_000  # names and dicts that one value is made of
ROLE = re.compile(r":[\w:]+:`~?([^`]*)`")
NOT_PYTHON = (SyntaxError, ValueError, LookupError, RecursionError, MemoryError)  # what parsing raises
NOT_LITERAL = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)  # what `literal_eval` raises


class Elsewhere(Exception):
    """What is asked for may stand in a file that is not read: one outside of dtbench."""


def plain(text: str) -> str:
    """A line of a docstring without its markup.

    >>> plain("From ``start`` (:func:`greedy_add` by default).")
    'From start (greedy_add by default).'
    """
    return ROLE.sub(r"\1", text).replace("``", "")


@dataclass(frozen=True, eq=False)
class ModuleText:
    """A module: its classes, its assignments, and what it imports from dtbench, ``{name: (module, name there)}``."""

    classes: dict[str, ast.ClassDef]
    values: dict[str, ast.expr]
    imports: dict[str, tuple[str, str]]

    @classmethod
    def of(cls, tree: ast.Module) -> ModuleText:
        """From a module's syntax tree."""
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        imports = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in (*tree.body, *late(tree.body))
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None
            for alias in node.names
            if node.module.split(".")[0] == "dtbench"
        }
        return cls(classes, dict(assignments(tree.body)), imports)

    def find(self, name: str) -> ClassText:
        """A class by its name here, where it is made or imported.

        Raises
        ------
        Elsewhere
            If it is neither.
        """
        if name in self.classes:
            return ClassText(self.classes[name], self)
        if name in self.imports:
            module, there = self.imports[name]
            return read(module).find(there)
        raise Elsewhere(name)

    def literal(self, value: ast.expr) -> Any:
        """The value of an expression: a literal, the name of one (made here or imported), or a dict of those.

        Raises
        ------
        Elsewhere
            If it is none of these, or never comes to an end.
        """
        try:
            return self._literal(value, itertools.count(1))
        except RecursionError:  # `P = P`
            raise Elsewhere("a value that is made of itself") from None

    def _literal(self, value: ast.expr, steps: Iterator[int]) -> Any:
        if next(steps) > MOST_STEPS:  # dicts that double each other
            raise Elsewhere("a value that is made of too much")
        if isinstance(value, ast.Name) and value.id in self.values:
            return self._literal(self.values[value.id], steps)
        if isinstance(value, ast.Name) and value.id in self.imports:
            module, there = self.imports[value.id]
            return read(module)._literal(ast.Name(there), steps)
        try:
            if isinstance(value, ast.Dict):
                made: dict[Any, Any] = {}
                for key, item in zip(value.keys, value.values, strict=True):
                    given = self._literal(item, steps)
                    made |= given if key is None else {self._literal(key, steps): given}
                return made
            return ast.literal_eval(value)
        except NOT_LITERAL:
            raise Elsewhere("a value that is computed") from None


@dataclass(frozen=True, eq=False)
class ClassText:
    """A class in its module."""

    node: ast.ClassDef
    module: ModuleText

    def bases(self) -> Iterator[ClassText]:
        """The classes that it is derived from.

        Raises
        ------
        Elsewhere
            At one that cannot be read.
        """
        for base in self.node.bases:
            name = ast.unparse(base)
            try:
                yield self.module.find(name)
            except Elsewhere:
                if name.split(".")[-1] not in PLAIN:
                    raise

    def line(self) -> Iterator[ClassText]:
        """The class, then the classes it is derived from, each once: ``class X(X)`` has an end, too.

        Raises
        ------
        Elsewhere
            At one that cannot be read, after those before it.
        """
        met: set[int] = set()
        waiting = [iter([self])]
        while waiting:
            each = next(waiting[-1], None)
            if each is None:
                waiting.pop()
            elif id(each.node) not in met:
                met.add(id(each.node))
                yield each
                waiting.append(each.bases())

    def member(self, name: str) -> tuple[ast.expr | ast.ClassDef, ModuleText] | None:
        """The value of an attribute, or the class inside of that name, its own or of a base; None if there is none.

        Raises
        ------
        Elsewhere
            If a base that cannot be read may have it.
        """
        for each in self.line():
            inner = {node.name: node for node in each.node.body if isinstance(node, ast.ClassDef)}
            members: dict[str, ast.expr | ast.ClassDef] = {**dict(assignments(each.node.body)), **inner}
            if name in members:
                return members[name], each.module
        return None

    def fields(self) -> dict[str, ast.AnnAssign]:
        """Annotated fields as a dataclass has them, those of bases first.

        Raises
        ------
        Elsewhere
            If a base cannot be read.
        """
        fields: dict[str, ast.AnnAssign] = {}
        for each in reversed(list(self.line())):
            for node in each.node.body:
                declares = isinstance(node, ast.AnnAssign) and not ast.unparse(node.annotation).startswith("ClassVar")
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and declares:
                    fields[node.target.id] = node
        return fields


def late(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What stands under ``if TYPE_CHECKING``: names that a module of dtbench imports when they are used."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            yield from statement.body


def assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names that statements assign to, with the values."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            yield from ((name, statement.value) for name in names)
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            yield statement.target.id, statement.value


@cache
def read(module: str) -> ModuleText:
    """A module of dtbench by its dotted name.

    Raises
    ------
    Elsewhere
        If it does not exist or does not parse.
    """
    path = files.PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ModuleText.of(_parsed(file))
    raise Elsewhere(module)


def _parsed(file: Path) -> ast.Module:
    try:
        return parsed(file.read_bytes())
    except NOT_PYTHON:
        raise Elsewhere(str(file)) from None


def parsed(text: bytes) -> ast.Module:
    """The syntax tree of a file's text; raises one of ``NOT_PYTHON``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of strange escapes in texts, which are the author's
        return ast.parse(text)

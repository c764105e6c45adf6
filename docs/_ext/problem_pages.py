"""Facts about problems and solvers for their pages, read from the code, so that there is no second copy.

``{problem-facts} ID``, ``-decision``, ``-parameters``, ``-sizes``, ``-rules`` make tables; ``{problem-picture} ID``
a picture of a slot. ``{problem-constraints} ID`` holds a line ``name: what it says`` for each constraint, and fails if
the names are not those of the violations that the referee reports. ``{problem-overview}`` has a line for each problem,
``{solvers}`` for each solver that comes along, ``{cells-columns}`` for each column of a table, ``{bibtex}`` entries.

The line inside a table's or a picture's block is for who reads the source: it says which command prints the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import dtbench
from dtbench.arrays import specs
from dtbench.library import instances
from dtbench.params import unit_in_words
from dtbench.plugins.discovery import discover
from dtbench.reports import cells

PICTURES = Path(__file__).parents[1] / "_generated"
Row = Sequence[Any]


def facts(problem: Any) -> tuple[Row, list[Row]]:
    """What the problem is, in a few lines."""
    instance, slot = first_slot(problem.id)
    encoding = problem.encodings(instance)["agents"]
    coupled = [size for size in problem.sizes if problem.coupled(problem.params(size))]
    coupling = "in no size" if not coupled else "in every size" if len(coupled) == len(problem.sizes) else coupled
    methods = problem.exactness.methods, problem.exactness.bracket_methods
    rows = [
        ("id", problem.id),
        ("paper", f"{problem.paper.authors} ({problem.paper.year}). {problem.paper.title}. {problem.paper.venue}"),
        ("objective", f"{problem.sense}, {unit_in_words(problem.unit)}; the mean over the slots of a horizon"),
        ("a decision acts on later slots", coupling),
        ("exact methods", methods[0]),
        ("exact methods for horizons", problem.exactness.horizon_methods),
        ("bounds only", methods[1]),
        ("relative gap that counts as a proof", f"{problem.exactness.target_gap:g}"),
        ("agents", f"{len(encoding.agents)} in size tiny: {', '.join(encoding.agents)}"),
        ("metrics beside the objective", list(problem.evaluate(slot, any_decision(problem.id)).metrics)),
    ]
    return (), [row for row in rows if row[1]]


def decision(problem: Any) -> tuple[Row, list[Row]]:
    """Fields of a decision: shape, unit, meaning."""
    found = specs(problem.Decision)
    rows = [(name, f"(..., {', '.join(s.dims)})", s.kind, unit(s.unit), s.doc) for name, s in found.items()]
    return ("field", "shape", "type", "unit", "meaning"), rows


def parameters(problem: Any) -> tuple[Row, list[Row]]:
    """Every parameter, with its value in the papers' size."""
    rows = [(name, value, unit(s.unit), s.doc) for name, s, value in problem.params("paper").items()]
    return ("parameter", "value in size paper", "unit", "meaning"), rows


def sizes(problem: Any) -> tuple[Row, list[Row]]:
    """What the sizes differ in, and how many instances of each are shipped."""
    values = {size: problem.params(size).asdict() for size in problem.sizes}
    names = [name for name, *_ in problem.params("paper").items() if len({v[name] for v in values.values()}) > 1]
    shipped = instances.names(problem.id)
    counts = [sum(name.startswith(f"{problem.id}/{size}-") for name in shipped) for size in values]
    rows = [(name, *(v[name] for v in values.values())) for name in names]
    return ("", *values), [*rows, ("shipped instances", *counts)]


def rules(problem: Any) -> tuple[Row, list[Row]]:
    """The problem's own rules, by the names of their solvers."""
    entries = discover([])
    return ("solver", "what it does"), [(name, entries[name].rules[problem.id]) for name in problem.heuristics]


TABLES: dict[str, Callable[[Any], tuple[Row, list[Row]]]] = {
    "facts": facts, "decision": decision, "parameters": parameters, "sizes": sizes, "rules": rules,
}  # fmt: skip


@cache
def first_slot(name: str) -> tuple[Any, Any]:
    """An instance of size tiny, and its first slot."""
    problem = dtbench.problem(name)
    instance = problem.generate("tiny", 0)
    return instance, problem.slot(instance, 0, problem.start(instance))


def any_decision(name: str) -> Any:
    """A random decision in that slot."""
    instance, slot = first_slot(name)
    encoding = dtbench.problem(name).encodings(instance)["search"]
    return encoding.decode(slot, encoding.sample(np.random.default_rng(0), ()))


def unit(given: str) -> str:
    """The unit, nothing for a pure number."""
    return "" if given == "1" else given


def text(value: Any) -> str:
    """A fact as it stands in a table."""
    if isinstance(value, float):
        return f"{value:.6g}"
    words = ", ".join(value) if isinstance(value, list | tuple) else str(value)
    return re.sub(r":\w+:`([^`]*)`|``([^`]*)``", r"\1\2", words)  # of docstrings


def table(head: Row, rows: Iterable[Row]) -> nodes.table:
    """A table; the first column is names, set as code. Cells may be nodes."""
    rows = list(rows)
    width = len(head or rows[0])
    group = nodes.tgroup(cols=width)
    group += [nodes.colspec(colwidth=1) for _ in range(width)]
    if head:
        group += nodes.thead("", _row([nodes.Text(text(cell)) for cell in head]))
    names = bool(head)
    body = [[nodes.literal("", text(row[0])) if names else nodes.Text(text(row[0])), *row[1:]] for row in rows]
    group += nodes.tbody("", *(_row(cells) for cells in body))
    return nodes.table("", group, classes=["facts"])


def _row(cells: Iterable[Any]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *_content(cell)) for cell in cells))


def _content(cell: Any) -> list[nodes.Node]:
    if isinstance(cell, list) and cell and isinstance(cell[0], nodes.Node):
        return cell
    inside = cell if isinstance(cell, nodes.Node) else nodes.Text(text(cell))
    return [nodes.paragraph("", "", inside)]


class Table(SphinxDirective):
    """``{problem-facts} ID`` and its like."""

    required_arguments = 1
    has_content = True
    make: ClassVar[Callable[[Any], tuple[Row, list[Row]]]]

    def run(self) -> list[nodes.Node]:
        return [table(*type(self).make(dtbench.problem(self.arguments[0])))]


class Constraints(SphinxDirective):
    """``{problem-constraints} ID``: a line for each violation of the referee, checked against it."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        _, slot = first_slot(name)
        reported = list(dtbench.problem(name).evaluate(slot, any_decision(name)).violations)
        said = dict(line.split(": ", 1) for line in self.content if line.strip())
        if list(said) != reported:
            raise self.error(f"constraints of {name} are {', '.join(reported)}; the page has {', '.join(said)}.")
        return [table(("violation", "the constraint"), [(name, self._parsed(line)) for name, line in said.items()])]

    def _parsed(self, line: str) -> list[nodes.Node]:
        made = nodes.Element()
        self.state.nested_parse(StringList([line], self.get_source_info()[0]), self.content_offset, made)
        return made.children


class Picture(SphinxDirective):
    """``{problem-picture} ID``: a slot as a rule decides it, beside the optimum; drawn while the pages are built."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        instance, rule = f"{name}/small-000", next(r for r in ("greedy", *dtbench.problem(name).heuristics))
        file = PICTURES / f"{name}.png"
        newest = max(each.stat().st_mtime for each in Path(dtbench.__file__).parent.rglob("*.py"))
        if not file.exists() or file.stat().st_mtime < newest:
            PICTURES.mkdir(exist_ok=True)
            dtbench.plot(instance, slot=1, solvers=[rule], output=file)
        alt = f"Slot 1 of {instance}, as {rule} decides it and as it is best"
        command = f"dtbench plot {instance} --slot 1 --solver {rule} -o slot.png"
        caption = nodes.caption("", "", nodes.Text(f"{alt}: "), nodes.literal("", command))
        return [nodes.figure("", nodes.image(uri=f"/_generated/{file.name}", alt=alt), caption)]


class Overview(SphinxDirective):
    """``{problem-overview}``: a line for each problem."""

    def run(self) -> list[nodes.Node]:
        rows = []
        for problem in dtbench.all_problems().values():
            held = len(instances.names(problem.id))
            rows.append((problem.id, f"{problem.paper.authors} ({problem.paper.year})", problem.title,
                         f"{problem.sense}, {unit_in_words(problem.unit)}", held))  # fmt: skip
        return [table(("problem", "paper", "title", "objective", "instances"), rows)]


class Solvers(SphinxDirective):
    """``{solvers}``: all that come along; rules of problems stand on the problems' pages."""

    def run(self) -> list[nodes.Node]:
        rows = []
        for entry in discover([]).values():
            taken = [id for id in dtbench.all_problems() if entry.takes(id)]
            marks = [entry.sees, *(["trains"] if entry.trains else [])]
            owners = "all" if len(taken) == len(dtbench.all_problems()) else taken
            rows.append((entry.name, owners, marks, entry.summary))
        return [table(("solver", "problems", "sees", "what it is"), rows)]


class Columns(SphinxDirective):
    """``{cells-columns}``: what each column of ``cells.csv`` means."""

    def run(self) -> list[nodes.Node]:
        return [table(("column", "type", "meaning"), [(f.name, cells.TYPES[f.kind], f.meaning) for f in cells.FIELDS])]


class Bibtex(SphinxDirective):
    """``{bibtex}``: entries of the suite and of the problems' papers, from their own facts."""

    def run(self) -> list[nodes.Node]:
        papers: dict[str, tuple[Any, list[str]]] = {}  # by title; problems of one paper may spell it differently
        for problem in dtbench.all_problems().values():
            papers.setdefault(problem.paper.title.lower(), (problem.paper, []))[1].append(problem.id)
        title = "{dtbench}: benchmark suite for digital-twin network optimisation"
        suite = [("author", "{dtbench developers}"), ("title", title), ("version", dtbench.__version__)]
        entries = [_entry("software", "dtbench", suite, "this suite")]
        for paper, ids in papers.values():
            key = f"{paper.authors.split(',')[0].lower()}{paper.year}"
            facts = [("author", " and ".join(paper.authors.split(", "))), ("title", f"{{{paper.title}}}"),
                     ("journal", paper.venue), ("year", str(paper.year))]  # fmt: skip
            entries.append(_entry("article", key, [fact for fact in facts if fact[1]], ", ".join(ids)))
        made = "\n\n".join(entries)
        return [nodes.literal_block(made, made, language="bibtex")]


def _entry(kind: str, key: str, facts: Iterable[tuple[str, str]], owner: str) -> str:
    fields = ",\n".join(f"  {name} = {{{value.replace('&', chr(92) + '&')}}}" for name, value in facts)
    return f"% {owner}\n@{kind}{{{key},\n{fields}\n}}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    for part, make in TABLES.items():
        made = type(f"Table_{part}", (Table,), {"make": staticmethod(make)})
        app.add_directive(f"problem-{part}", made)
    app.add_directive("problem-constraints", Constraints)
    app.add_directive("problem-picture", Picture)
    app.add_directive("problem-overview", Overview)
    app.add_directive("cells-columns", Columns)
    app.add_directive("bibtex", Bibtex)
    app.add_directive("solvers", Solvers)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

"""``dtbench new-solver`` and ``dtbench check-solver``: from nothing to a solver that passes the conformance tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from dtbench import files
from dtbench.cli.output import Json, ProblemsPath, SolversPath, print_json, print_table, stderr
from dtbench.cli.progress import steps
from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import SolverEntry, discover, find

TEMPLATE = '''"""One line that says what {name} is for; it is shown by `dtbench list solvers`."""

from dataclasses import dataclass
from typing import ClassVar

from dtbench import Decision, Options, Slot, Solver, param


@dataclass(frozen=True, kw_only=True)
class {cls}Options(Options):
    """What `--option name=value` and a suite can set; every option has a default, a unit and a meaning."""

    tries: int = param(10, "1", "random joint actions per slot, of which the best is kept", low=1)


class {cls}(Solver):
    name = "{name}"  # a literal: the file is read, not run, to list solvers
    # problems = ("stin-deployment",)  # the problems it takes; without this line all of them
    # deterministic = True  # the seed changes nothing: suites run it with one seed only
    Options: ClassVar[type[Options]] = {cls}Options

    def decide(self, slot: Slot) -> Decision:
        """Return the decision of one slot.

        `slot` holds this slot's data as numpy arrays (`dtbench show INSTANCE` names them) and `slot.params`.
        `self.problem.evaluate(slot, decision)` is the referee: objective, feasible, violations. It takes a whole
        batch of decisions (leading axes) in one call, which is what makes a search fast.
        `self.problem.encodings(self.instance)["search"]` turns plain vectors into repaired, feasible decisions.
        `self.rng` is the only source of randomness: the same seed must give the same decisions.
        """
        encoding = self.problem.encodings(self.instance)["search"]
        candidates = encoding.decode(slot, encoding.sample(self.rng, (self.options.tries,)))
        objective = self.problem.evaluate(slot, candidates).objective
        best = objective.argmin() if self.problem.sense == "min" else objective.argmax()
        return candidates[best]
'''


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("new-solver", epilog="Example: dtbench new-solver my-rule && dtbench check-solver my-rule")(new_solver)
    app.command("check-solver", epilog="Example: dtbench check-solver my-rule --solvers-path mine")(check_solver)


def new_solver(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens, starting with a letter.")],
    folder: Annotated[
        Path | None, typer.Option("--solvers-path", metavar="DIR", help="Folder to write to.", show_default="solvers/")
    ] = None,
) -> None:
    """Write a commented solver file that works and passes the conformance tests."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise DtbenchError(f"solver name is '{name}'; expected lower-case letters, digits and hyphens, as 'my-rule'.")
    shipped = files.folder("solvers")
    folder = folder or (shipped if shipped.parent.name != "_data" else Path("solvers"))
    taken = discover([folder] if folder.is_dir() else [])
    if name in taken:
        raise DtbenchError(f"solver '{name}' exists already: {_where(taken[name])}. Choose another name.")
    file = folder / f"{name}.py"
    if file.exists():
        raise DtbenchError(f"'{file}' exists already; remove it or choose another name.")
    folder.mkdir(parents=True, exist_ok=True)
    cls = "".join(part.capitalize() for part in name.split("-"))
    file.write_text(TEMPLATE.format(name=name, cls=cls), encoding="utf-8")
    where = "" if folder == shipped else f" --solvers-path {folder}"
    stderr.print(f"wrote {file}\nnext: edit it, then dtbench check-solver {name}{where}", markup=False, soft_wrap=True)


def check_solver(
    name: Annotated[str, typer.Argument(help="Name of the solver.")],
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Run the conformance tests on a solver: small instances, in a process of its own; exit 1 if one fails."""
    from dtbench.experiments.conformance import check

    entry = find(name, discover(solvers_path or []))
    with steps(stderr, f"checking {name}") as progress:
        checks = list(check(entry, progress))
    if json:
        print_json([vars(c) for c in checks])
    else:
        rows = [["pass" if c.passed else "FAIL", c.problem, c.what, c.detail] for c in checks]
        print_table(f"{name} ({_where(entry)})", ["", "problem", "check", "detail"], rows)
    if not all(c.passed for c in checks):
        raise typer.Exit(1)


def _where(entry: SolverEntry) -> str:
    return entry.file.name if entry.file else f"a rule of {', '.join(entry.rules)}"

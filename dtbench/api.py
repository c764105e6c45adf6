"""``dtbench.run``, ``results``, ``leaderboard``, ``compare``, ``plot``: the commands, for scripts and notebooks.

They take the same way as the commands of their names: same plan, records, verification, numbers. What a command prints
they return; progress goes to stderr, or in a notebook to an output of its own.
"""

from __future__ import annotations

import contextlib
import html
import inspect
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dtbench.cli.output import stderr
from dtbench.cli.progress import display, steps
from dtbench.errors import DtbenchError
from dtbench.experiments.run import run as run_cells
from dtbench.experiments.session import outcome, prepare
from dtbench.experiments.verify import VerifyReport, verify
from dtbench.files import write_safely
from dtbench.problems.registry import current, look_in
from dtbench.reports import cells, paper, render
from dtbench.reports.columns import chosen as columns_of
from dtbench.reports.folder import EVERYTHING, Choice, all_remarks, board_of, runs_of
from dtbench.reports.model import Leaderboard, Raw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from dtbench.reports.comparison import Comparison

PathLike = str | Path


@dataclass(frozen=True)
class Run:
    """How a run ended.

    Attributes
    ----------
    suite
        Name of the suite.
    folder
        Folder of results.
    cells
        Cells that were asked for.
    ran
        Those of them that were run now; the others had a record already.
    seconds
        Wall clock.
    statuses
        Cells of each status, those of earlier runs included.
    failures
        One line for each cell that failed, now or before.
    trained
        Trainings of this run by how they ended; see ``results/<name>/policies``.
    """

    suite: str
    folder: Path
    cells: int
    ran: int
    seconds: float
    statuses: Mapping[str, int]
    failures: tuple[str, ...]
    trained: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        policies = f"; {sum(self.trained.values())} trainings" if self.trained else ""
        return (
            f"<Run of {self.suite}: {self.cells} cells: {counts}; {self.ran} run now{policies}; "
            f"results in {self.folder}>"
        )

    def _repr_html_(self) -> str:
        lines = "".join(f"<br>{html.escape(line)}" for line in self.failures)
        return f"<p>{html.escape(repr(self).strip('<>'))}{lines}</p>"


def run(
    suite: PathLike,
    *,
    results: PathLike | None = None,
    instances: str | None = None,
    solvers: Sequence[str] | str | None = None,
    seeds: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    retry_failed: bool = False,
    solvers_path: Sequence[PathLike] | PathLike = (),
    problems_path: Sequence[PathLike] | PathLike = (),
    quiet: bool = False,
) -> Run:
    """Run the cells of a suite that have no record yet: `dtbench run`.

    Parameters
    ----------
    suite
        Name of a built-in suite (``dtbench list suites``), or a ``.toml`` file.
    results
        Folder of results; ``results/<suite>`` by default.
    instances
        Only instances whose name matches this glob: ``"stin-deployment/tiny-*"``.
    solvers
        Only these solvers, by name or label; those that the suite does not list are added.
    seeds
        Seeds 0 .. seeds - 1 instead of the suite's.
    workers
        Cells at once; all processors by default.
    scheduler
        Address of a running Dask scheduler.
    retry_failed
        Run cells again whose record is a failure.
    solvers_path, problems_path
        Further folders of solver files and of problem packages.
    quiet
        Show no progress.

    Returns
    -------
    Run
        Counts, and the folder. A cell that fails is a record with a status, no exception.

    Raises
    ------
    DtbenchError
        On what does not exist, on results that another run uses or that cannot be written, or a lost cluster.
    KeyboardInterrupt
        As it came; finished cells are kept, and the same call goes on with the rest.

    Examples
    --------
    >>> import dtbench
    >>> dtbench.run("quick", instances="stin-deployment/tiny-*", solvers=["greedy", "exact"])  # doctest: +SKIP
    <Run of quick: 6 cells: 6 ok; 6 run now; results in results/quick>
    """
    _warn(_left_out(problems_path), 3)
    made, store = prepare(
        suite, results, instances=instances, solvers=_list(solvers) or None, seeds=seeds,
        solvers_paths=_list(solvers_path), retry_failed=retry_failed,
    )  # fmt: skip
    with contextlib.nullcontext() if quiet else display(stderr) as progress:
        summary = run_cells(
            made, store, workers=workers, scheduler=scheduler, progress=progress, command=f"dtbench.run({str(suite)!r})"
        )
    statuses, failed = outcome(made, store)
    lines = tuple(f"{r.status}: {r.cell.label} on {r.cell.instance}, seed {r.cell.seed}: {r.reason}" for r in failed)
    counts = {str(status): count for status, count in sorted(statuses.items())}
    trained = {str(status): count for status, count in sorted(summary.trained.items())}
    return Run(made.suite.name, store.folder, len(made.cells), summary.ran, summary.seconds, counts, lines, trained)


def results(folder: PathLike, *, cache: bool = True, problems_path: Sequence[PathLike] | PathLike = ()) -> pd.DataFrame:
    """A row for each planned cell of a folder of results, verified: what `dtbench leaderboard` writes to ``cells.csv``.

    Parameters
    ----------
    folder
        Folder of results.
    cache
        Take records that held before, and have not changed, to hold.
    problems_path
        Further folders of problem packages.

    Returns
    -------
    pandas.DataFrame
        Columns and types do not depend on the results; texts are never missing, numbers that are not known are NaN:
        {fields}

    Raises
    ------
    DtbenchError
        If the folder holds no results, or none that holds.

    Warns
    -----
    UserWarning
        For each record that does not hold, and of planned cells that have none.

    Examples
    --------
    >>> import dtbench
    >>> frame = dtbench.results("results/quick")  # doctest: +SKIP
    >>> frame[frame.status == "ok"].groupby(["problem", "solver"]).gap_ratio.mean()  # doctest: +SKIP
    """
    return _board(folder, (), cache, problems_path).cells


if results.__doc__:  # columns have one home
    _columns = (f"- ``{f.name}`` ({cells.TYPES[f.kind]}): {f.meaning}" for f in cells.FIELDS)
    results.__doc__ = inspect.cleandoc(results.__doc__).replace("{fields}", "\n    ".join(_columns))


@dataclass(frozen=True)
class Board:
    """A leaderboard: tables that a notebook shows, and frames of the same numbers.

    Attributes
    ----------
    folder
        Folder of results; of several the first.
    model
        The leaderboard as data.
    files
        Files that were written.
    """

    folder: Path
    model: Leaderboard
    files: tuple[Path, ...] = ()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each problem, size and solver: what `dtbench leaderboard` writes to ``leaderboard.csv``."""
        return _frame(render.leaderboard_rows(self.model))

    @cached_property
    def instances(self) -> pd.DataFrame:
        """One row for each instance and solver, means over seeds: ``instances.csv``."""
        return _frame(self.model.instances.fields())

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row for each planned cell; see :func:`results`."""
        return cells.frame(self.model.cells)

    def tables(
        self,
        output: PathLike,
        *,
        columns: Sequence[str] | str = (),
        intervals: bool = True,
        wide: bool = False,
        bare: bool = False,
    ) -> list[Path]:
        """Write tables for a paper, one for each problem and a summary: `dtbench tables`.

        Parameters
        ----------
        output
            Folder to write to.
        columns
            Columns of the problems' tables, by name; by default those that fit one column of a paper.
        intervals
            Whether gaps are shown with their intervals.
        wide
            Whether tables go over both columns of the page.
        bare
            Whether only the tabulars are written, without float, caption and notes.

        Raises
        ------
        DtbenchError
            If a column is unknown, or the folder cannot be written to.
        """
        found = paper.tables(self.model, paper.Wanted(tuple(_list(columns)), intervals))
        return paper.write(Path(output), found, wide=wide, bare=bare)

    def __repr__(self) -> str:
        return render.summary(self.model)

    def _repr_markdown_(self) -> str:
        return render.summary(self.model)


def leaderboard(
    folder: PathLike | Sequence[PathLike],
    *,
    formats: Sequence[str] | str = (),
    problem: str | None = None,
    size: str | None = None,
    solvers: Sequence[str] | str = (),
    columns: Sequence[str] | str = (),
    digits: int | None = None,
    output: PathLike | None = None,
    cache: bool = True,
    problems_path: Sequence[PathLike] | PathLike = (),
) -> Board:
    """The leaderboard of folders of results, from verified records: `dtbench leaderboard`.

    Parameters
    ----------
    folder
        Folder of results, or several; a cell that several have counts once, as the first of them has it.
    formats
        Files to write, of ``md``, ``csv``, ``tex``, ``html`` and ``parquet``; none by default. With any of them,
        ``instances.csv`` and ``cells.csv`` are written, too.
    problem, size, solvers
        Only these; ranks are among them.
    columns, digits
        Columns of tables and of ``frame``, by name, and digits of gaps, objectives and times in tables.
    output
        Folder to write to: that of the results by default. It must be named where there are several, or where only a
        part is shown.
    cache
        Take records that held before, and have not changed, to hold.
    problems_path
        Further folders of problem packages.

    Raises
    ------
    DtbenchError
        If the folder holds no results, or none that holds, what is chosen is not there, or a format is unknown.

    Warns
    -----
    UserWarning
        For each record that does not hold, and of planned cells that have none.
    """
    choice = Choice(problem, size, tuple(_list(solvers)))
    return _board(folder, formats, cache, problems_path, choice, _list(columns), digits, output)


def reference() -> Path:
    """The reference results as a folder, for :func:`leaderboard`, :func:`compare` and :func:`results`.

    They are unpacked to the user's cache, and every decision is scored again, when they are first asked for.

    Raises
    ------
    DtbenchError
        If they are not there: they are in the repository, not in the wheel.

    Examples
    --------
    >>> import dtbench
    >>> dtbench.leaderboard(["results/mine", dtbench.reference()], size="small")  # doctest: +SKIP
    """
    from dtbench.experiments.reference import unpacked

    return unpacked()


@dataclass(frozen=True)
class Compared:
    """Two solvers in pairs: a table that a notebook shows, and frames of the same numbers.

    Attributes
    ----------
    model
        The comparison as data.
    """

    model: Comparison

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each problem and size: advantage, wins, ties, losses, probability of improvement, p-values."""
        return _frame(self.model.table.fields())

    @cached_property
    def instances(self) -> pd.DataFrame:
        """One row for each instance: mean objectives of both, pairs, advantage."""
        duels = self.model.duels
        return _frame([{"problem": d.problem, "size": d.size} | each.facts for d in duels for each in d.instances])

    @property
    def notes(self) -> tuple[str, ...]:
        """What is missing, and what is to be known, in sentences."""
        return self.model.notes

    def figure(self) -> Figure:
        """The advantage on each instance and in all, and the probability of improvement; a notebook shows it."""
        from dtbench.reports.comparison_output import figure

        return figure(self.model)

    def __repr__(self) -> str:
        return self._repr_markdown_()

    def _repr_markdown_(self) -> str:
        heading = render.Heading(self.model.heading)
        return render.markdown_table(heading, self.model.table.without_blank(), self.notes)


def compare(
    first: str,
    second: str,
    results: PathLike | Sequence[PathLike],
    *,
    problem: str | None = None,
    size: str | None = None,
    problems_path: Sequence[PathLike] | PathLike = (),
) -> Compared:
    """Two solvers on what both have done in one or more folders of results, verified: `dtbench compare`.

    Parameters
    ----------
    first, second
        Solvers, as the leaderboard calls them. Advantages are those of the first.
    results
        Folder of results, or several.
    problem, size
        Only these.
    problems_path
        Further folders of problem packages.

    Raises
    ------
    DtbenchError
        If a solver, or what both have done, is not there.

    Warns
    -----
    UserWarning
        For each record that does not hold, and of planned cells that have none.

    Examples
    --------
    >>> import dtbench
    >>> found = dtbench.compare("genetic", "greedy", "results/quick")  # doctest: +SKIP
    >>> found.frame[["problem", "size", "advantage_ratio", "p_holm"]]  # doctest: +SKIP
    """
    from dtbench.reports import comparison

    _warn(_left_out(problems_path), 3)
    reports = {Path(each): _verified(Path(each), True) for each in _list(results)}
    _warn(all_remarks(reports), 3)
    return Compared(comparison.compare(runs_of(reports), first, second, problem=problem, size=size))


def plot(
    what: PathLike | Sequence[PathLike],
    *,
    slot: int = 0,
    solvers: Sequence[str] = (),
    decisions: Sequence[PathLike] = (),
    seed: int = 0,
    optimum: bool = True,
    optimum_limit: float = 60.0,
    problem: str | None = None,
    size: str | None = None,
    kind: Literal["overview", "anytime"] = "overview",
    output: PathLike | None = None,
    solvers_path: Sequence[PathLike] | PathLike = (),
) -> Figure:
    """Draw a slot of an instance with decisions, a folder of results, or learning curves: ``dtbench plot``.

    Parameters
    ----------
    what
        An instance (name or .nc file); or a folder of results; or trained policies and folders of ``--log-dir``.
    slot, solvers, decisions, seed, optimum, optimum_limit
        Of an instance: which slot [0, T); whose decisions, and stored ones (.nc), to draw; the seed of solvers; whether
        to solve the slot exactly and draw that beside, in so many seconds.
    problem, size
        Of results: only these.
    kind
        Of results: an overview, or the gap that methods reach against the seconds of a slot.
    output
        A .png, .svg or .pdf file to write beside.
    solvers_path
        Further folders of solver files.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it.

    Raises
    ------
    DtbenchError
        If something named does not exist, or a solver fails.

    Warns
    -----
    UserWarning
        If a record does not hold.

    Examples
    --------
    >>> import dtbench
    >>> figure = dtbench.plot("edge-placement/tiny-000", slot=3, solvers=["greedy"])  # doctest: +SKIP
    """
    from dtbench.cli.plot import draw
    from dtbench.drawing.style import encoded, format_of

    named = [str(what)] if isinstance(what, str | Path) else [str(each) for each in what]
    form = None if output is None else format_of(Path(output), ())
    drawn = draw(
        named, slot=slot, solvers=_list(solvers), decisions=[Path(each) for each in decisions], seed=seed,
        optimum_limit=optimum_limit if optimum else None, problem_id=problem, size=size, kind=kind,
        solvers_path=[str(each) for each in _list(solvers_path)],
    )  # fmt: skip
    if not drawn.holds:
        _warn([f"not all records of '{named[0]}' hold; see `dtbench verify --results {named[0]}`."], 1)
    if output is not None and form is not None:
        write_safely(Path(output), encoded(drawn.figure, form))
    figure: Figure = drawn.figure
    return figure


def _board(
    folder: PathLike | Sequence[PathLike],
    formats: Sequence[str] | str,
    cache: bool,
    problems_path: Sequence[PathLike] | PathLike,
    choice: Choice = EVERYTHING,
    columns: Sequence[str] = (),
    digits: int | None = None,
    output: PathLike | None = None,
) -> Board:
    """The one way to a board; warnings name the line that called the function that calls this one."""
    folders = [Path(each) for each in _list(folder)]
    part = len(folders) > 1 or choice != EVERYTHING or bool(columns) or digits is not None
    if formats and part and output is None:
        raise DtbenchError("only a part is shown, or several folders: name a folder to write to, output=...")
    _warn(_left_out(problems_path), 4)
    reports = {each: _verified(each, cache) for each in folders}
    _warn(all_remarks(reports), 4)
    model = columns_of(board_of(reports, choice), columns, digits)
    where = folders[0] if output is None else Path(output)
    files = render.write(where, model, _list(formats)) if formats else []
    return Board(folders[0], model, tuple(files))


def _verified(where: Path, cache: bool) -> VerifyReport:
    if not where.is_dir():
        raise DtbenchError(f"there is no folder of results '{where}'; run a suite first: dtbench.run('quick').")
    with steps(stderr, f"verifying {where}") as progress:
        return verify(where, progress, remembered=cache)


def _left_out(folders: Sequence[PathLike] | PathLike) -> Sequence[str]:
    """Find problems in further folders, and say which packages are left out."""
    look_in([str(each) for each in _list(folders)])
    return current().left_out


def _warn(lines: Iterable[str], calls: int) -> None:
    """Warn of each line, so many calls up."""
    for line in lines:
        warnings.warn(line, stacklevel=calls)


def _list(given: Sequence[Any] | PathLike | None) -> list[Any]:
    """One or several, as a list; a text is one."""
    return [given] if isinstance(given, PathLike) else list(given or ())


def _frame(rows: Sequence[Mapping[str, Raw]]) -> pd.DataFrame:
    """Rows as a frame; a column without any text holds numbers, NaN where there is none."""
    import pandas as pd

    made = pd.DataFrame(rows)
    words = {name for row in rows for name, value in row.items() if isinstance(value, str)}
    whole = {name for name in made.columns if all(isinstance(row[name], int) for row in rows)} - {"rank"}  # may lack
    return made.astype({name: float for name in made.columns if name not in words | whole})

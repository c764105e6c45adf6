"""What is known of each command before its module is imported: so ``--help`` and completion wait for none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_group

COMMANDS: Mapping[str, tuple[str, str]] = {
    "list": ("catalog", "List problems, instances, solvers, suites, sweeps or claims of papers; `dtbench show NAME` "
             "says more of many."),
    "show": ("show", "Show a problem, a size of it, an instance or a solver."),
    "solve": ("solve", "Let a solver decide the whole horizon of an instance; exit 1 unless it ends ok or skipped."),
    "train": ("train", "Train a learned agent on fresh traces of a network and keep its policy, so that solving plays "
              "it."),
    "plan": ("run", "Show the cells of a suite, what is there already, and an estimate of the time."),
    "run": ("run", "Run the cells of a suite that have no record yet; exit 1 if a cell of the suite failed, now or "
            "before."),
    "sweep": ("sweep", "Vary a parameter: run what has no record yet, write sweep.csv, summary.csv and sweep.png."),
    "fresh": ("fresh", "Play methods on fresh traces, which nothing was trained or tuned on: their objective over that "
              "of the optimum."),
    "reproduce": ("reproduce", "Run figures of the papers again; judge what the papers claim; write data, figures and "
                  "the report."),
    "demonstrations": ("demonstrations", "Solve fresh traces; gather decisions, objectives and bounds in "
                       "DIR/demonstrations.nc, beside the traces."),
    "leaderboard": ("scores", "Print the leaderboard of folders of results and write its files."),
    "verify": ("scores", "Check evidence: records against decisions and plan, or the library against its checksums; "
               "exit 1 on a mismatch."),
    "tables": ("tables", "Write tables for a paper: PROBLEM.tex for each problem, and summary.tex over several."),
    "compare": ("compare", "Compare two solvers on what both have done: how much better A is than B, and whether that "
                "is shown."),
    "plot": ("plot", "Draw a slot of an instance with decisions and what they cost; results; or learning curves."),
    "publish": ("publish", "Write a site of results: pages for problems, solvers and instances, to open as files or to "
                "put on any server."),
    "generate": ("data", "Draw an instance from the problem's generator and write it."),
    "certify": ("certify", "Find and prove the optimum of an instance of your own, and keep it beside the file: "
                "mine.nc, mine.best_known.csv."),
    "export": ("export", "Write an exact model for other solvers, as an LP or a free MPS file."),
    "score": ("score", "Let the referee score a solution or decisions made elsewhere; exit 1 if they break a "
              "constraint."),
    "pack": ("bundles", "Write results to one file: records that hold, their decisions, their part of the plan, who "
             "made them."),
    "merge": ("bundles", "Take bundles into a folder of results: every decision is scored again before its record is "
              "taken in."),
    "train-predictor": ("predictor", "Train the predictor that is part of a problem's state, and write its weights as "
                        "safetensors."),
    "predictor-error": ("predictor", "Measure predictors on trajectories that none was trained on: mean squared error "
                        "by steps ahead."),
    "new-solver": ("scaffold", "Write a commented solver file that works and passes the conformance tests."),
    "check-solver": ("scaffold", "Run the conformance tests on a solver: small instances, in a process of its own; "
                     "exit 1 if one fails."),
    "new-problem": ("scaffold_problem", "Write a small package with a problem that works: change it file by file into "
                    "your own."),
    "check-problem": ("scaffold_problem", "Try every law on a problem, on small instances, in this process; exit 1 if "
                      "one is broken."),
}  # fmt: skip
"""Commands in the order of the help: the module of each in this folder, and the first paragraph of its help.

A test holds this table against the commands.
"""


class LateCommand(TyperCommand):
    """A command whose module is imported when it is called, or its options are asked for."""

    def __init__(self, name: str) -> None:
        self.module, summary = COMMANDS[name]
        super().__init__(name, help=summary)

    @cached_property
    def part(self) -> Any:
        """The commands of the module."""
        made = typer.Typer(rich_markup_mode=None)
        importlib.import_module(f"dtbench.cli.{self.module}").add_to(made)
        return get_group(made)

    @property
    def real(self) -> Any:
        """The command itself."""
        return self.part.commands[str(self.name)]

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Parse what follows the name: the context is that of the command itself, which is then called."""
        return self.real.make_context(*args, **more)

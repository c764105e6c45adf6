"""Runs a suite as a user's script does, for tests that kill it: runner.py SUITE RESULTS SOLVERS."""

import sys

from dtbench.experiments.plan import make_plan
from dtbench.experiments.run import run
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read

suite, results, solvers = sys.argv[1:]
store = Store(results)
made = make_plan(read(suite), store, solvers_paths=[solvers])
summary = run(made, store, workers=2)
print(f"ran {summary.ran}")

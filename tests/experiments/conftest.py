"""Suites for tests: written to a temporary folder, run with the solvers beside this file."""

import json
from collections import namedtuple
from pathlib import Path

import pytest

from dtbench.experiments import run as runner
from dtbench.experiments.plan import make_plan
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read

SOLVERS = Path(__file__).parent / "solvers"
TINY = "stin-deployment/tiny-000"

Bench = namedtuple("Bench", "write plan run store")


@pytest.fixture
def solvers_folder():
    return SOLVERS


@pytest.fixture
def bench(tmp_path):
    """Write, plan and run suites in a temporary folder."""
    return make_bench(tmp_path)


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory):
    """The same for a whole module, to be run once and copied."""
    return make_bench(tmp_path_factory.mktemp("shared"))


def make_bench(folder):
    def write(*solvers, instances=(TINY,), seeds=1, name="test", **limits):
        lines = [f'name = "{name}"', f"instances = {json.dumps(list(instances))}", f"seeds = {seeds}", "[limits]"]
        lines += [f"{key} = {value}" for key, value in ({"seconds": 60, "memory_gib": 2} | limits).items()]
        for solver in solvers:
            table = solver if isinstance(solver, dict) else {"name": solver}
            lines.append("[[solvers]]")
            options = table.get("options", {})
            lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if key != "options"]
            lines.append("options = {" + ", ".join(f"{k} = {json.dumps(v)}" for k, v in options.items()) + "}")
        file = folder / f"{name}.toml"
        file.write_text("\n".join(lines))
        return file

    store = Store(folder / "results")

    def plan(file, **filters):
        return make_plan(read(file), store, solvers_paths=[SOLVERS], **filters)

    def run(file, workers=2, progress=None, **filters):
        made = plan(file, **filters)
        summary = runner.run(made, store, workers=workers, progress=progress)
        return summary, {r.cell.solver: r for r in store.scan()[0]}

    return Bench(write, plan, run, store)

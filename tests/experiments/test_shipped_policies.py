"""Policies that are shipped: every one can be played, and the shipped suites train nothing."""

import pytest

from dtbench import files
from dtbench.experiments import suite
from dtbench.experiments.plan import make_plan
from dtbench.learning import checkpoint
from dtbench.library import instances
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem

ENTRIES = discover()
FILES = sorted((files.folder("solvers") / "checkpoints").glob("*/*.safetensors"))


@pytest.mark.parametrize("name", ["quick", "small", "paper", "all"])
def test_suites_play_what_is_shipped(name):
    cells = [p.cell for p in make_plan(suite.read(name)).cells if ENTRIES[p.cell.solver].trains]
    assert cells
    for cell in cells:
        agent = load_solver(ENTRIES[cell.solver])(
            problem(cell.problem), instances.load(cell.instance), seed=cell.seed, **cell.options
        )
        assert checkpoint.read_shipped(agent._file, cell.problem, agent.shipped_name), cell
        _, source = agent.obtain()
        assert source == "shipped", cell
        assert cell.checkpoints_sha256


def test_every_file_holds_weights_that_fit_its_header():
    assert len(FILES) >= 80
    for file in FILES:
        found = checkpoint.read(file)
        header = found.header
        owner = problem(header.identity.problem)
        assert file.parent.name == owner.id
        assert file.stat().st_size < 2_500_000
        cls = load_solver(ENTRIES[header.identity.solver])
        names = instances.names(owner.id, header.identity.size)
        agent = cls(owner, instances.load(names[0]), seed=header.identity.seed, checkpoint=str(file))
        agent.train()  # loads and checks
        assert agent.training["frames"] > 0


def test_the_suite_all_names_every_solver():
    assert {table.name for table in suite.read("all").content.solvers} == set(ENTRIES)

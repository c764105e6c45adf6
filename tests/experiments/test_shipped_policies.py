"""Policies that are shipped: every one can be played, and the shipped suites train nothing."""

from functools import cache

import pytest

from dtbench import files
from dtbench.envs import TEMPLATE_SEED
from dtbench.experiments import suite
from dtbench.experiments.plan import make_plan
from dtbench.learning import checkpoint
from dtbench.library import instances
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem

ENTRIES = discover()
FILES = sorted((files.folder("solvers") / "checkpoints").glob("*/*.safetensors"))


@pytest.fixture(scope="module")
def played():
    """Cells of agents that learn in shipped suites; those that suites share are there once."""
    found = {}
    for name in ("quick", "small", "paper", "all"):
        cells = [p.cell for p in make_plan(suite.read(name)).cells if ENTRIES[p.cell.solver].trains]
        assert cells
        for cell in cells:
            assert cell.checkpoints_sha256, cell
            found[cell.solver, cell.instance, cell.seed, *sorted(cell.options.items())] = cell
    return list(found.values())


@pytest.mark.parametrize("id", all_problems())
def test_suites_play_what_is_shipped(id, played):
    owner, load, load_class = problem(id), cache(instances.load), cache(lambda name: load_solver(ENTRIES[name]))
    cells = [cell for cell in played if cell.problem == id]
    assert cells
    for cell in cells:
        if "checkpoint" in cell.options:  # a policy that plays networks of another size
            assert (files.folder("suites") / str(cell.options["checkpoint"])).resolve() in FILES, cell
            continue
        agent = load_class(cell.solver)(owner, load(cell.instance), seed=cell.seed, **cell.options)
        assert checkpoint.read_shipped(agent._file, cell.problem, agent.shipped_name), cell
        _, source = agent.obtain()
        assert source == "shipped", cell


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
        instance = instances.load(names[0]) if names else owner.generate(header.identity.size, TEMPLATE_SEED)
        agent = cls(owner, instance, seed=header.identity.seed, checkpoint=str(file))
        agent.train()  # loads and checks
        assert agent.training["frames"] > 0


def test_the_suite_all_names_every_solver():
    assert {table.name for table in suite.read("all").content.solvers} == set(ENTRIES)

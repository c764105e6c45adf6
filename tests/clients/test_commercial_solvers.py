"""Gurobi and CPLEX, where somebody has installed them (`pip install gurobipy cplex`; both take small models for free).

They are no part of the set-up: without them the tests are skipped, also where all clients are asked for.
"""

import pytest

from .conftest import CLIENT
from .test_mip_solvers import WHAT, require_values, scored, started, written

__all__ = ["started", "written"]  # fixtures


@pytest.fixture
def gurobi(request):
    gurobipy = pytest.importorskip("gurobipy", reason="gurobipy is not installed; it is commercial")
    version = ".".join(map(str, gurobipy.gurobi.version()))
    request.node.user_properties.append((CLIENT, ("gurobipy", version, f"{WHAT}, solutions, starts")))
    environment = gurobipy.Env(params={"OutputFlag": 0})

    def solved(file, start=None):
        model = gurobipy.read(str(file), environment)
        model.Params.MIPGap = 0.0
        if start is not None:
            model.read(str(start))
            model.Params.SolutionLimit = 1  # stop at the start
        model.optimize()
        return model

    return solved


@pytest.fixture
def cplex(request):
    module = pytest.importorskip("cplex", reason="cplex is not installed; it is commercial")
    request.node.user_properties.append((CLIENT, ("cplex", module.__version__, f"{WHAT}, solutions, starts")))

    alive = []  # parts of a model do not keep it alive

    def solved(file):
        model = module.Cplex()
        alive.append(model)
        for stream in (model.set_log_stream, model.set_results_stream, model.set_warning_stream):
            stream(None)
        model.read(str(file))
        model.parameters.mip.tolerances.mipgap.set(0.0)
        model.solve()
        return model

    return solved


def test_gurobi(written, gurobi):
    require_values(written, lambda file, fmt: gurobi(file).ObjVal)


def test_cplex(written, cplex):
    small = {key: entry for key, entry in written.items() if key[1] != "horizon"}  # 1000 columns are free
    require_values(small, lambda file, fmt: cplex(file).solution.get_objective_value())


def test_solutions_come_back(written, gurobi, cplex, tmp_path):
    file, best = written["dnt-spectrum", "strong", "lp"]
    gurobi(file).write(str(tmp_path / "a.sol"))
    cplex(file).solution.write(str(tmp_path / "b.sol"))
    assert scored(tmp_path / "a.sol", "dnt-spectrum", "strong", best) == "Gurobi"
    assert scored(tmp_path / "b.sol", "dnt-spectrum", "strong", best) == "CPLEX"


def test_gurobi_takes_a_start(started, gurobi):
    file, start, value = started("mst")
    assert gurobi(file, start).ObjVal <= value * (1 + 1e-5)
    assert gurobi(file, start).SolCount >= 1


def test_cplex_takes_a_start(started, cplex):
    file, start, value = started("cplex")
    model = cplex(file)
    model.MIP_starts.read(str(start))  # in the place of those that the solution left
    ((given, _),) = model.MIP_starts.get_starts()
    costs = model.objective.get_linear(list(given.ind))
    assert sum(c * v for c, v in zip(costs, given.val, strict=True)) == pytest.approx(value, rel=1e-5)

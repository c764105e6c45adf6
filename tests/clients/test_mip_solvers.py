"""CBC, GLPK, SCIP and HiGHS solve what `dtbench export` writes: right value, right sign, and the way back."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dtbench.cli.export import model_of
from dtbench.core import Limits
from dtbench.exact.export import write_model
from dtbench.library import instances
from dtbench.problems import problem

PROBLEMS = (
    "stin-deployment", "edge-placement", "edge-migration",
    "dnt-spectrum", "satellite-offloading", "mec-synchronization",
)  # fmt: skip
MODELS = [(id, formulation) for id in PROBLEMS for formulation in ("strong", "reference")]
LIMITED = ("mec-synchronization", "reference")  # a lower bound
HORIZONS = [("edge-migration", "horizon"), ("dnt-spectrum", "horizon")]
CBC_SAYS = ["sh", "-c", "cbc -quit | sed -n 's/^Version: //p'"]
WHAT = "LP and MPS files of all problems, one slot and horizons: value and sign"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All models, written as LP and MPS, with the objective that the certificate of their slot says."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for id, formulation in MODELS + HORIZONS:
        owner, instance = problem(id), instances.load(f"{id}/tiny-000")
        slot = None if formulation == "horizon" else 0
        form = model_of(owner, instance, slot, formulation, Limits(seconds=30.0))
        limits = Limits(gap=1e-8)
        if slot is None:
            best = owner.exact_horizon(instance, limits)
        else:
            best = owner.exact(owner.slot(instance, 0, owner.start(instance)), limits)
        assert form.exact == ((id, formulation) != LIMITED)
        for fmt in ("lp", "mps"):
            file = folder / f"{id}-{formulation}.{fmt}"
            write_model(form.model, file, fmt, form.header(id, owner.unit))
            found[id, formulation, fmt] = file, best.objective * (1 if owner.sense == "min" else -1)
    return found


def require_values(written, solve):
    """Of the minimisation that the file holds, to 1e-6; not above it where the model is a lower bound."""
    wrong = []
    for (id, formulation, fmt), (file, best) in written.items():
        value = solve(file, fmt)
        bound = (id, formulation) == LIMITED
        right = value <= best + 1e-6 * abs(best) if bound else math.isclose(value, best, rel_tol=1e-6)
        if not right:
            wrong.append(f"{id} {formulation} {fmt}: {value!r}, certified {best!r}")
    assert not wrong


def run(*command):
    said = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    return said.stdout + said.stderr


def test_cbc(written, program, tmp_path):
    cbc = program("cbc", package="coinor-cbc", version=CBC_SAYS, what=WHAT)

    def solve(file, fmt):
        solution = tmp_path / f"{file.name}.sol"
        run(cbc, file, "ratio", "0", "allow", "1e-9", "solve", "solu", solution)
        status = solution.read_text().splitlines()[0]
        assert status.startswith("Optimal - objective value"), f"{file.name}: {status}"
        return float(status.split()[-1])

    require_values(written, solve)


def test_glpk(written, program, tmp_path):
    glpsol = program("glpsol", package="glpk-utils", what=WHAT)

    def solve(file, fmt):
        output = tmp_path / "out.txt"
        said = run(glpsol, "--lp" if fmt == "lp" else "--freemps", file, "--tmlim", "20", "-w", output)
        assert "OPTIMAL" in said, said[-500:]
        return float(re.search(r"^s (?:mip|bas) \d+ \d+ .*?(\S+)$", output.read_text(), re.MULTILINE)[1])

    require_values(written, solve)


def test_scip(written, library):
    library("pyscipopt", what=WHAT)
    import pyscipopt

    def solve(file, fmt):
        model = pyscipopt.Model()
        model.hideOutput()
        model.readProblem(str(file))
        model.setParam("limits/gap", 0.0)
        model.optimize()
        assert model.getStatus() == "optimal"
        return model.getObjVal()

    require_values(written, solve)


def test_highs(written, library):
    library("highspy", what=WHAT)
    import highspy

    def solve(file, fmt):
        highs = highspy.Highs()
        highs.silent()
        highs.setOptionValue("mip_rel_gap", 0.0)
        assert highs.readModel(str(file)) == highspy.HighsStatus.kOk
        highs.run()
        return highs.getInfo().objective_function_value

    require_values(written, solve)


# The way back


def dtbench(*words):
    command = Path(sys.executable).with_name("dtbench")
    return subprocess.run([command, *map(str, words)], capture_output=True, text=True)


def scored(file, id, formulation, expected):
    """What `dtbench score` says of a solution, which must be feasible and worth what was certified."""
    where = [] if formulation == "horizon" else ["--slot", 0]
    said = dtbench("score", f"{id}/tiny-000", *where, "--solution", file, "--json")
    assert said.returncode == 0, said.stderr
    facts = json.loads(said.stdout)
    sign = 1 if problem(id).sense == "min" else -1
    assert facts["objective"] * sign == pytest.approx(expected, rel=1e-6)
    return facts["solver"]


@pytest.mark.parametrize(("id", "formulation"), [*MODELS[::2], *HORIZONS])
def test_solutions_of_cbc_come_back(written, program, tmp_path, id, formulation):
    cbc = program("cbc", package="coinor-cbc", version=CBC_SAYS, what="solutions, read by `dtbench score`")
    file, best = written[id, formulation, "lp"]
    solution = tmp_path / "a.sol"
    run(cbc, file, "ratio", "0", "allow", "1e-9", "solve", "solu", solution)
    assert scored(solution, id, formulation, best) == "CBC"


@pytest.mark.parametrize(("id", "formulation"), [("stin-deployment", "reference"), ("edge-placement", "strong")])
def test_solutions_of_glpk_come_back(written, program, tmp_path, id, formulation):
    glpsol = program("glpsol", package="glpk-utils", what="solutions, read by `dtbench score`")
    file, best = written[id, formulation, "mps"]
    solution = tmp_path / "a.sol"
    run(glpsol, "--freemps", file, "-o", solution)
    assert scored(solution, id, formulation, best) == "GLPK"


@pytest.mark.parametrize(("id", "formulation"), [("dnt-spectrum", "reference"), ("edge-placement", "strong")])
def test_solutions_of_scip_come_back(written, library, tmp_path, id, formulation):
    library("pyscipopt", what="solutions, read by `dtbench score`")
    import pyscipopt

    file, best = written[id, formulation, "mps"]
    model = pyscipopt.Model()
    model.hideOutput()
    model.readProblem(str(file))
    model.optimize()
    solution = tmp_path / "a.sol"
    model.writeBestSol(str(solution))
    assert scored(solution, id, formulation, best) == "SCIP"


@pytest.mark.parametrize(
    ("id", "formulation"), [("mec-synchronization", "strong"), ("satellite-offloading", "reference")]
)
def test_solutions_of_highs_come_back(written, library, tmp_path, id, formulation):
    library("highspy", what="solutions, read by `dtbench score`")
    import highspy

    file, best = written[id, formulation, "mps"]
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.readModel(str(file))
    highs.run()
    solution = tmp_path / "a.sol"
    highs.writeSolution(str(solution), 0)
    assert scored(solution, id, formulation, best) == "HiGHS"


# Starts


@pytest.fixture
def started(tmp_path):
    """A model and the start that greedy gives, for a solver."""

    def export(fmt):
        model = tmp_path / "m.mps"
        said = dtbench(
            "export", "edge-placement/small-000", "--formulation", "strong", "-o", model, "--start", "greedy",
            "--start-format", fmt,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        (start,) = (file for file in tmp_path.iterdir() if file != model)
        value = float(re.search(r"start by greedy, in the model (\S+)", said.stderr)[1])
        return model, start, value

    return export


def test_cbc_takes_a_start(started, program):
    cbc = program("cbc", package="coinor-cbc", version=CBC_SAYS, what="MIP starts")
    model, start, value = started("cbc")
    said = run(cbc, model, "preprocess", "off", "mipstart", start, "maxNodes", "0", "solve")
    taken = re.search(r"MIPStart provided solution with cost (\S+)", said)
    assert taken, said[-2000:]
    assert float(taken[1]) == pytest.approx(value, rel=1e-5)


def test_scip_takes_a_start(started, library):
    library("pyscipopt", what="MIP starts")
    import pyscipopt

    model, start, value = started("mst")
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.readProblem(str(model))
    solution = scip.readSolFile(str(start))
    assert scip.getSolObjVal(solution) == pytest.approx(value, rel=1e-5)
    assert scip.checkSol(solution)


def test_highs_takes_a_start(started, library):
    library("highspy", what="MIP starts")
    import highspy

    model, start, value = started("highs")
    highs = highspy.Highs()
    highs.silent()
    highs.readModel(str(model))
    assert highs.readSolution(str(start), 0) == highspy.HighsStatus.kOk
    x = list(highs.getSolution().col_value)
    costs = list(highs.getLp().col_cost_)
    assert sum(c * v for c, v in zip(costs, x, strict=True)) == pytest.approx(value, rel=1e-5)

"""Solution files as each solver writes them, damaged ones, and starts."""

import pytest

from dtbench.errors import DtbenchError
from dtbench.exact.solutions import read, write_start

HIGHS = """Model status
Optimal

# Primal solution values
Feasible
Objective -20
# Columns 3
ant 0
bee 1
cat 1
# Rows 1
weight 6

# Dual solution values
None
"""
CBC = """Optimal - objective value -20.00000000
      1 bee                            1                     -13
**    2 cat                            1                      -7
"""
SCIP = """solution status: optimal solution found
objective value:                                  -20
bee                                                 1 \t(obj:-13)
cat                                               1.0 \t(obj:-7)
"""
GUROBI = """# Solution for model dtbench
# Objective value = -2.0000000000000000e+01
ant 0
bee 1
cat 1
"""
CPLEX = """<?xml version = "1.0" encoding="UTF-8" standalone="yes"?>
<CPLEXSolution version="1.2">
 <header problemName="m.lp" objectiveValue="-20" solutionStatusString="integer optimal solution"/>
 <linearConstraints>
  <constraint name="weight" index="0" slack="0"/>
 </linearConstraints>
 <variables>
  <variable name="ant" index="0" value="0"/>
  <variable name="bee" index="1" value="1"/>
  <variable name="cat" index="2" value="1"/>
 </variables>
</CPLEXSolution>
"""
GLPK = """Problem:    dtbench
Rows:       1
Columns:    3 (3 integer, 3 binary)
Non-zeros:  3
Status:     INTEGER OPTIMAL
Objective:  cost = -20 (MINimum)

   No.   Row name        Activity     Lower bound   Upper bound
------ ------------    ------------- ------------- -------------
     1 weight                      6                           6

   No. Column name       Activity     Lower bound   Upper bound
------ ------------    ------------- ------------- -------------
     1 ant          *              0             0             1
     2 bee
                    *              1             0             1
     3 cat          *              1             0             1

Integer feasibility conditions:
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.sol"

    def write(text: str):
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("solver", "text", "complete"),
    [("HiGHS", HIGHS, True), ("CBC", CBC, False), ("SCIP", SCIP, False), ("Gurobi", GUROBI, True),
     ("CPLEX", CPLEX, True), ("GLPK", GLPK, True)],
)  # fmt: skip
def test_every_format(file, solver, text, complete):
    found = read(file(text))
    assert found.solver == solver
    assert found.complete == complete
    assert found.objective == -20.0
    assert {name: value for name, value in found.values.items() if value} == {"bee": 1.0, "cat": 1.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no solution file that is known"),
        ("bee 1\n", "is no solution file that is known"),
        (HIGHS.replace("\nFeasible", "\nNone"), "says 'None': it holds no solution"),
        (HIGHS[: HIGHS.index("# Columns")], "holds no columns: it is cut off"),
        (HIGHS.replace("bee 1", "bee one"), "column 'bee' is 'one', expected a number"),
        (HIGHS.replace("bee 1", "bee"), "line 'bee' is no name and value"),
        (CBC.replace("Optimal", "Infeasible"), "says 'Infeasible - objective value"),
        (CBC.replace("Optimal", "Stopped on time (no integer solution - continuous used)"), "it holds no solution"),
        ("Optimal - objective value 0\n", "holds no values of columns"),
        (CBC + "      2 cat 1 -7\n", "column 'cat' stands there twice"),
        (CBC + "      2 cat\n", "is not of a solution of CBC"),
        ("no solution available\n", "holds no solution"),
        ("solution status: infeasible\nobjective value: 0\n", "holds no solution"),
        (CPLEX[: CPLEX.index("</variables>")], "is cut off: '</CPLEXSolution>' is missing"),
        (CPLEX.replace(' value="0"', ""), "has no name or no value"),
        (GLPK.replace("INTEGER OPTIMAL", "INTEGER UNDEFINED"), "says 'INTEGER UNDEFINED': it holds no solution"),
        (GLPK[: GLPK.index("bee") + 3], "column '2 bee' has no value; the file is cut off"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(file, text, words):
    with pytest.raises(DtbenchError) as error:
        read(file(text))
    assert words in str(error.value)
    assert "a.sol" in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_files_and_bytes(tmp_path):
    with pytest.raises(DtbenchError, match="does not exist"):
        read(tmp_path / "b.sol")
    (tmp_path / "c.sol").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DtbenchError, match="is not UTF-8"):
        read(tmp_path / "c.sol")


@pytest.mark.parametrize(("fmt", "solver"), [("mst", "Gurobi"), ("cbc", "CBC"), ("highs", "HiGHS"), ("cplex", "CPLEX")])
def test_starts_are_read_as_solutions_of_their_solver(tmp_path, fmt, solver):
    path = tmp_path / "start"
    write_start(path, [("ant", 0.0), ("bee", 1.0), ("rho", 1 / 3)], -13.0, fmt)
    found = read(path)
    assert found.solver == solver
    assert found.values == {"ant": 0.0, "bee": 1.0, "rho": 1 / 3}

"""Written models, read back by HiGHS, have the same optimum and readable names."""

from dataclasses import replace

import highspy
import pytest

from dtbench.errors import DtbenchError
from dtbench.exact.export import write_linear, write_pyomo

from .models import knapsack
from .test_pyomo_backend import facility


def optimum(path):
    highs = highspy.Highs()
    highs.silent()
    assert highs.readModel(str(path)) == highspy.HighsStatus.kOk
    highs.run()
    return highs.getInfo().objective_function_value


@pytest.mark.parametrize("fmt", ["lp", "mps"])
def test_pyomo_model_survives(tmp_path, fmt):
    path = tmp_path / f"model.{fmt}"
    write_pyomo(facility(), path, fmt)
    assert optimum(path) == pytest.approx(3.5)
    assert "serve" in path.read_text()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("fmt", ["lp", "mps"])
def test_linear_model_survives(tmp_path, fmt):
    path = tmp_path / f"model.{fmt}"
    write_linear(replace(knapsack(), names=["ant", "bee", "cat"], row_names=["weight"]), path, fmt)
    assert optimum(path) == pytest.approx(21.0)
    assert all(name in path.read_text() for name in ("ant", "bee", "cat", "weight"))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "write", [lambda p, f: write_pyomo(facility(), p, f), lambda p, f: write_linear(knapsack(), p, f)]
)
def test_the_file_may_have_any_name(tmp_path, write):
    path = tmp_path / "model.txt"
    write(path, "lp")
    assert [p.name for p in tmp_path.iterdir()] == ["model.txt"]
    assert optimum(path.rename(tmp_path / "model.lp")) in (pytest.approx(3.5), pytest.approx(21.0))


def test_bad_requests_name_what_is_wrong(tmp_path):
    with pytest.raises(DtbenchError, match=r"format is 'gms'; expected one of lp, mps"):
        write_linear(knapsack(), tmp_path / "m.gms", "gms")
    for write, m in ((write_linear, knapsack()), (write_pyomo, facility())):
        with pytest.raises(DtbenchError, match="cannot write"):
            write(m, tmp_path / "missing" / "m.lp", "lp")

"""Written models, read back by HiGHS, have the same optimum and readable names; the text is what all readers take."""

from dataclasses import replace

import highspy
import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.exact.export import CONSTANT, clean, number, standard, write_model
from dtbench.exact.form import arrays_of

from .models import best_by_enumeration, knapsack, model, random_model
from .test_pyomo_backend import facility

FORMATS = pytest.mark.parametrize("fmt", ["lp", "mps"])


def optimum(path):
    highs = highspy.Highs()
    highs.silent()
    assert highs.readModel(str(path)) == highspy.HighsStatus.kOk
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.run()
    return highs.getInfo().objective_function_value


@FORMATS
def test_a_maximisation_is_written_as_a_minimisation_without_constant(tmp_path, fmt):
    """max 10 a + 13 b + 7 c + 1 is 21: what is written is min, -21."""
    path = tmp_path / f"model.{fmt}"
    write_model(replace(knapsack(), names=["ant", "bee", "cat"], row_names=["weight"]), path, fmt, ["of ants"])
    text = path.read_text()
    assert optimum(path) == pytest.approx(-21.0)
    assert all(name in text for name in ("ant", "bee", "cat", "weight", CONSTANT))
    assert text.splitlines()[0] == ("\\ of ants" if fmt == "lp" else "* of ants")
    assert "max" not in text.lower()
    assert "OBJSENSE" not in text
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@FORMATS
@pytest.mark.parametrize("sense", ["min", "max"])
def test_integers_below_zero(tmp_path, fmt, sense):
    path, drawn = tmp_path / f"model.{fmt}", random_model(3, sense)
    write_model(drawn, path, fmt)
    assert optimum(path) == pytest.approx(best_by_enumeration(drawn) * (1 if sense == "min" else -1))


@FORMATS
def test_ranges_free_columns_and_empty_rows(tmp_path, fmt):
    """min -d - f + u with -1 <= d + f <= 2.5, d an integer in [-2, 3], f <= 4: -2.5; e is in no row."""
    path = tmp_path / f"model.{fmt}"
    inf = np.inf
    drawn = model(
        [-1.0, -1.0, 1.0, 0.0], [[1, 1, 0, 0], [0, 0, 0, 0]], [-1.0, -inf], [2.5, inf],
        lower=[-2.0, -inf, 0.0, 0.0], upper=[3.0, 4.0, inf, 1.0], integer=[True, False, False, True],
        names=["d", "f", "u", "bin"],
    )  # fmt: skip
    write_model(drawn, path, fmt)
    text = path.read_text()
    assert optimum(path) == pytest.approx(-2.5)
    assert {"r0_most", "r0_least", "x_bin"} <= set(text.replace(":", " ").split())
    assert standard(drawn).row_names == ["r0_most", "r0_least"]


@FORMATS
def test_pyomo_models_become_arrays(tmp_path, fmt):
    path = tmp_path / f"model.{fmt}"
    write_model(arrays_of(facility())[0], path, fmt)
    assert optimum(path) == pytest.approx(3.5)
    assert {"open_1", "open_2", "lost", "serve"} <= set(path.read_text().replace(":", " ").split())


def test_names_that_every_reader_takes():
    assert clean(["a[1,2]", "e1", "E", "3d", "bin", "a_1_2", "", "Subject"]) == [
        "a_1_2", "x_e1", "x_E", "x_3d", "x_bin", "a_1_2_2", "x", "x_Subject",
    ]  # fmt: skip
    assert len(set(clean(["a", "a", "a_2"]))) == 3


@pytest.mark.parametrize("value", [0.1, 1e-9, 1 / 3, -2.5e17, 3.0, -0.0])
def test_numbers_are_read_back_as_they_are(value):
    assert float(number(value)) == value


def test_bad_requests_name_what_is_wrong(tmp_path):
    with pytest.raises(DtbenchError, match=r"format is 'gms'; expected one of lp, mps"):
        write_model(knapsack(), tmp_path / "m.gms", "gms")
    with pytest.raises(DtbenchError, match="cannot write"):
        write_model(knapsack(), tmp_path / "missing" / "m.lp", "lp")

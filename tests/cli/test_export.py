import re

import highspy
import pytest

from dtbench.library.best_known import best_known

TINY = "stin-deployment/tiny-000"


def solved(file, solution=None):
    """Objective of the minimisation in a file, by HiGHS."""
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 0.0)
    assert highs.readModel(str(file)) == highspy.HighsStatus.kOk
    highs.run()
    if solution is not None:
        highs.writeSolution(str(solution), 0)
    return highs.getInfo().objective_function_value


@pytest.mark.parametrize("format", ["lp", "mps"])
@pytest.mark.parametrize("formulation", ["reference", "strong"])
def test_exported_models_have_the_certified_optimum(dtbench, tmp_path, format, formulation):
    file = tmp_path / f"model.{format}"
    result = dtbench("export", TINY, "--slot", 3, "--format", format, "--formulation", formulation, "-o", file)
    assert result.code == 0
    assert f"wrote {file}: exact (" in result.err
    assert solved(file) == pytest.approx(best_known("stin-deployment")[TINY]["3"].objective, rel=1e-6)


def test_what_the_screen_says_the_header_says(dtbench, tmp_path):
    """The paper's model of mec-synchronization is on levels: a bound; a maximisation is negated; fields are named."""
    file = tmp_path / "m.lp"
    result = dtbench("export", "mec-synchronization/tiny-000", "-o", file)
    head = [line for line in file.read_text().splitlines() if line.startswith("\\")]
    for text in (result.err, "\n".join(head)):
        assert "a relaxation: its optimum is a lower bound of the objective" in text
        assert "Uplink times are on levels" in text
    assert any("power[K]" in line for line in head)
    result = dtbench("export", "edge-migration/tiny-000", "--formulation", "strong", "-o", file)
    assert "exact" in result.err
    assert "minimise MINUS the objective" in result.err
    assert "minimise MINUS the objective, which is maximised" in file.read_text()
    assert "a_I_K = 1: assoc[I] = K" in file.read_text()
    result = dtbench("export", "edge-placement/small-000", "--time-limit", 0, "-o", file)
    assert "lower bound" in result.err


def test_the_whole_horizon(dtbench, tmp_path):
    file = tmp_path / "m.mps"
    name = "edge-migration/tiny-000"
    result = dtbench("export", name, "--horizon", "-o", file)
    assert result.code == 0
    assert solved(file) == pytest.approx(-best_known("edge-migration")[name]["horizon"].objective, rel=1e-5)


def test_a_start_by_a_solver(dtbench, tmp_path):
    file = tmp_path / "m.lp"
    result = dtbench("export", TINY, "--formulation", "strong", "--start", "greedy", "-o", file)
    assert result.code == 0
    value = float(re.search(r"start by greedy, in the model (\S+) s", result.err)[1])
    assert value >= solved(file) * (1 - 1e-6)
    start = dict(line.split() for line in (tmp_path / "m.mst").read_text().splitlines()[1:])
    assert sum(float(v) for name, v in start.items() if name.startswith(("own_", "at_"))) == 5
    bad = dtbench("export", TINY, "--start", "myopic-opt", "-o", file)
    assert bad.code == 2
    assert "does not take problem 'stin-deployment'" in bad.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((TINY, "--slot", 10), "has slots 0 to 9"),
        ((TINY, "-o", "no/m.lp"), "make it first"),
        ((TINY, "--horizon"), "are not coupled: take them one by one"),
        (("edge-migration/tiny-000", "--horizon", "--slot", 1), "--slot and --horizon exclude each other"),
        (("edge-migration/tiny-000", "--horizon", "--formulation", "reference"), "no paper gives a model of the whole"),
    ],
)
def test_mistakes(dtbench, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = dtbench("export", *arguments)
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1

import pytest

from dtbench.library import instances
from dtbench.library.best_known import best_known

TINY = "stin-deployment/tiny-000"


@pytest.mark.parametrize("format", ["lp", "mps"])
@pytest.mark.parametrize("formulation", ["reference", "strong"])
def test_exported_models_have_the_certified_optimum(dtbench, tmp_path, format, formulation):
    highspy = pytest.importorskip("highspy")
    file = tmp_path / f"model.{format}"
    result = dtbench("export", TINY, "--slot", 3, "--format", format, "--formulation", formulation, "-o", file)
    assert result.code == 0
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.readModel(str(file))
    highs.run()
    best = best_known("stin-deployment")[TINY]["3"].objective
    assert highs.getInfo().objective_function_value == pytest.approx(best, rel=1e-6)


def test_slots_out_of_range_and_missing_folders(dtbench, tmp_path):
    assert "has slots 0 to 9" in dtbench("export", TINY, "--slot", 10).err
    result = dtbench("export", TINY, "-o", tmp_path / "no" / "m.lp")
    assert result.code == 2
    assert "make it first" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("stin-deploy", "tiny", "-o", "a.nc"), "unknown problem 'stin-deploy'. Did you mean 'stin-deployment'"),
        (("stin-deployment", "huge", "-o", "a.nc"), "unknown size 'huge'"),
        (("stin-deployment", "tiny", "-o", "a.csv"), "--output is 'a.csv'"),
        (("stin-deployment", "tiny", "-o", "a.nc", "--set", "n_users"), "--set is 'n_users'"),
        (("stin-deployment", "tiny", "-o", "a.nc", "--set", "n_users=0"), "parameter 'n_users' is 0"),
    ],
)
def test_mistakes_of_generate(dtbench, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = dtbench("generate", *arguments)
    assert result.code == 2
    assert words in result.err


def test_the_shipped_library_verifies(dtbench):
    result = dtbench("verify", "--instances")
    assert result.code == 0
    assert f"{len(instances.names())} checked, 0 wrong" in result.out

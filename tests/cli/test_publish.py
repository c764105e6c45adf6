"""``dtbench publish`` as a user calls it."""

import json
import shutil

import pytest

SUITE = """
name = "pair"
instances = ["stin-deployment/tiny-000", "edge-migration/tiny-000"]
seeds = 1

[[solvers]]
name = "greedy"

[[solvers]]
name = "nearest"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.run import run
    from dtbench.experiments.store import Store
    from dtbench.experiments.suite import read

    folder = tmp_path_factory.mktemp("pair")
    (folder / "pair.toml").write_text(SUITE)
    store = Store(folder / "results")
    run(make_plan(read(folder / "pair.toml"), store), store, workers=1)
    return folder / "results"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DTBENCH_CACHE", str(tmp_path / "cache"))


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_site_of_results(dtbench, finished, tmp_path):
    result = dtbench("publish", "--results", finished, "-o", tmp_path / "site", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out) == {"site": str(tmp_path / "site"), "pages": 11, "holds": True}
    page = (tmp_path / "site/instance/edge-migration--tiny-000.html").read_text()
    assert "proven optimal" in page
    assert "The network and the best decision" in page
    assert page.count('class="plot"') >= 3
    assert str(tmp_path) not in page


def test_the_same_bytes_with_and_without_the_cache(dtbench, finished, tmp_path, monkeypatch):
    moved = shutil.copytree(finished, tmp_path / "moved")
    for number, (results, cache) in enumerate(((finished, "one"), (finished, "one"), (moved, "two"))):
        monkeypatch.setenv("DTBENCH_CACHE", str(tmp_path / cache))
        assert dtbench("publish", "--results", results, "-o", tmp_path / f"site{number}").code == 0
    first = contents(tmp_path / "site0")
    assert first == contents(tmp_path / "site1") == contents(tmp_path / "site2")


def test_a_record_that_does_not_hold_is_left_out(dtbench, finished, tmp_path):
    results = shutil.copytree(finished, tmp_path / "results")
    record = next((results / "records").glob("stin-deployment--*--greedy--*.json"))
    record.write_text(record.read_text().replace('"seed": 0', '"seed": 7', 1))
    result = dtbench("publish", "--results", results, "-o", tmp_path / "site")
    assert result.code == 1
    assert "does not hold" in result.err
    assert (
        "1 not valid" in (tmp_path / "site/reading.html").read_text()
        or "not valid" in (tmp_path / "site/solver/greedy.html").read_text()
    )


def test_a_report_of_claims_alone_is_no_site(dtbench, tmp_path):
    (tmp_path / "claims.csv").write_text("paper,figure,verdict\n")
    result = dtbench("publish", "--results", tmp_path, "-o", tmp_path / "site")
    assert result.code == 2
    assert "name a folder of results" in result.err


def test_claims_inside_results_are_found(dtbench, finished, tmp_path):
    results = shutil.copytree(finished, tmp_path / "results")
    (results / "claims").mkdir()
    (results / "claims/claims.csv").write_text("paper,figure,claimed,verdict\ntao,4,best,holds\n")
    assert dtbench("publish", "--results", results, "-o", tmp_path / "site").code == 0
    assert "holds" in (tmp_path / "site/claims.html").read_text()


def test_a_folder_without_results(dtbench, tmp_path):
    result = dtbench("publish", "--results", tmp_path, "-o", tmp_path / "site")
    assert result.code == 2
    assert "holds no records" in result.err

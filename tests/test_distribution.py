"""What wheels hold: the policies that small suites play, with checksums; the others in a package of their own."""

import hashlib
import importlib.util
import tomllib
from types import SimpleNamespace

import pytest

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.experiments.plan import make_plan
from dtbench.experiments.suite import read
from dtbench.learning import checkpoint
from dtbench.outside import read_checksums
from dtbench.plugins.discovery import discover, find

ROOT = files.PACKAGE.parent
CHECKPOINTS = ROOT / "solvers" / "checkpoints"
VDN, STIN = ROOT / "solvers" / "vdn.py", "stin-deployment"


@pytest.fixture
def in_wheel():
    pytest.importorskip("hatchling", reason="hatchling is not installed; try: make setup-clients")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {target.removeprefix("dtbench/_data/solvers/") for target in module.in_wheel(ROOT).values()}


@pytest.mark.parametrize("suite", ["quick", "small"])
def test_the_wheel_holds_what_a_suite_plays(in_wheel, suite):
    entries, played = discover(), set()
    for cell in (planned.cell for planned in make_plan(read(suite)).cells):
        entry = find(cell.solver, entries)
        if entry.trains:
            played.update(checkpoint.shipped_files(entry.file, cell.problem, cell.solver, cell.size, cell.seed))
    assert played
    wanted = {f"checkpoints/{file.parent.name}/{file.name}" for file in played if "--tuned--" in file.name}
    assert wanted <= in_wheel


def test_the_wheel_holds_all_solvers_and_few_policies(in_wheel):
    assert {file.name for file in (ROOT / "solvers").glob("*.py")} <= in_wheel
    sizes = [(ROOT / "solvers" / name).stat().st_size for name in in_wheel]
    assert sum(sizes) < 3e6


def test_versions_are_one():
    ours, policies = (tomllib.loads((ROOT / at / "pyproject.toml").read_text()) for at in (".", "policies"))
    assert ours["project"]["version"] == policies["project"]["version"]


@pytest.mark.parametrize("folder", sorted(CHECKPOINTS.iterdir()), ids=lambda folder: folder.name)
def test_every_policy_is_listed_with_its_checksum(folder):
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.safetensors")}
    assert read_checksums(folder / checkpoint.CHECKSUMS) == found


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package of policies: a folder."""
    monkeypatch.setattr(checkpoint, "installed_policies", lambda: (tmp_path,))
    folder = tmp_path / "checkpoints" / STIN
    folder.mkdir(parents=True)
    return folder


def test_policies_of_the_package_are_those_of_our_solvers_only(package, tmp_path):
    (package / "vdn--paper--aaaaaaaa--tuned--s7.safetensors").write_bytes(b"x")
    found = checkpoint.shipped_files(VDN, STIN, "vdn", "paper", 7)
    assert [file.parent for file in found] == [package]
    assert checkpoint.shipped_files(tmp_path / "other" / "vdn.py", STIN, "vdn", "paper", 7) == []


def test_a_policy_that_lies_in_both_places_counts_once(package):
    before = checkpoint.shipped_sha256(VDN, STIN, "vdn", "tiny", 0, {})
    one = checkpoint.shipped_files(VDN, STIN, "vdn", "tiny", 0)[0]
    (package / one.name).write_bytes(one.read_bytes())
    assert checkpoint.shipped_sha256(VDN, STIN, "vdn", "tiny", 0, {}) == before


def test_a_damaged_policy_of_the_package_is_named(package):
    name = "vdn--tiny--00000000--tuned--s0.safetensors"
    (package / name).write_bytes(b"x")
    (package / checkpoint.CHECKSUMS).write_text(f"{'0' * 64}  {name}\n")
    with pytest.raises(DtbenchError, match=f"{name}' differs from its checksum"):
        checkpoint.read_shipped(VDN, STIN, name)


def test_the_package_is_found_where_it_is_installed(tmp_path, monkeypatch):
    checkpoint.installed_policies.cache_clear()
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(
        checkpoint.importlib.util, "find_spec", lambda name: spec if name == "dtbench_policies" else None
    )
    assert checkpoint.installed_policies() == (tmp_path,)
    checkpoint.installed_policies.cache_clear()

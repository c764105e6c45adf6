"""The wheels, built and used as installed ones: found, listed, played; policies with and without their package.

The last test is a stranger's: the source archive, the wheel made from it, an empty environment, the suite `quick`.
"""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest


@pytest.fixture(scope="module")
def wheels(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("wheels")
    pytest.importorskip("build", reason="build is not installed; try: make setup-clients")
    root = request.config.rootpath
    for place in (root, root / "policies"):
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(place)]
        subprocess.run(command, check=True, capture_output=True)
    return {wheel.name.split("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.fixture
def installed(wheels, tmp_path):
    """Unpack wheels, and run the command of dtbench from them, in a folder with nothing else."""

    def install(*names):
        site, place = tmp_path / "site", tmp_path / "place"
        place.mkdir(exist_ok=True)
        for name in names:
            with zipfile.ZipFile(wheels[name]) as wheel:
                wheel.extractall(site)
        code = (
            f"import sys; sys.path.insert(0, {str(site)!r}); import dtbench; "
            f"assert dtbench.__file__.startswith({str(site)!r}); from dtbench.cli.main import main; main()"
        )

        def dtbench(*arguments):
            said = subprocess.run(
                [sys.executable, "-P", "-c", code, *arguments], cwd=place, capture_output=True, text=True, timeout=120,
                env=os.environ | {"DTBENCH_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(site)},
            )  # fmt: skip
            assert said.returncode == 0, said.stderr
            return json.loads(said.stdout)

        return dtbench

    return install


def test_small_suites_are_played_from_the_wheel_alone(wheels, installed, library):
    library("build", what="the wheel of dtbench, used as an installed one")
    assert wheels["dtbench"].stat().st_size < 45e6  # half of it are the cities
    dtbench = installed("dtbench")
    assert {"vdn", "greedy", "exact"} <= {row["solver"] for row in dtbench("list", "solvers", "--json")}
    ran = dtbench(
        "run", "quick", "--instances", "stin-deployment/*-000", "--solvers", "vdn,greedy,exact", "--workers", "1",
        "--json",
    )  # fmt: skip
    assert ran["statuses"] == {"ok": ran["cells"]}
    facts = dtbench("solve", "stin-deployment/tiny-000", "vdn", "--json")
    assert facts["training"]["source"] == "shipped"


def test_other_policies_come_from_their_package(installed, library):
    library("build", what="the wheel of dtbench-policies beside it")
    dtbench = installed("dtbench", "dtbench_policies")
    facts = dtbench("solve", "satellite-offloading/paper-000", "cc-ddpg", "--json")
    assert (facts["status"], facts["training"]["source"]) == ("ok", "shipped")


def test_the_suite_quick_is_played_in_an_empty_environment(tmp_path, library, request):
    library("build", what="source archive, the wheel made from it, an empty environment with that wheel")
    root, dist, home = request.config.rootpath, tmp_path / "dist", tmp_path / "home"
    home.mkdir()

    def run(*command):
        said = subprocess.run(
            [str(part) for part in command], cwd=home, capture_output=True, text=True, timeout=900,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "DTBENCH_CACHE": str(tmp_path / "cache")}
            | {name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        )  # fmt: skip
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, root)  # the wheel is made from the archive
    archive, wheel = next(dist.glob("*.tar.gz")), next(dist.glob("*.whl"))
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"Makefile", "constraints.txt", "suites/quick.toml", "tests/conftest.py", "tuning/ship.py"} <= names
    assert not [name for name in names if ".venv" in name or name.startswith("results/runs")]

    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / "bin"
    run(bin_ / "python", "-m", "pip", "install", "--quiet", "-c", root / "constraints.txt", wheel)
    installed = run(bin_ / "python", "-m", "pip", "list", "--format", "json")
    assert "torch" not in {package["name"] for package in json.loads(installed)}
    run(bin_ / "python", "-m", "pip", "check")

    ran = json.loads(run(bin_ / "dtbench", "run", "quick", "--json"))
    assert set(ran["statuses"]) <= {"ok", "skipped"}  # that is declined where slots are not coupled
    board = json.loads(run(bin_ / "dtbench", "leaderboard", "--json"))
    assert {"exact", "greedy", "vdn"} <= {row["solver"] for section in board["sections"] for row in section["rows"]}

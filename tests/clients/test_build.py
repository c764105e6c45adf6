"""The wheels, built and used as installed ones: found, listed, played; policies with and without their package."""

import json
import os
import subprocess
import sys
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
    assert wheels["dtbench"].stat().st_size < 20e6
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

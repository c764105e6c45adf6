"""The example for SLURM: the job that it submits, and the same on this machine, with workers that come as needed."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def slurm(request, tmp_path):
    """Run the example in an empty folder."""

    def run(*options):
        return subprocess.run(
            [sys.executable, str(request.config.rootpath / "examples" / "slurm.py"), *options],
            cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


def test_the_job_that_is_submitted(library, slurm):
    library("dask-jobqueue", what="the script of a SLURM job")
    said = slurm("--queue", "short", "--account", "me", "--hours", "3", "--cores", "4", "--memory", "16GB", "--dry-run")
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    for line in ("#SBATCH -p short", "#SBATCH -A me", "#SBATCH -t 03:00:00", "#SBATCH --cpus-per-task=4"):
        assert line in lines
    assert any(line.startswith(sys.executable) and "--nthreads 4" in line for line in lines)


def test_workers_come_when_there_is_work(library, slurm, tmp_path):
    library("dask-jobqueue", what="a suite on an adaptive cluster of jobs")
    said = slurm(
        "--local", "--jobs", "2", "--memory", "4GB",
        "run", "quick", "--instances", "stin-deployment/tiny-000", "--solvers", "greedy,random", "--json",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["statuses"] == {"ok": json.loads(said.stdout)["cells"]}
    assert list((tmp_path / "results" / "quick" / "records").glob("*.json"))

"""Runs a suite on a SLURM cluster: jobs start workers, as many as there is work for, and end when it is done.

    pip install 'dtbench[cluster]'
    python examples/slurm.py --jobs 50 --queue short --hours 2 run paper --retry-failed

What follows the options is a `dtbench` command that takes `--scheduler`: `run`, `sweep` or `fresh`. Run it where jobs
can be submitted, in the environment in which dtbench is installed; jobs use the same one. `--dry-run` prints the script
of a job.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster
from dask_jobqueue.local import LocalCluster

DAY = 86400


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10, help="jobs at most, each with one worker")
    parser.add_argument("--cores", type=int, default=1, help="cells at once in a job, each on one core")
    parser.add_argument(
        "--memory", default="8GB", help="of a job; a cell may use 8 GiB unless its suite says otherwise"
    )
    parser.add_argument("--hours", type=int, default=2, help="limit of a job: longer than the longest cell")
    parser.add_argument("--queue", help="partition")
    parser.add_argument("--account", help="account")
    parser.add_argument(
        "--local", action="store_true", help="processes on this machine instead of SLURM, to try it out"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the script of a job, and end")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="run SUITE ..., sweep NAME ... or fresh PROBLEM ...")
    given = parser.parse_args()
    if not given.command and not given.dry_run:
        parser.error("name what to run: run SUITE, sweep NAME or fresh PROBLEM")
    return given


def main() -> int:
    """Start the cluster, and the command on it; its exit code."""
    given = arguments()
    common = {
        "cores": given.cores, "processes": 1, "memory": given.memory, "python": sys.executable,
        "worker_extra_args": ["--no-dashboard"],
    }  # fmt: skip
    if given.local:
        cluster = LocalCluster(**common)
    else:
        cluster = SLURMCluster(
            queue=given.queue, account=given.account, walltime=f"{given.hours:02d}:00:00", **common
        )  # fmt: skip
    with cluster:
        if given.dry_run:
            print(cluster.job_script())
            return 0
        cluster.adapt(minimum=0, maximum=given.jobs)
        dtbench = str(Path(sys.executable).with_name("dtbench"))
        where = ["--scheduler", cluster.scheduler_address, "--wait", str(DAY)]
        return subprocess.run([dtbench, *given.command, *where]).returncode


if __name__ == "__main__":
    sys.exit(main())

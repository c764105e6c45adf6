"""Train what is missing of the policies in ``solvers/checkpoints/``: those that ``shipped.toml`` lists.

Every training is a command, ``dtbench train SOLVER PROBLEM SIZE --instance NAME --seed N -o solvers/checkpoints``, on a
single thread; ``--workers`` of them run at once. Instances of the library only say which network is trained on: agents
play fresh traces of it. A file that is there is left as it is; delete it to have it made again.

    python tuning/ship.py --workers 2 [--only 'dnt-spectrum/vdn*'] [--list] [--planned]

Tables ``planned`` are to be trained yet: ``--planned`` trains them. Then they are moved to ``policies``.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dtbench.envs import TEMPLATE_SEED
from dtbench.errors import DtbenchError
from dtbench.files import write_safely
from dtbench.learning.solver import LearnedSolver
from dtbench.library import instances
from dtbench.plugins.discovery import discover, find, load_solver
from dtbench.problems import problem

HERE = Path(__file__).resolve().parent
CHECKPOINTS = HERE.parent / "solvers" / "checkpoints"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Training:
    """A training: what it is of, and the file that it makes."""

    solver: str
    problem: str
    size: str
    instance: str  # name in the library; empty: a network that is drawn for training
    seed: int
    preset: str
    file: Path

    @property
    def command(self) -> list[str]:
        """What is run."""
        train = [str(Path(sys.executable).with_name("dtbench")), "train", self.solver, self.problem, self.size]
        train += ["--option", f"preset={self.preset}"]
        train += ["--instance", self.instance] if self.instance else []
        return [*train, "--seed", str(self.seed), "-o", str(CHECKPOINTS)]


@cache
def learned(solver: str) -> type[LearnedSolver]:
    """The class of a solver that learns."""
    cls = load_solver(find(solver, discover()))
    if not issubclass(cls, LearnedSolver):
        raise DtbenchError(f"'shipped.toml': solver '{solver}' does not learn.")
    return cls


def trainings(tables: list[dict[str, Any]], only: str) -> Iterator[Training]:
    """Trainings of the tables in their order, one per network: instances that share a network share a policy.

    A table names ``instances`` of the library, or a ``size`` that the library does not have.
    """
    seen: set[Path] = set()
    loaded = cache(instances.load)
    for table in tables:
        preset = table.get("preset", "tuned")
        if "size" in table:
            networks = {"": problem(table["problem"]).generate(table["size"], TEMPLATE_SEED)}
        else:
            known = instances.names(table["problem"])
            networks = {n: loaded(n) for n in known if fnmatch.fnmatchcase(n, table["instances"])}
        for seed in range(table["seeds"]):
            for solver in table["solvers"]:
                for name, instance in networks.items():
                    cls = learned(solver)
                    agent = cls(problem(table["problem"]), instance, seed=seed, preset=preset)
                    file = CHECKPOINTS / table["problem"] / agent.shipped_name
                    if file not in seen and fnmatch.fnmatchcase(f"{table['problem']}/{file.name}", only):
                        seen.add(file)
                        yield Training(solver, table["problem"], instance.size, name, seed, preset, file)


def run(training: Training) -> bool:
    """Train; the end of what it said goes to stderr if it failed."""
    began = time.perf_counter()
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(training.command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False)  # noqa: S603
    spent = f"{time.perf_counter() - began:.0f} s"
    if done.returncode:
        print(f"failed {training.file.name} ({spent}): {done.stderr[-2000:]}", file=sys.stderr, flush=True)
    else:
        print(f"{training.problem}/{training.file.name}: {spent}", flush=True)
    return done.returncode == 0


def list_checksums() -> None:
    """Write the checksums of all policies of a problem beside them."""
    for folder in sorted(place for place in CHECKPOINTS.iterdir() if place.is_dir()):
        lines = [
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
            for file in sorted(folder.glob("*.safetensors"))
        ]
        write_safely(folder / "SHA256SUMS", "".join(lines).encode())


def main() -> int:
    """Train what is missing; 1 if a training failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="trainings at once")
    parser.add_argument("--only", default="*", help="glob of PROBLEM/FILE")
    parser.add_argument("--list", action="store_true", help="only name what is missing")
    parser.add_argument("--planned", action="store_true", help="those to be trained yet, instead of those shipped")
    given = parser.parse_args()
    listed = tomllib.loads((HERE / "shipped.toml").read_text(encoding="utf-8"))
    tables = listed["planned" if given.planned else "policies"]
    todo = [training for training in trainings(tables, given.only) if not training.file.is_file()]
    if given.list:
        print("\n".join(f"{training.problem}/{training.file.name}" for training in todo))
        return 0
    print(f"{len(todo)} policies to train, {given.workers} at once", flush=True)
    with ThreadPoolExecutor(given.workers) as pool:
        results = list(pool.map(run, todo))
    list_checksums()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

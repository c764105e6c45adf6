"""Measure pairs: each side and seed in a process of its own, on one thread, in the family's environment.

python -m studies.peers.measure [PAIR ...] [--seeds 0 1 2] [--sides dtbench core ...] [--again] [--here]

Rows of studies/peers/peers.csv are not measured again, unless their settings have changed or ``--again`` is given.
Sides take turns, seed by seed, so that what else the machine does meets all alike.
Start one at a time: rows are read and written as a whole.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from studies.peers import rows as table
from studies.peers.environments import ROOT, python
from studies.peers.settings import Pair, pairs

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")


def measured(pair: Pair, side: str, seed: int, interpreter: Path) -> dict[str, Any]:
    """The row of one run.

    Raises
    ------
    RuntimeError
        If it fails; with the end of what it said.
    """
    command = [str(interpreter), "-m", "studies.peers.one", pair.name, side, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | ONE_THREAD)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{pair.name}, {side}, seed {seed}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"key": table.key(pair)}


def main() -> None:
    """Measure what is asked for, and write a row after each run."""
    known = pairs()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help=", ".join(known))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--sides", nargs="+", help="all of the pair, if not given")
    parser.add_argument("--again", action="store_true", help="measure anew what is asked for")
    parser.add_argument("--here", action="store_true", help="in this interpreter's environment, not in the family's")
    parser.add_argument("--out", type=Path, default=table.FILE)
    given = parser.parse_args()
    failed = 0
    for name in given.pairs or known:
        if name not in known:
            parser.error(f"unknown pair '{name}'; expected {', '.join(known)}.")
        pair, sides = known[name], given.sides or known[name].sides
        interpreter = Path(sys.executable) if given.here else python(pair.family)
        if not interpreter.exists():
            parser.error(f"'{interpreter}' is missing: `python studies/peers/environments.py {pair.family}` makes it.")
        rows = [] if given.again else table.read(given.out)
        for seed, side in table.missing(rows, pair, given.seeds, sides):
            try:
                row = measured(pair, side, seed, interpreter)
            except RuntimeError as error:
                print(error, file=sys.stderr, flush=True)
                failed += 1
                continue
            same = (pair.name, side, seed)
            kept = [r for r in table.read(given.out) if (r["pair"], r["side"], r["seed"]) != same]
            table.write([*kept, row], given.out)
            print(f"{pair.name:12} {side:8} seed {seed}: {row['cpu']:8.2f} s, {row['peak_mb']:6.0f} MB", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

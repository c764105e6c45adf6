"""Make the reference results: run suites, and pack them by solver into ``results/reference``.

    python tuning/reference.py small paper large --workers 2
    python tuning/reference.py paper --solvers "greedy;exact" --instances "edge-placement/*"
    python tuning/reference.py paper --pack-only

Runs go to ``results/runs/<suite>`` and can be interrupted: what has a record is not run again. A solver's bundle is
written when all its planned cells have records that hold, so those that are finished can be committed while others run.
Times of cells go to ``seconds.json``. The same records give the same bytes.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import re
from collections.abc import Sequence
from pathlib import Path

from dtbench.cli.output import stderr
from dtbench.cli.progress import display
from dtbench.experiments import expected
from dtbench.experiments.bundle import pack
from dtbench.experiments.plan import Plan
from dtbench.experiments.record import Record
from dtbench.experiments.run import run
from dtbench.experiments.session import prepare
from dtbench.experiments.store import Store
from dtbench.files import write_safely

REPOSITORY = Path(__file__).resolve().parent.parent
REFERENCE = REPOSITORY / "results" / "reference"
RUNS = REPOSITORY / "results" / "runs"
WHO = "the authors of dtbench"


def slug(label: str) -> str:
    """A label as the name of a file.

    >>> slug("exact, 10 s per slot")
    'exact-10-s-per-slot'
    """
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def of_suite(name: str, workers: int, solvers: Sequence[str], instances: str | None, pack_only: bool) -> list[Record]:
    """Run what is missing of a suite, solver by solver, and pack what is complete; all records so far."""
    made, store = prepare(name, RUNS / name)
    labels = [label for label in dict.fromkeys(p.cell.label for p in made.cells) if not solvers or label in solvers]
    asked = {p.cell.label for p in made.cells if fnmatch.fnmatchcase(p.cell.instance, instances or "*")}
    for label in labels:
        if not pack_only and label in asked:
            part, _ = prepare(name, RUNS / name, solvers=[label], instances=instances)
            with display(stderr) as progress:
                run(part, store, workers=workers, command=f"python tuning/reference.py {name}", progress=progress)
        packed(name, label, made, store)
    return store.scan()[0]


def packed(suite: str, label: str, made: Plan, store: Store) -> None:
    """Write the bundle of a solver, if all its planned cells have records."""
    mine = [p.cell for p in made.cells if p.cell.label == label]
    lacking = sum(store.get(cell) is None for cell in mine)
    if lacking:
        print(f"{suite}: {label}: {lacking} of {len(mine)} cells not run; not packed")
        return
    file = REFERENCE / suite / f"{slug(label)}.tar.xz"
    file.parent.mkdir(parents=True, exist_ok=True)
    head = pack(store.folder, file, who=WHO, solvers=[label], suites=[suite])
    print(f"{suite}: {label}: {head.records} records, {file.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Parse the command line and make bundles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--solvers", default="", help="labels, with ; between them")
    parser.add_argument("--instances", help="run those that match only, as in `dtbench run --instances`")
    parser.add_argument("--pack-only", action="store_true")
    args = parser.parse_args()
    wanted = [name.strip() for name in args.solvers.split(";") if name.strip()]
    for name in args.suites:
        of_suite(name, args.workers, wanted, args.instances, args.pack_only)
    folders = [Store(folder) for folder in sorted(RUNS.iterdir())]
    rows = expected.at_speed_one(record for store in folders for record in store.scan()[0])
    lines = ",\n".join(json.dumps(row, sort_keys=True) for row in rows)
    write_safely(REFERENCE / expected.SECONDS, f"[\n{lines}\n]\n".encode())


if __name__ == "__main__":
    main()

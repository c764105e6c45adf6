"""Builds the shipped library: freezes instances, certifies their best known values, writes the checksums.

``python -m dtbench.library.build PROBLEM``, or ``make library PROBLEM=...``, does what is missing and keeps what is
there: frozen instances are never drawn again, certified ones never solved again. ``--rewrite`` writes frozen files in
today's form, with the same content.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dtbench import files
from dtbench.core import AnyProblem, Certificate, Instance, Limits, relative_gap
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import BEST_KNOWN, HORIZON, BestKnown, best_known, write_best_known
from dtbench.problems import problem
from dtbench.progress import Pace, Step, time_left, untold

COUNTS = {"tiny": 10, "small": 10, "paper": 10, "large": 3, "city": 3}
CROSS_CHECKED = ("tiny", "small")  # sizes whose optimum two methods must agree on
AGREE = 1e-6  # relative
TIGHT = Limits(gap=0.1 * AGREE)  # of methods that must agree


def freeze(owner: AnyProblem, folder: Path, counts: dict[str, int]) -> list[Path]:
    """Write instances (seeds 0, 1, ...) that are not there yet; returns the new files."""
    folder.mkdir(parents=True, exist_ok=True)
    new = []
    for size, count in counts.items():
        for seed in range(count):
            file = folder / f"{size}-{seed:03d}.nc"
            if not file.exists():
                instances.save(file, owner.generate(size, seed))
                new.append(file)
    return new


def content_sha256(instance: Instance) -> str:
    """Checksum of what an instance holds, however its file stores it: header, parameters, every bit of its arrays."""
    digest = hashlib.sha256()
    facts = [instance.problem, instance.size, instance.seed, instance.params.asdict()]
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for name, _, value in instance.arrays():
        digest.update(f"{name} {value.dtype.str} {value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def rewrite(owner: AnyProblem, folder: Path) -> int:
    """Write frozen instances in today's form of files, and their checksums; returns how many have other bytes now.

    Raises
    ------
    DtbenchError
        If the content of one would change; it and those after it are left as they were.
    """
    changed = 0
    try:
        for name in instances.names(owner.id):
            file = folder / f"{name.split('/')[1]}.nc"
            before, instance = file.read_bytes(), instances.load(name)
            instances.save(file, instance)
            if content_sha256(instances.load(file)) != content_sha256(instance):
                file.write_bytes(before)
                raise DtbenchError(f"'{file}' would have another content; it is left as it was.")
            changed += file.read_bytes() != before
    finally:  # also of a part: a file that differs from its checksum is not read again
        write_checksums(folder)
    return changed


def write_checksums(folder: Path) -> None:
    """Write ``SHA256SUMS`` of instances and best known values, as ``sha256sum -c`` reads it."""
    paths = sorted([*folder.glob("*.nc"), *folder.glob(BEST_KNOWN)])
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in paths]
    (folder / instances.CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def certify(name: str, limits: Limits | None = None) -> list[BestKnown]:
    """Best known values of a shipped instance: one row per slot where slots are not coupled, one for the horizon.

    Raises
    ------
    DtbenchError
        If two exact methods disagree, or an objective lies on the wrong side of a bound.
    """
    return certify_instance(instances.load(name), name, limits)


def certify_instance(
    instance: Instance, name: str, limits: Limits | None = None, progress: Step = untold
) -> list[BestKnown]:
    """Best known values of any instance, under a name; ``progress`` is told how many slots are done, of how many.

    Raises
    ------
    DtbenchError
        As :func:`certify`, or if the problem has no exact method for a horizon of coupled slots.
    """
    owner = problem(instance.problem)
    if owner.coupled(instance.params):
        return [_horizon_row(owner, instance, name, limits)]
    methods, limits = _cross_checked(owner.exactness.methods, instance, limits)
    rows, state = [], owner.start(instance)
    for t in range(instance.horizon):
        slot = owner.slot(instance, t, state)
        found = [owner.exact(slot, limits, method) for method in methods]
        _agree(f"{name}, slot {t}", found)
        rows.append(_row(name, str(t), found[0], methods))
        progress(t + 1, instance.horizon, "slots")
    objective, bound = (float(np.mean([getattr(r, key) for r in rows])) for key in ("objective", "bound"))
    status = "optimal" if all(r.status == "optimal" for r in rows) else "feasible"
    version = rows[0].version
    whole = BestKnown(name, HORIZON, objective, bound, relative_gap(objective, bound), status, rows[0].method, version)
    return [whole, *rows]


def _row(name: str, slot: str, found: Certificate, methods: Sequence[str]) -> BestKnown:
    return BestKnown(
        name, slot, found.objective, found.bound, found.gap, found.status, "+".join(methods), found.backend
    )


def _horizon_row(owner: AnyProblem, instance: Instance, name: str, limits: Limits | None) -> BestKnown:
    methods, limits = _cross_checked(owner.exactness.horizon_methods, instance, limits)
    found = [found for method in methods if (found := owner.exact_horizon(instance, limits, method)) is not None]
    if not found:
        raise DtbenchError(f"'{owner.id}' couples its slots but has no exact method for the horizon.")
    _agree(f"{name}, horizon", found)
    return _row(name, HORIZON, found[0], methods)


def _cross_checked(
    methods: Sequence[str], instance: Instance, limits: Limits | None
) -> tuple[Sequence[str], Limits | None]:
    """The first two methods, if there are two, where they must agree, and limits for that; otherwise the first."""
    if instance.size not in CROSS_CHECKED:
        return methods[:1], limits
    return methods[:2], limits or TIGHT


def _agree(where: str, found: Sequence[Certificate]) -> None:
    first = found[0]
    for other in found[1:]:
        if not relative_gap(first.objective, other.objective) <= AGREE:
            raise DtbenchError(
                f"{where}: {first.method} finds {first.objective!r}, {other.method} finds {other.objective!r}."
            )


def uncertified(owner: AnyProblem) -> list[str]:
    """Names of shipped instances that have no best known values yet."""
    best_known.cache_clear()
    known = best_known(owner.id)
    return [name for name in instances.names(owner.id) if name not in known]


def certify_missing(
    owner: AnyProblem, folder: Path, workers: int, limits: Limits | None = None
) -> Iterator[tuple[str, BestKnown]]:
    """Certify instances that have no rows yet, several at a time; the table is written after each."""
    file, missing = folder / BEST_KNOWN, uncertified(owner)
    table = {name: list(rows.values()) for name, rows in best_known(owner.id).items()}
    with concurrent.futures.ProcessPoolExecutor(max_workers=workers) as pool:
        jobs = {pool.submit(certify, name, limits): name for name in missing}
        for job in concurrent.futures.as_completed(jobs):
            table[jobs[job]] = job.result()
            write_best_known(file, _in_order(owner, table))
            yield jobs[job], table[jobs[job]][0]


def _in_order(owner: AnyProblem, table: dict[str, list[BestKnown]]) -> Iterable[BestKnown]:
    return (row for name in instances.names(owner.id) if name in table for row in table[name])


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what is missing of one problem's library."""
    parser = argparse.ArgumentParser(prog="python -m dtbench.library.build", description=__doc__)
    parser.add_argument("problem")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="limit of one slot, or of one horizon where slots are coupled")
    parser.add_argument("--rewrite", action="store_true", help="write frozen files in today's form first")
    for size in COUNTS:
        parser.add_argument(f"--{size}", type=int, metavar="N", help=f"instances of size {size}")
    given = parser.parse_args(arguments)
    owner = problem(given.problem)
    folder = files.folder("instances") / owner.id
    usual = COUNTS | dict(owner.library.counts)
    known = [size for size in COUNTS if size in owner.sizes]
    counts = {size: usual[size] if getattr(given, size) is None else getattr(given, size) for size in known}
    limits = None if given.seconds is None else Limits(seconds=given.seconds)
    if given.rewrite:
        print(f"{owner.id}: {rewrite(owner, folder)} files have a new form, and the same content", file=sys.stderr)
    new = freeze(owner, folder, counts)
    write_checksums(folder)
    print(f"{owner.id}: {len(new)} new instances", file=sys.stderr)
    pace, total = Pace(), len(uncertified(owner))
    pace.note(0, total)
    for done, (name, row) in enumerate(certify_missing(owner, folder, given.workers, limits), start=1):
        pace.note(done, total)
        left = f", {time_left(pace.left)}" if done < total else ""
        value = f"{row.objective:.9g} {owner.unit}, gap {row.gap:.1e}, {row.status}"
        print(f"{done}/{total} {name}: {value}{left}", file=sys.stderr, flush=True)
    write_checksums(folder)


if __name__ == "__main__":
    main()

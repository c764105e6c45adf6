"""How far exactness reaches: objective, proof, seconds and memory of every kind of method against size.

    dtbench sweep frontier-stin-deployment --workers 2     # resumable; on a cluster with --scheduler
    python studies/frontier.py stin-deployment --results results --out studies/frontier

reads ``results/frontier-<problem>`` of the problems named (all that are there by default), prints three tables, and
writes them as ``frontier.csv``, ``frontier-limits.csv`` and ``frontier-growth.csv``, with a figure ``frontier.png``.
Rows of problems that are not named stay in files that are there already.

*Sizes.* A row for each size and method: the objective relative to the best that any method found on the same instance
(means, 95 % t interval over instances), the share of slots that are proven, seconds per slot (median and greatest) and
the greatest memory of its process.
*Limits.* For each time that a slot may last: the size up to which ``exact`` proves every slot within it, and at each
size the method that is best among those that have a decision for every slot by then. Searches and exact methods have
the decision that they had at that time. Who knows the future does not compete.
*Growth.* The exponent b of ``seconds ~ size^b``: the slope of a line through the logarithms, over instances of all
sizes at which the method was not stopped by a limit, with its 95 % t interval.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dtbench.core import gap_to, is_better
from dtbench.errors import DtbenchError
from dtbench.experiments.record import Record
from dtbench.experiments.store import Store
from dtbench.experiments.sweep import GENERATED, Sweep, samples_of
from dtbench.experiments.sweep import read as read_sweep
from dtbench.problems import all_problems
from dtbench.reports.anytime import steps_of
from dtbench.reports.rows import Row, interval, read, write

PREFIX = "frontier-"
LIMITS = (
    0.05,
    1.0,
    10.0,
    100.0,
)  # seconds a slot may last: 0.05 is printed (Liu et al., Table I), other papers print none
KINDS = {
    "local-search": "search",
    "genetic": "search",
    "imitation": "learned",
    "exact": "exact",
    "clairvoyant": "future",
}
COLOURS = {"rule": "C0", "search": "C1", "learned": "C2", "exact": "C3", "future": "0.5"}
TIE = 1e-9  # relative: objectives that differ by less are equal
FEWEST = 3  # sizes that a line is drawn through


@dataclass(frozen=True)
class Seen:
    """A run: on which instance of which size, and what came out.

    ``size`` is the value of the swept parameter; ``proven`` (T,) says of which slots the optimum was proven.
    """

    problem: str
    size: int
    instance: str
    method: str
    record: Record
    proven: tuple[bool, ...]

    @property
    def kind(self) -> str:
        """What kind of method it is."""
        return KINDS.get(self.record.cell.solver, "rule")

    @property
    def seconds(self) -> list[float]:
        """Of each slot; where the horizon is planned at once, each slot's part of it."""
        spent = list(self.record.slots.seconds) if self.record.slots else []
        return [math.fsum(spent) / len(spent)] * len(spent) if self.kind == "future" else spent

    def at(self, limit: float) -> float | None:
        """The mean objective when every slot is stopped after ``limit`` seconds; None without a decision."""
        steps = steps_of(self.record)
        return None if steps is None else steps.at(limit)


def runs(sweep: Sweep, folder: Path) -> Iterator[Seen]:
    """What is recorded of a sweep: runs with a score."""
    sizes = {each.file.name: int(each.point[0]) for each in samples_of(sweep, folder / GENERATED)}
    owner = sweep.problem
    for record in Store(folder).scan()[0]:
        if record.cell.instance not in sizes or record.slots is None:
            continue
        pairs = zip(record.slots.objective, record.slots.bound, strict=True)
        gap = owner.exactness.target_gap
        proven = [b is not None and abs(float(gap_to(owner.sense, x, b))) <= gap for x, b in pairs]
        yield Seen(
            owner.id, sizes[record.cell.instance], record.cell.instance, record.cell.label, record, tuple(proven)
        )


def by_size(seen: Sequence[Seen]) -> list[Row]:
    """A row for each size and method, see the head of this file."""
    best = _best(seen)
    rows = []
    for key in dict.fromkeys((run.problem, run.size, run.method) for run in sorted(seen, key=lambda run: run.size)):
        mine = [run for run in seen if (run.problem, run.size, run.method) == key]
        ratios = [(run.record.objective or math.nan) / best[run.problem, run.instance] for run in mine]
        seconds = [second for run in mine for second in run.seconds]
        proven = [each for run in mine for each in run.proven]
        memory = [run.record.peak_memory for run in mine if run.record.peak_memory]
        rows.append({
            "problem": key[0], "size": key[1], "method": key[2], "kind": mine[0].kind, "instances": len(mine),
            **interval(ratios), "proven": sum(proven) / len(proven), "seconds": float(np.median(seconds)),
            "seconds_most": max(seconds), "memory_mib": max(memory, default=0) / 2**20,
        })  # fmt: skip
    return rows


def _best(seen: Iterable[Seen]) -> dict[tuple[str, str], float]:
    """The best feasible objective on each instance, of methods that do not know the future."""
    best: dict[tuple[str, str], float] = {}
    for run in seen:
        value, sense = run.record.objective, all_problems()[run.problem].sense
        if run.kind == "future" or value is None or run.record.slots is None or not all(run.record.slots.feasible):
            continue
        key = run.problem, run.instance  # sweeps of two problems may name instances alike
        if key not in best or is_better(sense, value, best[key]):
            best[key] = value
    return best


def at_limits(seen: Sequence[Seen]) -> list[Row]:
    """A row for each limit: up to which size everything is proven by then, and who is best at each size."""
    rows = []
    for id in dict.fromkeys(run.problem for run in seen):
        mine = [run for run in seen if run.problem == id]
        sizes = sorted({run.size for run in mine})
        for limit in LIMITS:
            there = [(size, _winner([run for run in mine if run.size == size], limit)) for size in sizes]
            rows.append({
                "problem": id, "limit": limit, "proven_up_to": _proven_up_to(mine, sizes, limit),
                "best": "; ".join(f"{size}: {method}" for size, method in there),
            })  # fmt: skip
    return rows


def _proven_up_to(seen: Sequence[Seen], sizes: Sequence[int], limit: float) -> int:
    """The greatest size such that at it, and at all below, some exact method proves every slot in time; 0 if none."""
    reached = 0
    for size in sizes:
        exact = [run for run in seen if run.size == size and run.kind == "exact"]
        methods = {run.method for run in exact}
        in_time = [
            all(all(run.proven) and max(run.seconds) <= limit for run in exact if run.method == method)
            for method in methods
        ]
        if not any(in_time):
            break
        reached = size
    return reached


def _winner(seen: Sequence[Seen], limit: float) -> str:
    """The method with the best mean objective among those that have a decision on every instance in time.

    Of those that are equally good it is the one that is done first.
    """
    instances = {run.instance for run in seen}
    means: dict[str, float] = {}
    for method in dict.fromkeys(run.method for run in seen if run.kind != "future"):
        values = {run.instance: run.at(limit) for run in seen if run.method == method}
        known = [value for value in values.values() if value is not None]
        if len(known) == len(instances):
            means[method] = float(np.mean(known))
    if not means:
        return "none"
    sense = all_problems()[seen[0].problem].sense
    best = (min if sense == "min" else max)(means.values())
    spent = {m: float(np.mean([t for run in seen if run.method == m for t in run.seconds])) for m in means}
    return min((m for m in means if math.isclose(means[m], best, rel_tol=TIE)), key=lambda method: spent[method])


def growth(seen: Sequence[Seen]) -> list[Row]:
    """A row for each method: the exponent of its time, over runs that no limit has stopped."""
    rows = []
    for id, method in dict.fromkeys((run.problem, run.method) for run in seen):
        mine = [run for run in seen if (run.problem, run.method) == (id, method)]
        free = [run for run in mine if run.kind != "exact" or all(run.proven)]
        x = np.log([run.size for run in free])
        y = np.log([max(float(np.mean(run.seconds)), 1e-9) for run in free])
        if len({run.size for run in free}) < FEWEST:
            continue
        slope, half = line(x, y)
        rows.append({"problem": id, "method": method, "kind": mine[0].kind, "exponent": slope, "low": slope - half,
                     "high": slope + half, "up_to": max(run.size for run in free), "runs": len(free)})  # fmt: skip
    return rows


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of the least-squares line through points (n,), and half the width of its 95 % t interval."""
    from scipy.stats import linregress, t

    found = linregress(x, y)
    return float(found.slope), float(found.stderr * t.ppf(0.975, len(x) - 2))


def draw(rows: Sequence[Row], file: Path) -> None:
    """Seconds per slot above, distance from the best below, against size; a column for each problem."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ids = list(dict.fromkeys(row["problem"] for row in rows))
    figure, axes = pyplot.subplots(
        2, len(ids), figsize=(3.4 * len(ids) + 0.6, 6.2), layout="constrained", squeeze=False, sharex="col"
    )
    for (over, under), id in zip(axes.T, ids, strict=True):
        mine = [row for row in rows if row["problem"] == id]
        for number, method in enumerate(dict.fromkeys(row["method"] for row in mine)):
            those = [row for row in mine if row["method"] == method]
            sizes, mark = [int(row["size"]) for row in those], "osv^D*Pph"[number % 9]
            style = {
                "color": COLOURS[those[0]["kind"]],
                "marker": mark,
                "markersize": 4,
                "linewidth": 1.0,
                "label": method,
            }
            over.plot(sizes, [float(row["seconds"]) for row in those], **style)
            if those[0]["kind"] != "future":
                under.plot(sizes, [max(abs(float(row["ratio"]) - 1.0), 1e-6) for row in those], **style)
        for limit in LIMITS[:2]:
            over.axhline(limit, color="0.8", linewidth=0.8, zorder=0)
        over.set(xscale="log", yscale="log", title=id)
        under.set(xscale="log", yscale="log", xlabel="size")
        under.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2, fontsize=6, frameon=False)
    axes[0, 0].set_ylabel("seconds per slot (median)")
    axes[1, 0].set_ylabel("distance from the best found")
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def with_others(rows: Sequence[Row], file: Path, named: Sequence[str]) -> list[Row]:
    """The rows, and those of a file on other problems if some are named; in the order of all problems."""
    others = [row for row in read(file) if row["problem"] not in named] if named else []
    order = list(all_problems())
    return sorted([*rows, *others], key=lambda row: order.index(row["problem"]))


def printed(title: str, rows: Sequence[Row]) -> None:
    """A table, its columns under each other."""
    if not rows:
        return
    texts = [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    head = list(rows[0])
    widths = [max(len(line[i]) for line in [head, *texts]) for i in range(len(head))]
    print(f"\n{title}")
    for cells in [head, *texts]:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def main() -> None:
    """Read, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", help="ids; by default those whose results are there")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder with the results of the sweeps")
    parser.add_argument("--out", type=Path, default=Path("frontier"), help="where files go, without ending")
    given = parser.parse_args()
    ids = given.problems or [id for id in all_problems() if (given.results / f"{PREFIX}{id}").is_dir()]
    seen = [run for id in ids for run in runs(read_sweep(f"{PREFIX}{id}"), given.results / f"{PREFIX}{id}")]
    if not seen:
        raise DtbenchError(
            f"'{given.results}' holds no results of frontier sweeps; run `dtbench sweep {PREFIX}PROBLEM`."
        )
    for name, title, rows in (
        ("-growth", "growth", growth(seen)), ("-limits", "limits", at_limits(seen)), ("", "sizes", by_size(seen)),
    ):  # fmt: skip
        printed(title, rows)
        file = given.out.with_name(f"{given.out.name}{name}.csv")
        if whole := with_others(rows, file, given.problems):
            write(file, whole)
        if not name:
            draw(whole, given.out.with_suffix(".png"))


if __name__ == "__main__":
    main()

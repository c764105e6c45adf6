"""What `dtbench run` and `dtbench.run` share: from a suite's name to its plan, and how its cells ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dtbench.experiments.plan import Plan, make_plan
from dtbench.experiments.record import Record, Status
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read


def prepare(
    suite: str | Path,
    results: str | Path | None = None,
    *,
    instances: str | None = None,
    solvers: Sequence[str] | None = None,
    seeds: int | None = None,
    solvers_paths: Sequence[str | Path] = (),
    retry_failed: bool = False,
) -> tuple[Plan, Store]:
    """The plan of a suite, compared with the records in its folder of results.

    Parameters
    ----------
    suite
        Name of a built-in suite, or a ``.toml`` file.
    results
        Folder of results; ``results/<suite>`` by default.
    instances, solvers, seeds, solvers_paths, retry_failed
        See :func:`dtbench.experiments.plan.make_plan`.

    Raises
    ------
    DtbenchError
        If there is no such suite, or something in it or in the choice does not exist.
    """
    found = read(suite)
    store = Store(results or Path("results") / found.name)
    made = make_plan(
        found, store, instances=instances, solvers=solvers, seeds=seeds, solvers_paths=solvers_paths,
        retry_failed=retry_failed,
    )  # fmt: skip
    return made, store


def outcome(plan: Plan, store: Store) -> tuple[Counter[Status], list[Record]]:
    """How the cells of a plan ended, now or before: how many in each status, and the records of those that failed."""
    records = [record for p in plan.cells if (record := store.get(p.cell)) is not None]
    failed = [record for record in records if record.status not in ("ok", "skipped")]
    return Counter(record.status for record in records), failed

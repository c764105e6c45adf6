"""Tampering with records and decisions: every edit is found, also where its author computes all checksums again.

Each edit is tried twice: as it is, and with the record's checksum (and key, and that of the decisions) made to fit.
What then cannot be found any more is listed in ``UNDETECTABLE``, and in docs/scores.md.
"""

import hashlib
import json
import re
import shutil

import pytest

from dtbench.experiments import decisions, plan_file
from dtbench.experiments.check import check
from dtbench.experiments.record import Cell, Record
from dtbench.experiments.store import Store
from dtbench.experiments.verify import verify
from dtbench.problems import problem

COUPLED = "edge-migration/tiny-000"
PLAIN = "stin-deployment/tiny-000"
NOTHING = {
    "objective": None,
    "slots": None,
    "decisions_sha256": None,
    "train_seconds": None,
    "method": {},
    "anytime": None,
}


@pytest.fixture(scope="module")
def untouched(shared_bench):
    """Records of solvers of every kind on a plain problem, of a rule and a clairvoyant on a coupled one."""
    own = [{"name": name, "instances": [PLAIN]} for name in ("slow", "exact", "raises", "declines", "sleeps")]
    both = [{"name": "greedy"}, {"name": "clairvoyant", "instances": [COUPLED]}]
    shared_bench.run(shared_bench.write(*own, *both, instances=[PLAIN, COUPLED], seconds=3))
    assert verify(shared_bench.store.folder).ok
    return shared_bench.store.folder


@pytest.fixture
def results(untouched, tmp_path):
    return Store(shutil.copytree(untouched, tmp_path / "results"))


def stem_of(results, solver, instance=PLAIN):
    return next(s for s in results.stems() if f"--{instance.split('/')[1]}--{solver}--" in s and instance[:4] in s)


def verdict(results, stem):
    """Why a record does not hold; "stale" if it holds for another cell than planned, "" if it counts."""
    planned = plan_file.read(results).cells.get(stem)
    facts = None if planned is None else planned.model_dump(mode="json")
    reason, _ = check(results.folder, {stem: facts})[stem]
    if reason:
        return reason
    return "" if planned is not None and results.read(stem).key == planned.cell.key else "stale"


def write(results, stem, record):
    (results.records / f"{stem}.json").write_text(json.dumps(record))


def fitting(record):
    """The record with its key and its checksum computed again, where it is still one."""
    try:
        record["key"] = Cell.model_validate(record["cell"]).key
        record["sha256"] = Record.model_validate(record).content_sha256
    except ValueError:
        pass
    return record


def first(field, value):
    """Another value in the first slot; called with what is there."""

    def change(record):
        record["slots"][field][0] = value(record["slots"][field][0])

    return change


def top(**fields):
    return lambda record: record.update(fields)


def cell(**fields):
    return lambda record: record["cell"].update(fields)


def method(**fields):
    return lambda record: record["method"].update(fields)


def end(status, **more):
    """Turned into a record without a score; its decisions stay where they are."""
    return top(status=status, **NOTHING | {"reason": "too hard"} | more)


def proven(record):
    record["slots"]["bound"] = list(record["slots"]["objective"])


def proven_with_certificates(record):
    proven(record)
    record["method"] |= {"method": "bb", "backend": "HiGHS", "statuses": {"optimal": len(record["slots"]["bound"])}}


def cheap_horizon(record):
    record["method"] |= {"statuses": {"optimal": 1}, "horizon_bound": record["objective"] * 1.05}


def all_slots(factor):
    def change(record):
        record["slots"]["objective"] = [factor * x for x in record["slots"]["objective"]]
        record["objective"] *= factor

    return change


def add_seconds(record):
    record["slots"]["seconds"] = [record["wall_seconds"]] * len(record["slots"]["seconds"])


def swapped(field):
    """Two slots exchanged: sums and means stay."""

    def change(record):
        values = record["slots"][field]
        a, b = next((a, b) for a in range(len(values)) for b in range(a) if values[a] != values[b])
        values[a], values[b] = values[b], values[a]

    return change


def curve(change):
    """An edit of the curve, called with its three lists."""
    return lambda record: change(*(record["anytime"][name] for name in ("seconds", "incumbent", "bound")))


def earlier(seconds=0.0, incumbent=None, bound=None):
    """A point more, before all others; values as multiples of the last ones."""

    def change(times, incumbents, bounds):
        times.insert(0, seconds)
        incumbents.insert(0, None if incumbent is None else incumbents[-1] * incumbent)
        bounds.insert(0, None if bound is None else bounds[-1] * bound)

    return curve(change)


def bound_better_before(record):
    bounds = record["anytime"]["bound"]
    bounds[:] = [bounds[-1]] * len(bounds)
    earlier(bound=1.1)(record)


# name: (solver, instance, edit, what is said of it where all checksums fit)
FOUND = {
    # what was known when
    "last incumbent": ("exact", PLAIN, curve(lambda s, i, b: i.append(i.pop() * 0.99)), "the last incumbent is"),
    "last bound": ("exact", PLAIN, curve(lambda s, i, b: b.append(b.pop() * 0.99)), "bound"),
    "better before": ("exact", PLAIN, earlier(incumbent=0.9), "the incumbent gets worse"),
    "bound better before": ("exact", PLAIN, bound_better_before, "the bound gets worse"),
    "bound of a rule's curve": ("greedy", COUPLED, curve(lambda s, i, b: b.__setitem__(0, i[-1])), "bound"),
    "incumbent that is lost": (
        "exact",
        PLAIN,
        lambda r: (earlier(seconds=1e-9)(r), earlier(incumbent=2.0)(r)),
        "is known, and later it is not",
    ),
    "times that do not rise": ("exact", PLAIN, earlier(seconds=99.0), "times do not rise"),
    "negative times": ("exact", PLAIN, earlier(seconds=-1.0), "times do not rise"),
    "end of another time": (
        "slow",
        PLAIN,
        curve(lambda s, i, b: s.append(s.pop() * 0.5)),
        "times do not|it ends after",
    ),
    "curve of a horizon": ("slow", PLAIN, lambda r: r["anytime"].update(of="horizon"), "but the decisions took|future"),
    "curve of lists that differ": ("slow", PLAIN, curve(lambda s, i, b: b.pop()), "unequal lengths"),
    "curve without end": ("slow", PLAIN, curve(lambda s, i, b: s.extend([1.0] * 99)), "at most 96"),
    "empty curve": ("slow", PLAIN, curve(lambda s, i, b: s.clear()), "at least 1"),
    "infinite incumbent": ("slow", PLAIN, curve(lambda s, i, b: i.append(i.pop() * 1e999)), "finite number"),
    "curve as text": ("slow", PLAIN, top(anytime="good"), "should be an object"),
    # scores
    "objective": ("slow", PLAIN, top(objective=1.0), "scored again it is"),
    "objective by a part in a million": (
        "slow",
        PLAIN,
        lambda r: r.update(objective=r["objective"] * (1 - 1e-6)),
        "scored",
    ),
    "no objective": ("slow", PLAIN, top(objective=None), "belong to 'ok'"),
    "objective as text": ("slow", PLAIN, top(objective="best"), "valid number"),
    "objective of a slot": ("slow", PLAIN, first("objective", lambda x: x * 0.9), "slot 0: objective"),
    "all objectives, consistently": ("slow", PLAIN, all_slots(0.9), "slot 0: objective"),
    "objectives of two slots exchanged": ("slow", PLAIN, swapped("objective"), "objective is"),
    "objectives shifted": (
        "slow",
        PLAIN,
        lambda r: r["slots"]["objective"].append(r["slots"]["objective"].pop(0)),
        "slot 0",
    ),
    "repaired": ("slow", PLAIN, first("repaired", lambda x: not x), "slot 0: repaired"),
    "feasible": ("slow", PLAIN, first("feasible", lambda x: not x), "slot 0: feasible"),
    "objective, coupled": ("greedy", COUPLED, all_slots(1.1), "slot 0: objective"),
    "a slot less": ("slow", PLAIN, lambda r: [v.pop() for v in r["slots"].values()], "but the decisions are of 10"),
    "a slot more": (
        "slow",
        PLAIN,
        lambda r: [v.append(v[-1]) for v in r["slots"].values()],
        "but the decisions are of 10",
    ),
    "lengths that differ": ("slow", PLAIN, lambda r: r["slots"]["seconds"].pop(), "unequal or no lengths"),
    "no slots": ("slow", PLAIN, top(slots=None), "belong to 'ok'"),
    "empty slots": ("slow", PLAIN, lambda r: [v.clear() for v in r["slots"].values()], "unequal or no lengths"),
    # bounds
    "bounds without certificates": ("slow", PLAIN, proven, "more bounds than certificates, which are 0"),
    "bounds with invented certificates": ("slow", PLAIN, proven_with_certificates, "refuted by the known value"),
    "bounds of a rule": ("greedy", PLAIN, proven_with_certificates, "is a rule of the problem, which proves nothing"),
    "bounds of a rule, coupled": ("greedy", COUPLED, proven, "more bounds than certificates, which are 0"),
    "bounds of a rule with certificates, coupled": (
        "greedy",
        COUPLED,
        proven_with_certificates,
        "is a rule of the problem",
    ),
    "bound on a rule's horizon": (
        "greedy",
        COUPLED,
        lambda r: r["method"].update(horizon_bound=r["objective"]),
        "more bounds",
    ),
    "bound beyond what is known": (
        "clairvoyant",
        COUPLED,
        lambda r: r["method"].update(horizon_bound=r["objective"] * 0.9),
        "better than its bound",
    ),
    "bound that is passed": ("exact", PLAIN, first("bound", lambda x: x * 1.01), "slot 0: objective"),
    "bound better than known": (
        "exact",
        PLAIN,
        lambda r: (first("bound", lambda x: x * 1.001)(r), first("objective", lambda x: x * 1.001)(r)),
        "slot 0: objective",
    ),
    "bound as text": ("clairvoyant", COUPLED, method(horizon_bound="x"), "expected a finite number"),
    "bound that is true": ("clairvoyant", COUPLED, method(horizon_bound=True), "expected a finite number"),
    "fewer certificates": (
        "exact",
        PLAIN,
        method(statuses={"optimal": 3}),
        "more bounds than certificates, which are 3",
    ),
    "certificates as text": ("exact", PLAIN, method(statuses="optimal"), "more bounds than certificates, which are 0"),
    # what is marked
    "future told as the present": (
        "clairvoyant",
        COUPLED,
        method(regime="global"),
        "the record says that 'clairvoyant' sees 'global', but it sees 'future'",
    ),
    "future told as earlier records tell the present": (
        "clairvoyant",
        COUPLED,
        method(regime="policy"),
        "the record says that 'clairvoyant' sees 'global', but it sees 'future'",
    ),
    "slot told as observations": ("greedy", COUPLED, method(regime="local"), "sees 'local', but it sees 'global'"),
    "present told as the future": ("greedy", COUPLED, method(regime="future"), "sees 'future', but it sees 'global'"),
    "regime taken away": ("clairvoyant", COUPLED, lambda r: r["method"].pop("regime"), "method.regime is None"),
    "regime false": ("clairvoyant", COUPLED, method(regime=False), "method.regime is False"),
    "regime that is none": ("greedy", COUPLED, method(regime="all"), "method.regime is 'all'"),
    # times
    "negative time of a slot": (
        "slow",
        PLAIN,
        first("seconds", lambda _: -1531.0),
        "slot 0: the decision took -1531.0 s",
    ),
    "negative zero sum": (
        "slow",
        PLAIN,
        lambda r: r["slots"]["seconds"].__setitem__(slice(2), [-1.0, 1.0]),
        "took -1.0 s",
    ),
    "times above the wall clock": ("slow", PLAIN, add_seconds, "the whole cell"),
    "wall clock below its slots": ("slow", PLAIN, top(wall_seconds=1e-3), "the whole cell 0.001 s"),
    "negative wall clock": ("slow", PLAIN, top(wall_seconds=-1.0), "wall clock is -1.0 s"),
    "wall clock above the limit": (
        "slow",
        PLAIN,
        top(wall_seconds=1e6),
        "wall clock is 1000000.0 s with a limit of 3 s",
    ),
    "infinite wall clock": ("slow", PLAIN, top(wall_seconds=1e999), "finite number"),
    "no wall clock": ("slow", PLAIN, lambda r: r.pop("wall_seconds"), "Field required"),
    "negative training": ("slow", PLAIN, top(train_seconds=-5.0), "training took -5.0 s"),
    "training above the wall clock": ("slow", PLAIN, top(train_seconds=99.0), "the whole cell"),
    "training told otherwise": (
        "slow",
        PLAIN,
        lambda r: r.update(train_seconds=1.0, method={"training": {"seconds": 2.0}}),
        "tells otherwise",
    ),
    "training as text": ("slow", PLAIN, method(training="long"), "tells otherwise"),
    "memory": ("slow", PLAIN, top(peak_memory=-1), "peak memory is -1"),
    "timeout before the limit": ("sleeps", PLAIN, top(wall_seconds=0.5), "stopped at the limit of 3 s"),
    # how it ended
    "ok turned into skipped": ("slow", PLAIN, end("skipped"), "decisions '.*' lie beside the record"),
    "ok turned into a crash": ("slow", PLAIN, end("crash"), "decisions '.*' lie beside the record"),
    "ok turned into a timeout": ("slow", PLAIN, end("timeout"), "stopped at the limit of 3 s"),
    "skipped, with the method's facts": (
        "exact",
        PLAIN,
        end("skipped", method={"statuses": {}, "x": 1}),
        "only a finished cell has",
    ),
    "skipped, with a training time": ("slow", PLAIN, end("skipped", train_seconds=0.1), "only a finished cell has"),
    "error turned into skipped": ("raises", PLAIN, top(status="skipped"), "a traceback or a signal says"),
    "error turned into ok": ("raises", PLAIN, top(status="ok"), "belong to 'ok'"),
    "skipped turned into ok": ("declines", PLAIN, top(status="ok", objective=1.0), "belong to 'ok'"),
    "failure without a reason": ("raises", PLAIN, top(reason=""), "without a reason"),
    "ok with a reason": ("slow", PLAIN, top(reason="x"), "says that the cell failed"),
    "ok with a signal": ("slow", PLAIN, top(signal="SIGKILL"), "says that the cell failed"),
    "unknown status": ("slow", PLAIN, top(status="best"), "Input should be"),
    # which cell it is
    "label": ("slow", PLAIN, cell(label="greedy"), "label is 'greedy', but the plan says 'slow'"),
    "size": ("slow", PLAIN, cell(size="paper"), "size is 'paper', but"),
    "problem": ("slow", PLAIN, cell(problem="edge-placement"), "its cell is"),
    "unknown problem": ("slow", PLAIN, cell(problem="other"), "its cell is"),
    "instance": ("slow", PLAIN, cell(instance="stin-deployment/tiny-001"), "its cell is"),
    "instance outside of the results": ("slow", PLAIN, cell(instance="../tiny-000.nc"), "its cell is"),
    "solver": ("slow", PLAIN, cell(solver="exact"), "its cell is"),
    "solver's file": ("slow", PLAIN, cell(solver_file="exact.py"), "solver_file is 'exact.py', but the plan says"),
    "seed": ("slow", PLAIN, cell(seed=3), "its cell is"),
    "options": ("slow", PLAIN, cell(options={"n": 3}), "its cell is"),
    "instance's checksum": ("slow", PLAIN, cell(instance_sha256="0" * 64), "is not the one that was solved"),
    "solver's checksum": ("slow", PLAIN, cell(solver_sha256="0" * 64), "stale"),
    "problem's checksum": ("slow", PLAIN, cell(problem_sha256="0" * 64), "stale"),
    "policies' checksum": ("slow", PLAIN, cell(checkpoints_sha256="0" * 64), "stale"),
    "time limit": ("slow", PLAIN, lambda r: r["cell"]["limits"].update(seconds=30.0), "stale"),
    "memory limit": ("slow", PLAIN, lambda r: r["cell"]["limits"].update(memory=1), "stale"),
    "threads": ("slow", PLAIN, lambda r: r["cell"]["limits"].update(threads=8), "stale"),
    # the file itself
    "unknown field": ("slow", PLAIN, top(note="x"), "Extra inputs"),
    "schema": ("slow", PLAIN, top(schema_version=9), "Input should be"),
    "schema of before checksums": ("slow", PLAIN, top(schema_version=1), "its checksum differs"),
    "no provenance": ("slow", PLAIN, lambda r: r.pop("provenance"), "Field required"),
    "decisions' checksum": ("slow", PLAIN, top(decisions_sha256="0" * 64), "were changed: their checksum differs"),
    "no decisions": ("slow", PLAIN, top(decisions_sha256=None), "belong to 'ok'"),
}

UNDETECTABLE = {
    "shorter decisions": (
        "slow",
        PLAIN,
        lambda r: (r["slots"].update(seconds=[1e-6] * 10), r.update(anytime=None)),
    ),
    "no curve": ("exact", PLAIN, top(anytime=None)),
    "good decisions found earlier than they were": (
        "exact",
        PLAIN,
        curve(lambda s, i, b: i.__setitem__(slice(None), [i[-1]] * len(i))),
    ),
    "cheaper training": ("slow", PLAIN, top(train_seconds=1e-6)),
    "smaller memory": ("slow", PLAIN, top(peak_memory=1)),
    "backend": ("exact", PLAIN, method(backend="abacus")),
    "bounds that are true, but not the solver's": ("exact", PLAIN, method(method="by hand")),
    "reason": ("raises", PLAIN, top(reason="the moon")),
    "traceback": ("raises", PLAIN, top(traceback="")),
    "failure of another kind": ("raises", PLAIN, top(status="crash")),
    "processor": ("slow", PLAIN, lambda r: r["provenance"].update(cpu="Abacus 9")),
    "command": ("slow", PLAIN, lambda r: r["provenance"].update(command="other")),
    "start": ("slow", PLAIN, lambda r: r["provenance"].update(started="2000-01-01T00:00:00+00:00")),
}


@pytest.mark.parametrize("which", [*FOUND, *UNDETECTABLE])
def test_an_edit_is_found_by_the_checksum(results, which):
    solver, instance, change, *_ = (FOUND | UNDETECTABLE)[which]
    stem = stem_of(results, solver, instance)
    record = json.loads((results.records / f"{stem}.json").read_text())
    change(record)
    write(results, stem, record)
    assert verdict(results, stem)


@pytest.mark.parametrize("which", FOUND)
def test_an_edit_is_found_though_all_checksums_fit(results, which):
    solver, instance, change, reason = FOUND[which]
    stem = stem_of(results, solver, instance)
    record = json.loads((results.records / f"{stem}.json").read_text())
    change(record)
    if which == "schema of before checksums":
        record["sha256"] = "0" * 64
        write(results, stem, record)
    else:
        write(results, stem, fitting(record))
    assert re.search(reason, verdict(results, stem))


@pytest.mark.parametrize("which", UNDETECTABLE)
def test_what_cannot_be_found_where_all_checksums_fit(results, which):
    """Not wanted, but true: docs/scores.md says so."""
    solver, instance, change = UNDETECTABLE[which]
    stem = stem_of(results, solver, instance)
    record = json.loads((results.records / f"{stem}.json").read_text())
    change(record)
    write(results, stem, fitting(record))
    assert verdict(results, stem) == ""


def change_decisions(results, stem, change):
    """Other decisions, their checksum and the record's made to fit."""
    file = results.decisions(stem)
    change(file)
    record = json.loads((results.records / f"{stem}.json").read_text())
    record["decisions_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    write(results, stem, fitting(record))


def moved(file):
    owner = problem("stin-deployment")
    given = decisions.read(file, owner)
    given.node[0, 0] = (given.node[0, 0] + 1) % 4
    decisions.write(file, owner, given)


def shortened(file):
    owner = problem("stin-deployment")
    decisions.write(file, owner, decisions.read(file, owner)[:9])


DECISIONS = {
    "another decision": (moved, "slot 0: objective is"),
    "a slot less": (shortened, "are of (9,) slots, the instance has 10"),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:100]), "cannot be read"),
    "empty": (lambda file: file.write_bytes(b""), "cannot be read"),
    "of another record": (
        lambda file: shutil.copy(next(file.parent.glob("*--exact--*.nc")), file),
        "slot 0: objective is",
    ),
    "of another problem": (
        lambda file: shutil.copy(next(file.parent.glob("edge-*.nc")), file),
        "is not a file of decisions",
    ),
}


@pytest.mark.parametrize("which", DECISIONS)
def test_decisions(results, which):
    change, reason = DECISIONS[which]
    stem = stem_of(results, "slow")
    change_decisions(results, stem, change)
    assert reason in verdict(results, stem)


@pytest.mark.parametrize("which", DECISIONS)
def test_decisions_whose_checksum_differs_are_not_opened(results, which, monkeypatch):
    stem = stem_of(results, "slow")
    DECISIONS[which][0](results.decisions(stem))
    monkeypatch.setattr(decisions, "read", lambda *_: pytest.fail("opened"))
    assert "were changed: their checksum differs" in verdict(results, stem)


def test_missing_decisions(results):
    stem = stem_of(results, "slow")
    results.decisions(stem).unlink()
    assert "are missing" in verdict(results, stem)


def test_a_record_under_the_name_of_another(results):
    slow, exact = (results.records / f"{stem_of(results, name)}.json" for name in ("slow", "exact"))
    shutil.copy(exact, slow)
    assert "but its cell is" in verdict(results, slow.stem)


def test_decisions_of_a_better_solver_cannot_be_told_from_its_own(results):
    """Decisions, scores and times of ``exact`` under the name of ``slow``: only running it again would tell."""
    slow, exact = (stem_of(results, name) for name in ("slow", "exact"))
    shutil.copy(results.decisions(exact), results.decisions(slow))
    theirs, mine = (json.loads((results.records / f"{stem}.json").read_text()) for stem in (exact, slow))
    taken = {key: theirs[key] for key in ("objective", "slots", "decisions_sha256", "wall_seconds", "anytime")}
    taken["slots"]["bound"] = [None] * 10
    taken["anytime"]["bound"] = [None] * len(taken["anytime"]["bound"])
    write(results, slow, fitting(mine | taken))
    assert verdict(results, slow) == ""


def test_a_deleted_record_is_missed_unless_the_plan_forgets_it_too(results):
    stem = stem_of(results, "slow")
    (results.records / f"{stem}.json").unlink()
    results.decisions(stem).unlink()
    assert [each.cell.stem for each in verify(results.folder).lacking] == [stem]
    plan = json.loads(results.plan_file.read_text())
    plan["suites"][0]["cells"] = [c for c in plan["suites"][0]["cells"] if c["cell"]["solver"] != "slow"]
    plan["sha256"] = plan_file.PlanFile.model_validate_json(json.dumps(plan)).content_sha256
    results.plan_file.write_text(json.dumps(plan))
    report = verify(results.folder)
    assert report.ok
    assert report.lacking == ()


def test_what_was_ok_cannot_become_a_failure_unless_its_decisions_go_too(results):
    """It costs the solver its rank, whichever failure it is."""
    stem = stem_of(results, "slow")
    record = json.loads((results.records / f"{stem}.json").read_text())
    end("skipped")(record)
    write(results, stem, fitting(record))
    assert "lie beside the record" in verdict(results, stem)
    results.decisions(stem).unlink()
    assert verdict(results, stem) == ""


def test_a_record_dressed_as_one_of_before_checksums_is_named_as_such(results):
    stem = stem_of(results, "slow")
    record = json.loads((results.records / f"{stem}.json").read_text())
    write(results, stem, record | {"schema_version": 1, "sha256": ""})
    report = verify(results.folder)
    assert [each.cell.stem for each in report.of_another_version] == [stem]


@pytest.mark.parametrize(("solver", "told", "shown"), [
    ("greedy", "policy", "global"), ("clairvoyant", "clairvoyant", "future"),
])  # fmt: skip
def test_what_earlier_records_call_their_regime_holds(results, solver, told, shown):
    stem = stem_of(results, solver, COUPLED)
    record = json.loads((results.records / f"{stem}.json").read_text())
    record["method"]["regime"] = told
    write(results, stem, fitting(record))
    assert verdict(results, stem) == ""
    assert results.read(stem).regime == shown


def test_there_are_enough_of_them():
    assert len(FOUND) + len(DECISIONS) >= 60

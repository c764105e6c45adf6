"""Trainings as cells of their own: planned, run before the cells that play their policies, resumed, recorded."""

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from dtbench.experiments import process, sweep, trainings
from dtbench.experiments import run as runner
from dtbench.experiments.events import Started, TrainingAdvanced, TrainingFinished, TrainingStarted
from dtbench.experiments.plan import make_plan
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read
from dtbench.experiments.verify import verify
from dtbench.learning import cache, checkpoint
from tests.experiments.test_run import start, temporary, wait_for

HILL = Path(__file__).parents[1] / "learning" / "solvers" / "hill.py"
TWO = ["stin-deployment/tiny-00[01]"]

FRAIL = '''
"""Fails in training as its option says."""

import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dtbench.errors import Declined
from dtbench.learning.solver import LearnedSolver
from dtbench.params import param
from hill import Climber, Hill, HillOptions


@dataclass(frozen=True, kw_only=True)
class FrailOptions(HillOptions):
    how: str = param("raise", "1", "what happens")


class Careless(Climber):
    def round(self, number):
        how = self.options.how
        if how == "raise":
            raise ValueError("lost the thread")
        if how == "abort":
            os.abort()
        if how == "eat":
            self.eaten = [np.ones(2**27) for _ in range(64)]
        return super().round(number)


class Frail(Hill):
    name = "frail"
    trains = True
    Options = FrailOptions

    def __init__(self, problem, instance, *, seed=0, **options):
        super().__init__(problem, instance, seed=seed, **options)
        while self.options.how == "hang" and type(self).hangs:
            pass

    hangs: ClassVar[bool] = True

    def learner(self, instance):
        if self.options.how == "decline":
            raise Declined("not today")
        return Careless(self.play_in(1), self.options, self.seed)

    def obtain(self, report=None, *, shipped=True):
        if self.options.how == "swap" and self.prepared is None:
            self.seed += 1
            vars(self).pop("identity", None)
        return super().obtain(report, shipped=shipped)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with solvers, and an empty cache."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "solvers").mkdir()
    shutil.copy(HILL, tmp_path / "solvers")
    (tmp_path / "solvers" / "frail.py").write_text(FRAIL)
    return tmp_path / "solvers"


@pytest.fixture
def plan(bench, folder):
    def plan(options=None, *, solver="hill", instances=TWO, seeds=2, training="", retry_failed=False, **limits):
        file = bench.write({"name": solver, "options": options or {}}, instances=instances, seeds=seeds, **limits)
        text = file.read_text().replace("[[solvers]]", f"[training]\n{training}\n[[solvers]]", 1)
        file.write_text(text)
        return make_plan(read(file), bench.store, solvers_paths=[folder], retry_failed=retry_failed)

    return plan


def records_of(bench):
    return {(r.cell.instance[-8:], r.cell.seed): r for r in bench.store.scan()[0]}


def test_cells_that_play_one_policy_share_one_training(plan):
    """All networks of stin-deployment have one key; those of dnt-spectrum differ, but for the scope size."""
    made = plan()
    assert [(t.cell.seed, len(t.cells), t.state, t.seconds) for t in made.trainings] == [
        (seed, 2, "missing", None) for seed in (0, 1)
    ]
    assert [p.training for p in made.cells] == [made.trainings[p.cell.seed].stem for p in made.cells]
    assert not made.untrained
    assert made.seconds(2) == (None, 6)
    dnt = ["dnt-spectrum/tiny-00[01]"]
    assert [len(t.cells) for t in plan(instances=dnt, seeds=1).trainings] == [1, 1]
    assert [len(t.cells) for t in plan({"scope": "size"}, instances=dnt, seeds=1).trainings] == [2]


def test_limits_of_a_training_are_its_own_and_change_no_cell(plan):
    long, short = plan(training="seconds = 500.0\nmemory_gib = 3.0"), plan(seconds=60)
    (first, *_), (second, *_) = long.trainings, short.trainings
    assert (first.cell.limits.seconds, first.cell.limits.memory, first.cell.limits.threads) == (500.0, 3 * 2**30, 1)
    assert second.cell.limits.seconds == 7200.0
    assert [p.cell.key for p in long.cells] == [p.cell.key for p in short.cells]
    assert first.stem == second.stem


def test_a_run_trains_then_scores_and_keeps_all_of_it(bench, plan):
    events = []
    made = plan()
    summary = runner.run(made, bench.store, workers=2, progress=events.append)
    assert (summary.ran, summary.ok, dict(summary.trained)) == (4, True, {"ok": 2})
    told = [e for e in events if isinstance(e, TrainingStarted | TrainingFinished | Started)]
    assert [type(e) for e in told[:2]] == [TrainingStarted, TrainingStarted]  # side by side
    for seed in (0, 1):
        ended = next(n for n, e in enumerate(told) if isinstance(e, TrainingFinished) and e.record.cell.seed == seed)
        assert not any(isinstance(e, Started) and e.cell.seed == seed for e in told[:ended])
    by_seed = {record.cell.seed: record for record in bench.store.policies.records()}
    for (_, seed), record in records_of(bench).items():
        training = by_seed[seed]
        assert record.method["training"]["source"] == "trained"
        assert record.method["training"]["checkpoint_sha256"] == training.policy_sha256
        assert record.train_seconds == training.seconds
    assert by_seed[0].training["frames"] == 60
    assert [point["round"] for point in by_seed[0].training["curve"]] == [0, 2, 4, 6]
    assert by_seed[0].training["hardware"]["threads"] == 1
    assert verify(bench.store.folder).ok
    assert plan().trainings == ()  # nothing is left to do


def test_a_training_takes_longer_than_a_cell_may(bench, plan):
    """Nine seconds of pauses; a cell has six."""
    made = plan({"episodes": 60, "pause": 0.15}, instances=TWO[:1], seeds=1, seconds=6)
    summary = runner.run(made, bench.store, workers=1)
    assert summary.statuses == {"ok": 2}, records_of(bench)
    (training,) = bench.store.policies.records()
    assert training.wall_seconds > 9.0


def test_trainings_tell_how_far_they_are(bench, plan):
    events = []
    made = plan({"episodes": 30, "pause": 0.1}, seeds=1)
    runner.run(made, bench.store, workers=1, progress=events.append)
    told = [e for e in events if isinstance(e, TrainingAdvanced)]
    assert told
    assert {(e.stem, e.total) for e in told} == {(made.trainings[0].stem, 30)}
    assert [e.done for e in told] == sorted({e.done for e in told})


def test_a_policy_of_the_cache_is_copied_and_one_of_the_results_is_played(bench, plan, folder, tmp_path):
    runner.run(plan(seeds=1), bench.store, workers=2)
    shutil.rmtree(bench.store.folder)
    made = plan(seeds=1)
    assert [t.state for t in made.trainings] == ["cached"]
    assert made.to_train == ()
    summary = runner.run(made, bench.store, workers=2)
    assert (dict(summary.trained), summary.ok) == ({}, True)
    (record,) = bench.store.policies.records()
    assert (record.source, record.wall_seconds) == ("cache", 0.0)
    assert {r.method["training"]["source"] for r in records_of(bench).values()} == {"trained"}

    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(bench.store.records)
    made = plan(seeds=1)
    assert [(t.state, t.file) for t in made.trainings] == [("kept", bench.store.policies.file(record.stem))]
    assert runner.run(made, bench.store, workers=2).ok
    assert not list((tmp_path / "cache").glob("policies/*/*.safetensors"))
    assert {r.method["training"]["checkpoint_sha256"] for r in records_of(bench).values()} == {record.policy_sha256}


def test_a_damaged_policy_of_the_cache_is_trained_again(bench, plan, tmp_path):
    runner.run(plan(seeds=1), bench.store, workers=2)
    shutil.rmtree(bench.store.folder)
    (file,) = (tmp_path / "cache").glob("policies/*/*.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    assert dict(runner.run(plan(seeds=1), bench.store, workers=2).trained) == {"ok": 1}


def test_the_cache_is_that_of_now(bench, plan, tmp_path, monkeypatch):
    """Not that of when the process was started that cells are forked from."""
    runner.run(plan(seeds=1), bench.store, workers=2)
    zygote = process._launcher._process.pid
    shutil.rmtree(bench.store.folder)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "other"))
    assert dict(runner.run(plan(seeds=1), bench.store, workers=2).trained) == {"ok": 1}
    assert process._launcher._process.pid == zygote
    assert [len(list((tmp_path / name).glob("policies/*/*.safetensors"))) for name in ("cache", "other")] == [1, 1]


def test_what_earlier_trainings_took_is_expected(bench, plan, tmp_path):
    runner.run(plan(seeds=1), bench.store, workers=2)
    (record,) = bench.store.policies.records()
    new = plan(seeds=3).trainings
    assert [(t.cell.seed, t.state, t.seconds) for t in new] == [(s, "missing", record.seconds) for s in (1, 2)]
    had = record.training["identity"]["options"]["episodes"]
    (longer,) = plan({"episodes": 7 * had}, seeds=1).trainings
    assert longer.seconds == pytest.approx(7 * record.seconds)
    shutil.rmtree(bench.store.folder)  # the cache knows as well
    assert [t.seconds for t in plan(seeds=3).trainings] == [None, record.seconds, record.seconds]


def test_shipped_policies_say_what_others_of_their_kind_take(bench, folder):
    """Seed 0 of vdn is shipped for tiny instances, seed 1 is not."""
    made = bench.plan(bench.write("vdn", seeds=2))
    (training,) = made.trainings
    (shipped,) = checkpoint.shipped_files(training.planned.solver_file, "stin-deployment", "vdn", "tiny")
    assert (training.cell.seed, training.seconds) == (1, checkpoint.read(shipped).header.seconds)
    assert [p.training for p in made.cells] == ["", training.stem]


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raise", "error", "ValueError: lost the thread"),
        ("abort", "crash", "killed by SIGABRT"),
        ("eat", "memory", "memory"),
        ("swap", "invalid", "of another training than was asked for: seed is 1, expected 0"),
    ],
)
def test_a_training_that_fails_is_one_failure_with_a_reason(bench, plan, how, status, reason):
    made = plan({"how": how}, solver="frail", seeds=1, training="memory_gib = 1.0")
    assert len(made.trainings) == 1
    summary = runner.run(made, bench.store, workers=2)
    assert (dict(summary.trained), dict(summary.statuses)) == ({status: 1}, {"error": 2})
    (training,) = bench.store.policies.records()
    assert (training.status, training.policy_sha256) == (status, None)
    assert reason in training.reason
    for record in records_of(bench).values():
        assert record.reason == f"the training of its policy failed ({status}): {training.reason}"
    assert verify(bench.store.folder).ok
    assert plan({"how": how}, solver="frail", seeds=1).todo == ()
    assert len(plan({"how": how}, solver="frail", seeds=1, retry_failed=True).to_train) == 1


def test_a_training_that_is_declined_leaves_skipped_cells(bench, plan):
    runner.run(plan({"how": "decline"}, solver="frail", seeds=1), bench.store, workers=2)
    assert {(r.status, r.reason) for r in records_of(bench).values()} == {
        ("skipped", "the training of its policy declined: not today")
    }
    assert verify(bench.store.folder).ok


def test_a_solver_that_hangs_when_it_is_asked_trains_inside(plan, monkeypatch):
    monkeypatch.setattr(trainings, "ASKING", trainings.ASKING.model_copy(update={"seconds": 1.0}))
    made = plan({"how": "hang"}, solver="frail", seeds=1)
    assert made.trainings == ()
    assert [p.training for p in made.cells] == ["", ""]


def test_hundreds_of_cells_are_asked_at_once(plan):
    """More than a socket holds, of a process that has just been started."""
    process._launcher.stop()
    made = plan(instances=TWO[:1], seeds=600)
    assert [t.cell.seed for t in made.trainings] == list(range(600))


def test_an_answer_that_is_none_is_not_believed(plan):
    """A solver's code gives the answers: names of files that lead elsewhere, or another cell's identity."""
    from dtbench.experiments.training_work import Answer

    made = plan(seeds=1)
    identity, key = made.trainings[0].identity, made.trainings[0].key
    for name in ("../../secret", "/etc/passwd", "a/b", ".hidden"):
        with pytest.raises(ValidationError):
            Answer(key=key, file=name, identity=identity)
    with pytest.raises(ValidationError):
        Answer(key="../" + key[3:], file="a.safetensors", identity=identity)
    answer = Answer(key=key, file="a.safetensors", identity=identity)
    assert trainings._fits(made.cells[0], answer)
    for change in ({"seed": 3}, {"problem": ".."}, {"solver": "other"}, {"size": "*"}):
        other = answer.model_copy(update={"identity": identity.model_copy(update=change)})
        assert not trainings._fits(made.cells[0], other)


def test_without_a_cache_or_files_cells_train_inside(bench, plan):
    made = plan({"cache": False}, seeds=1)
    assert (made.trainings, len(made.untrained)) == ((), 2)
    assert bench.plan(bench.write("trained")).trainings == ()
    summary = runner.run(made, bench.store, workers=2)
    assert (dict(summary.trained), summary.ok) == ({}, True)
    assert not bench.store.policies.folder.exists()


def test_a_training_stopped_at_its_limit_goes_on_with_retry_failed(bench, plan):
    options = {"episodes": 60, "pause": 0.1}
    runner.run(plan(options, seeds=1, training="seconds = 4.5"), bench.store, workers=2)
    (stopped,) = bench.store.policies.records()
    assert stopped.status == "timeout"
    assert {r.status for r in records_of(bench).values()} == {"error"}
    assert runner.run(plan(options, seeds=1), bench.store, workers=2).ran == 0
    summary = runner.run(plan(options, seeds=1, retry_failed=True), bench.store, workers=2)
    assert (dict(summary.trained), summary.ok) == ({"ok": 1}, True)
    (ended,) = bench.store.policies.records()
    assert ended.seconds > ended.wall_seconds  # it did not begin anew


def test_a_killed_run_goes_on_with_its_training(bench, plan, folder, tmp_path, temporary):
    suite = plan({"episodes": 30, "pause": 0.1}, seeds=1).suite.file
    first = start(suite, bench.store.folder, folder, temporary)
    wait_for(lambda: list((tmp_path / "cache").glob("policies/*/*.resume.safetensors")), first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert bench.store.stems() == []
    second = start(suite, bench.store.folder, folder, temporary)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    (resumed,) = bench.store.policies.records()
    shutil.rmtree(tmp_path / "cache")
    undisturbed, quick = Store(tmp_path / "undisturbed"), plan({"episodes": 30}, seeds=1).suite
    runner.run(make_plan(quick, undisturbed, solvers_paths=[folder]), undisturbed, workers=2)
    (other,) = undisturbed.policies.records()
    one, two = (checkpoint.read(s.policies.file(other.stem)).arrays for s in (bench.store, undisturbed))
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)
    assert resumed.key == other.key


def test_policies_that_were_changed_do_not_hold(bench, plan):
    runner.run(plan(), bench.store, workers=2)
    first, second = bench.store.policies.records()
    file = bench.store.policies.file(first.stem)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    place = bench.store.policies.folder / f"{second.stem}.json"
    facts = json.loads(place.read_text())
    facts["training"]["seconds"] = 0.001
    place.write_text(json.dumps(facts))
    assert [(m.record, m.reason) for m in verify(bench.store.folder).mismatches] == [
        (f"policies/{first.stem}", f"policy '{first.stem}.safetensors' was changed: its checksum differs"),
        (f"policies/{second.stem}", "the record was changed: its checksum differs"),
    ]
    assert bench.store.policies.records() == [first]
    assert bench.store.policies.kept(first.stem, first.key) is None
    assert bench.store.policies.kept(second.stem, second.key) is None


def test_another_policy_in_place_of_the_trained_one_is_not_played(bench, plan):
    """The file is exchanged between training and cells: the cells find that it is of another seed."""
    made = plan()

    def exchange(event):
        if isinstance(event, TrainingFinished) and event.record.cell.seed == 1:
            files = {t.cell.seed: bench.store.policies.file(t.stem) for t in made.trainings}
            wait_for(files[0].is_file)
            shutil.copy(files[0], files[1])

    runner.run(made, bench.store, workers=1, progress=exchange)
    found = {seed: record for (_, seed), record in records_of(bench).items()}
    assert found[0].status == "ok"
    assert found[1].status == "error"
    assert "is of another training: seed is 0, expected 1" in found[1].reason


def test_a_sweep_of_policies_for_a_size_trains_one_for_each_point_and_seed(folder, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nproblem = "stin-deployment"\nsize = "tiny"\nseeds = 3\n[over]\nn_users = [3, 4]\n'
        "[set]\nhorizon = 2\n[limits]\nseconds = 60\nmemory_gib = 2\n[training]\nseconds = 77\n"
        '[[solvers]]\nname = "hill"\nseeds = 2\noptions = {scope = "size", episodes = 2}\n'
    )
    store = Store(tmp_path / "results")
    made, _ = sweep.prepare(sweep.read(file), store, solvers_paths=[folder])
    assert [(t.identity.params["n_users"], t.cell.seed, len(t.cells)) for t in made.trainings] == [
        (3, 0, 3), (3, 1, 3), (4, 0, 3), (4, 1, 3),
    ]  # fmt: skip
    assert {t.cell.limits.seconds for t in made.trainings} == {77.0}
    summary = runner.run(made, store, workers=2)
    assert (dict(summary.trained), dict(summary.statuses)) == ({"ok": 4}, {"ok": 12})


def test_answers_of_our_solvers_are_remembered_until_something_changes(bench, folder, monkeypatch):
    suite = bench.write("vdn", seeds=2)
    first = bench.plan(suite)
    with monkeypatch.context() as patched:
        patched.setattr(trainings.training_work, "answers", lambda *_: [])
        assert bench.plan(suite).trainings == first.trainings
    file = trainings.files.cache("trainings") / "answers.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"state": "of other sources"}))
    assert bench.plan(suite).trainings == first.trainings
    (p, *_) = first.cells
    marks = {trainings._mark(each) for each in (p, replace(p, cell=p.cell.model_copy(update={"seed": 5})))}
    assert len(marks) == 2


def test_torch_learns_before_its_cells(bench, folder):
    """Two trainings of VDN side by side, with one round each."""
    options = {"episodes": 16, "traces": 2}
    made = bench.plan(bench.write({"name": "vdn", "options": options}, seeds=2))
    assert len(made.trainings) == 2
    summary = runner.run(made, bench.store, workers=2)
    assert (dict(summary.trained), dict(summary.statuses)) == ({"ok": 2}, {"ok": 2})
    assert verify(bench.store.folder).ok


__all__ = ["temporary"]  # a fixture of another file

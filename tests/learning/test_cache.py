import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from dtbench import files, weights
from dtbench.errors import DtbenchError
from dtbench.learning import cache
from dtbench.learning.training import Validation, fit
from dtbench.problems import problem

STIN = problem("stin-deployment")
SOLVERS = Path(__file__).parent / "solvers"


def agent(hill, seed=0, **options):
    made = hill(STIN, STIN.generate("tiny", 3), seed=seed, **options)
    made.heard = []
    made.tell = made.heard.append
    return made


def quiet(_):
    pass


def same(one, other):
    return one.header.curve[-1].objective == other.header.curve[-1].objective and all(
        (one.arrays[name] == value).all() for name, value in other.arrays.items()
    )


def test_the_folder(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache" / "policies"
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "dtbench" / "policies"


def test_the_key_follows_all_that_decides_the_weights_and_nothing_else(hill):
    def key(instance=None, **changes):
        made = hill(STIN, instance or STIN.generate("tiny", 3), **changes)
        return cache.Place(made.identity, made._sources).key

    ways = [
        {}, {"seed": 1}, {"episodes": 9}, {"step": 0.1}, {"env": "w_cost=2"}, {"scope": "size"}, {"preset": "paper"},
        {"instance": STIN.generate("tiny", 3, n_users=4)}, {"instance": STIN.generate("small", 3)},
    ]  # fmt: skip
    assert len({key(**way) for way in ways}) == len(ways)
    assert key(instance=STIN.generate("tiny", 99)) == key()  # all traces are drawn anew: one network
    assert key(evaluation="sampled", pause=1.0, log_dir="x") == key()
    assert key(preset="paper", episodes=6, step=0.5, validate_every=2, traces=2) == key()
    made = agent(hill)
    assert cache.Place(made.identity, made._sources | {"learning": "changed"}).key != key()


def test_a_policy_is_trained_once(hill):
    first, how = agent(hill).obtain(quiet)
    again, later = agent(hill).obtain(quiet)
    assert (how, later) == ("trained", "cache")
    assert again.sha256 == first.sha256
    assert not list(first.file.parent.glob("*.resume*"))


def test_without_the_cache_nothing_is_kept(hill, own_cache):
    one, how = agent(hill, cache=False).obtain(quiet)
    other, _ = agent(hill, cache=False).obtain(quiet)
    assert how == "trained"
    assert not own_cache.exists()
    assert same(one, other)


def test_a_damaged_policy_is_trained_again(hill):
    first, _ = agent(hill).obtain(quiet)
    first.file.write_bytes(first.file.read_bytes()[:-3])
    second = agent(hill)
    found, how = second.obtain(quiet)
    assert how == "trained"
    assert "cannot be read as safetensors" in second.heard[0]
    assert same(found, first)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_interrupted_training_goes_on_to_the_same_weights(hill, seed, monkeypatch):
    monkeypatch.setattr(cache, "SHARE", 0.0)
    whole, _ = agent(hill, seed, cache=False, episodes=9).obtain(quiet)

    def interrupt(progress):
        if progress.round == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent(hill, seed, episodes=9).obtain(interrupt)
    seen = []
    resumed = agent(hill, seed, episodes=9)
    found, how = resumed.obtain(lambda progress: seen.append(progress.round))
    assert how == "trained"
    assert resumed.heard == ["going on after round 4 of 9"]
    assert seen == [5, 6, 7, 8, 9]
    assert same(found, whole)
    assert [p.round for p in found.header.curve] == [p.round for p in whole.header.curve] == [0, 2, 4, 6, 8, 9]
    assert (found.header.episodes, found.header.frames) == (9, 90)
    assert not list(found.file.parent.glob("*.resume*"))


def test_a_state_that_cannot_be_read_or_is_anothers_is_not_used(hill):
    made = agent(hill)
    place = cache.Place(made.identity, made._sources, made.tell)
    place.file.parent.mkdir(parents=True)
    assert place.restore(made.learner(made.template)) is None
    place.resume.write_bytes(b"nonsense")
    assert place.restore(made.learner(made.template)) is None
    assert "It starts anew" in made.heard[-1]
    other = agent(hill, seed=4)
    theirs = cache.Place(other.identity, other._sources)
    fit(other.learner(other.template), Validation(STIN, other.template, 2), every=5, save=theirs.save)
    theirs.resume.replace(place.resume)
    assert place.restore(made.learner(made.template)) is None
    assert "of another training" in made.heard[-1]


KILLED = """
import sys
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
stin = problem("stin-deployment")
hill = load_solver(discover([sys.argv[1]])["hill"])
hill(stin, stin.generate("tiny", 3), episodes=40, pause=0.05).train()
"""


def test_a_killed_training_goes_on(hill, own_cache):
    command = [sys.executable, "-c", KILLED, str(SOLVERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        until = time.monotonic() + 60.0
        while not list(own_cache.rglob("*.resume.*")) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    resumed = agent(hill, episodes=40)
    found, how = resumed.obtain(quiet)
    assert how == "trained"
    assert resumed.heard[0].startswith("going on after round ")
    assert same(found, agent(hill, episodes=40, cache=False).obtain(quiet)[0])
    kept = {file.suffix for file in own_cache.rglob("*") if file.is_file()}
    assert kept == {".safetensors", ".lock"}


def test_others_wait_for_the_one_that_trains(hill):
    first, second = agent(hill, pause=0.05), agent(hill)
    started = threading.Event()
    results = {}

    def train(name, which):
        results[name] = which.obtain(lambda _: started.set())

    one = threading.Thread(target=train, args=("one", first))
    one.start()
    assert started.wait(30)
    train("two", second)
    one.join()
    assert [results[name][1] for name in ("one", "two")] == ["trained", "cache"]
    assert second.heard == ["another process trains this policy: waiting for it"]


def test_a_folder_that_cannot_be_written_to(hill, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    with pytest.raises(DtbenchError, match=r"cannot be kept in .*\$DTBENCH_CACHE, or give the option cache=false"):
        agent(hill).obtain(quiet)


def test_a_state_comes_back_as_it_was(hill, monkeypatch):
    """Order, shapes and types of arrays, single numbers and whole numbers of any length among them."""
    made = agent(hill)
    place = cache.Place(made.identity, made._sources, made.tell)
    place.file.parent.mkdir(parents=True)
    learner = made.learner(made.template)
    given = {
        "z": np.array(3.5), "a": np.zeros((0, 2), np.float32), "m": np.arange(6).reshape(2, 3).T, "b": np.array([True]),
    }  # fmt: skip
    told = {"long": 2**100, "none": None, "least": -np.inf}
    monkeypatch.setattr(learner, "state", lambda: (given, told))
    place.save(cache.Memo(), learner)
    monkeypatch.setattr(learner, "load", lambda state: setattr(learner, "found", state))
    place.restore(learner)
    arrays, facts = learner.found
    assert facts == told
    assert list(arrays) == list(given)
    for name, value in given.items():
        assert (arrays[name].shape, arrays[name].dtype) == (value.shape, value.dtype)
        np.testing.assert_array_equal(arrays[name], value)


def test_the_state_is_written_as_json_and_arrays_only(hill):
    made = agent(hill)
    place = cache.Place(made.identity, made._sources)
    place.file.parent.mkdir(parents=True)
    learner = made.learner(made.template)
    fit(learner, Validation(STIN, made.template, 2), every=3, save=place.saver())
    stored = weights.read(place.resume, "")
    text, arrays = stored.text, stored.arrays
    facts = json.loads(text)
    assert facts["key"] == place.key
    assert {name.split("/")[0] for name in arrays} == {"memo", "learner"}


FILES = ["learning/ppo/actors.py", "learning/qlearning/replay.py", "learning/policy.py", "envs/batch.py"]


@pytest.mark.parametrize("edited", FILES)
def test_an_edit_in_any_folder_of_learning_makes_kept_policies_stale(edited, tmp_path, monkeypatch):
    """Policies are trained again when a file of a family, of what families share, or of the environments changes."""
    for package in ("learning", "envs"):
        shutil.copytree(files.PACKAGE / package, tmp_path / package)
    monkeypatch.setattr(files, "PACKAGE", tmp_path)
    before = cache.learning_sha256.__wrapped__()
    with (tmp_path / edited).open("a") as file:
        file.write("# another line\n")
    assert cache.learning_sha256.__wrapped__() != before

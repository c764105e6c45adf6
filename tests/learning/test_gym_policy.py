"""Policies from elsewhere: what they see and play, what they decline, and what their file must say."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench.core import Outcome
from dtbench.envs import BatchEnv, make_env
from dtbench.envs.spaces import joint_mask
from dtbench.errors import Declined, DtbenchError, InvalidDecision
from dtbench.experiments.conformance import check
from dtbench.learning.gym_policy import GymPolicy
from dtbench.plugins.discovery import discover
from dtbench.problems import all_problems

STIN = all_problems()["stin-deployment"]
INSTANCE = STIN.generate("tiny", 3)


class Last(GymPolicy):
    """Always the last node that is allowed."""

    name = "last"
    trained_on = "stin-deployment/tiny"
    cost = {"seconds": 2.5, "frames": 10}  # noqa: RUF012

    def load(self, file):
        return lambda state, mask: mask.reshape(5, -1).shape[1] - 1 - mask.reshape(5, -1)[:, ::-1].argmax(axis=1)


def first_slot(problem, instance):
    return problem.slot(instance, 0, problem.start(instance))


def decision_of(kind, problem=STIN, instance=INSTANCE):
    solver = kind(problem, instance)
    solver.train()
    return solver.decide(first_slot(problem, instance))


def test_a_callable_gets_observation_and_mask():
    """The last node is the cloud, always allowed."""
    assert_array_equal(decision_of(Last).node, [STIN.generate("tiny", 3).params.n_end + 1] * 5)


def test_predict_sees_what_the_environment_shows():
    class Watching(Last):
        def load(self, file):
            return self

        def predict(self, observation, action_masks, deterministic=False):
            self.saw = observation, action_masks, deterministic
            return np.zeros(5, int), None

    solver = Watching(STIN, INSTANCE)
    solver.train()
    assert_array_equal(solver.decide(first_slot(STIN, INSTANCE)).node, 0)
    env = make_env(INSTANCE, "gym")
    state, _ = env.reset(seed=0)
    assert_array_equal(solver.saw[0], state)
    assert_array_equal(solver.saw[1], env.action_masks())
    assert solver.saw[2] is True


def test_memory_is_carried_and_begins_once():
    class Recurrent(Last):
        def load(self, file):
            return self

        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            self.told = [*getattr(self, "told", []), (state, episode_start.tolist())]
            return np.zeros(5, int), (state or 0) + 1

    solver = Recurrent(STIN, INSTANCE)
    solver.train()
    for _ in range(3):
        solver.decide(first_slot(STIN, INSTANCE))
    assert solver.told == [(None, [True]), (1, [False]), (2, [False])]


def test_agents_one_by_one_are_told_what_is_taken():
    """Each takes the last end device with room, so none is over its cap: nothing has to be repaired."""

    class Greedy(Last):
        form = "parallel"

        def load(self, file):
            def choose(observation, mask):
                return int(np.flatnonzero(mask[:-1])[-1])

            return {"user": choose}

    outcome: Outcome = STIN.evaluate(first_slot(STIN, INSTANCE), decision_of(Greedy))
    assert outcome.feasible
    assert (outcome.metrics["occupancy"][1:-1] == INSTANCE.cap_end).all()


@pytest.mark.parametrize("id", all_problems())
def test_it_plays_what_the_environment_plays(id):
    """A policy that repeats a joint action decides as the environment does, in every encoding that decodes it whole."""
    problem = all_problems()[id]
    instance = problem.generate("tiny", 0)
    env = BatchEnv(problem, instance)
    env.reset(0)
    action = env.encoding.sample(np.random.default_rng(0))

    class Same(Last):
        trained_on = f"{id}/tiny"
        scope = "size"

        def load(self, file):
            return lambda state: action[None]

    decision = decision_of(Same, problem, instance)
    expected = env.step(action[None]).info["objective"][0]
    slot = first_slot(problem, instance)
    assert problem.evaluate(slot, problem.repair(slot, decision)).objective == pytest.approx(expected, rel=1e-12)


def test_other_sizes_and_problems_are_declined():
    with pytest.raises(
        Declined, match="trained on 'stin-deployment/tiny', this is another instance: n_users is 4, was 5"
    ):
        Last(STIN, STIN.generate("tiny", 0, n_users=4))
    migration = all_problems()["edge-migration"]
    with pytest.raises(Declined, match="not on 'edge-migration'"):
        Last(migration, migration.generate("tiny", 0))


def test_the_network_key_says_which_instances_are_played(tmp_path):
    """Servers stand elsewhere on another seed: only the network of the file is played, or all with scope = 'size'."""
    from dtbench.library import instances

    migration = all_problems()["edge-migration"]
    mine, other = migration.generate("tiny", 1), migration.generate("tiny", 2)
    instances.save(tmp_path / "mine.nc", mine)

    class Own(Last):
        trained_on = str(tmp_path / "mine.nc")

    Own(migration, migration.resample(mine, np.random.default_rng(0)))
    with pytest.raises(Declined, match="another network; scope = 'size'"):
        Own(migration, other)
    Own.scope = "size"
    Own(migration, other)


def test_it_observes_as_trained():
    problem = all_problems()["dnt-spectrum"]
    instance = problem.generate("tiny", 0)
    lengths = []

    class Twin(Last):
        trained_on = "dnt-spectrum/tiny"
        scope = "size"
        changes = {"obs": "twin"}  # noqa: RUF012
        form = "parallel"

        def load(self, file):
            return lambda seen: lengths.append(len(seen)) or np.zeros(1 + instance.params.n_users, int)

    decision_of(Twin, problem, instance)
    assert lengths == [4 * instance.params.n_users + 3] * instance.params.n_bs


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"trained_on": ""}, DtbenchError, "does not say what it was trained on"),
        ({"cost": {}}, DtbenchError, "does not say what its training cost"),
        ({"trained_on": "stin-deployment/huge"}, DtbenchError, "unknown instance"),
        ({"file": "missing.zip"}, DtbenchError, "missing.zip' does not exist"),
        ({"load": lambda self, file: lambda state: np.zeros(3, int)}, InvalidDecision, r"gives \(3,\) .* expected 5"),
        ({"load": lambda self, file: lambda state: np.full(5, 9)}, InvalidDecision, "out of range"),
        ({"form": "parallel", "load": lambda self, file: {"nobody": None}}, DtbenchError, "no policy for 'user_0'"),
    ],
)
def test_what_is_wrong_is_said(attributes, error, message):
    with pytest.raises(error, match=message):
        decision_of(type("Wrong", (Last,), attributes))


def test_the_file_is_checked_and_reported(tmp_path):
    (tmp_path / "policy.bin").write_bytes(b"abc")

    class Filed(Last):
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc", FIPS 180-2

        def load(self, file):
            assert file.read_bytes() in (b"abc", b"abd")
            return lambda state: np.zeros(5, int)

    Filed.file = str(tmp_path / "policy.bin")
    solver = Filed(STIN, INSTANCE)
    solver.train()
    assert solver.training["seconds"] == 2.5
    assert solver.training["sha256"] == Filed.sha256
    (tmp_path / "policy.bin").write_bytes(b"abd")
    with pytest.raises(DtbenchError, match="is it another policy"):
        Filed(STIN, INSTANCE).train()
    Filed(STIN, INSTANCE, policy=str(tmp_path / "policy.bin")).train()  # another one, by name


FILE = '''"""A policy of a student: numbers in a file."""
import numpy as np
from dtbench import GymPolicy


class Student(GymPolicy):
    name = "student"
    problems = ("stin-deployment",)
    trained_on = "stin-deployment/tiny"
    file = "weights.txt"
    cost = {"seconds": 1.0}

    def load(self, file):
        weights = np.loadtxt(file)
        return lambda state: (state[:5] > weights).astype(int)
'''


def test_a_students_file_passes_the_conformance_tests(tmp_path):
    (tmp_path / "student.py").write_text(FILE, encoding="utf-8")
    np.savetxt(tmp_path / "weights.txt", np.zeros(5))
    entry = discover([tmp_path])["student"]
    assert entry.trains
    assert entry.deterministic
    assert not entry.error
    before = entry.checkpoints_sha256("stin-deployment", "tiny", 0, {})
    np.savetxt(tmp_path / "weights.txt", np.ones(5))
    assert before
    assert entry.checkpoints_sha256("stin-deployment", "tiny", 0, {}) not in (before, "")  # records of before are stale
    np.savetxt(tmp_path / "other.txt", np.zeros(5))
    assert entry.checkpoints_sha256("stin-deployment", "tiny", 0, {"policy": str(tmp_path / "other.txt")}) == before
    checks = check(entry)
    assert checks
    assert [c for c in checks if not c.passed] == []
    assert Path(tmp_path / "student.py") == entry.file


@pytest.mark.parametrize(("size", "passed"), [(15, True), (14, False)])
def test_a_policy_of_another_network_is_tried_on_its_own(tmp_path, size, passed):
    """A fresh instance is of another network: declined. What follows shows whether the policy plays at all."""
    text = FILE.replace("stin-deployment", "satellite-offloading").replace(
        "(state[:5] > weights).astype(int)", f"np.zeros({size})"
    )
    (tmp_path / "student.py").write_text(text, encoding="utf-8")
    np.savetxt(tmp_path / "weights.txt", np.zeros(5))
    checks = list(check(discover([tmp_path])["student"]))
    assert (checks[1].what, checks[1].passed) == ("declines with a reason", True)
    assert (checks[2].what, checks[2].passed) == ("solves what it was trained on", passed)
    assert all(c.passed for c in checks) == passed


def test_masks_of_an_environment_that_has_none():
    env = make_env("edge-placement/tiny", encoding="search")
    assert joint_mask(env.encoding, env.reset(0)).all()

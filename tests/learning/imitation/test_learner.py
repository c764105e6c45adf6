"""Learning from the optimum: rounds, what is asked, scales, and going on after an interruption."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dtbench import netcdf
from dtbench.core import Limits
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.imitation.learner import ImitationLearner
from dtbench.learning.imitation.options import ImitationOptions
from dtbench.learning.imitation.teachers import follow, teacher
from dtbench.learning.training import Validation, fit
from dtbench.library import instances
from dtbench.problems import problem

STIN, MIGRATION = problem("stin-deployment"), problem("edge-migration")
TINY = STIN.generate("tiny", 90_001)
QUICK = ImitationOptions(
    episodes=4, parallel=2, slots=3, updates=4, batch=8, hidden=8, layers=2, method="enumeration", learning_rate=1e-2
)


def learner(owner=STIN, instance=TINY, options=QUICK, seed=0):
    env = BatchEnv(owner, instance, options.copies, fresh=True, seed=seed, encoding="matching")
    return ImitationLearner(env, options, seed)


def test_asked_slots_are_lessons():
    made = learner()
    made.round(0)
    assert made.lessons.size == 2 * 3  # traces and slots of each
    assert (made.rounds, made.episodes, made.frames) == (2, 2, 2 * TINY.horizon)
    made.round(1)
    assert made.lessons.size == 4 * 3


def test_lessons_are_what_the_exact_method_does():
    """A lesson's target is the optimum of a slot that was met, as the encoding says it."""
    env = BatchEnv(STIN, TINY, 1, fresh=True, seed=3, encoding="matching")
    made = ImitationLearner(env, dataclasses.replace(QUICK, slots=0), 0)
    made.demonstrate(by_answers=True)
    slot = env.slot[0]  # the state that was reached, on the last slot's data
    best = STIN.exact(slot, Limits(), "enumeration")
    played = env.encoding.decode(slot, made.lessons.targets[-1])
    assert STIN.evaluate(slot, played).objective == pytest.approx(best.objective, rel=1e-9)


def test_features_are_scaled_by_the_first_round():
    made = learner()
    made.demonstrate(by_answers=True)
    made.set_scales()
    arrays, inputs = made.network.arrays(), made.layout.split_state(made.lessons.states)
    for part in made.layout.parts:
        seen = (inputs[part.name] - arrays[f"shift.{part.name}"]) * arrays[f"scale.{part.name}"]
        spread = seen.reshape(-1, part.length).std(axis=0)
        assert np.all((np.abs(spread - 1.0) < 1e-3) | (spread == 0.0))


def test_a_short_training_does_better_than_none():
    """An untrained network sends nobody anywhere; some lessons later it is within a tenth of the optimum."""
    options = dataclasses.replace(QUICK, episodes=12, parallel=6, slots=0, updates=20, batch=16, hidden=16)
    trained = fit(learner(options=options), Validation(STIN, TINY, 4, encoding="matching"), every=1)
    assert trained.best.objective < 0.8 * trained.curve[0].objective
    assert trained.best.round > 0


def test_the_same_after_an_interruption():
    one, two = learner(), learner()
    one.round(0)
    two.load(one.state())
    one.round(1)
    two.round(1)
    for name, value in one.policy.arrays().items():
        assert_array_equal(two.policy.arrays()[name], value)
    assert_array_equal(one.lessons.targets, two.lessons.targets)


def test_another_seed_other_weights():
    first, second = learner(seed=0), learner(seed=1)
    first.round(0)
    second.round(0)
    assert not np.array_equal(first.policy.arrays()["sets/layer0.bias"], second.policy.arrays()["sets/layer0.bias"])


def test_plans_are_followed_where_slots_are_coupled():
    """Without a teacher of its own, an encoding of coupled slots is taught by the plan of the whole trace."""
    instance = MIGRATION.generate("tiny", 90_001)
    encoding = MIGRATION.encodings(instance)["search"]
    plan = MIGRATION.exact_horizon(instance, Limits())
    state = MIGRATION.start(instance)
    answer = teacher(MIGRATION, encoding, instance, Limits(), "")
    for t in range(instance.horizon):
        slot = MIGRATION.slot(instance, t, state)
        assert_array_equal(answer(t, slot), plan.decision.assoc[t])
        state = MIGRATION.advance(slot, encoding.decode(slot, answer(t, slot)))
    assert np.isnan(follow(encoding, None)(0, slot)).all()


def test_without_answers_there_is_nothing_to_learn(monkeypatch):
    made = learner()
    nobody = dataclasses.replace(made.env.encoding, teacher=lambda *_: follow(made.env.encoding, None))
    monkeypatch.setattr(made.env, "encoding", nobody)
    with pytest.raises(DtbenchError, match="no slot was answered within 60 s"):
        made.round(0)


def test_an_encoding_without_layout_is_refused():
    with pytest.raises(DtbenchError, match="no layout of sets"):
        ImitationLearner(BatchEnv(STIN, TINY, 1, fresh=True), QUICK, 0)


def written(folder, instance, plan, **changes):
    """Demonstrations as `dtbench demonstrations` writes them."""
    (folder / "traces").mkdir()
    instances.save(folder / "traces" / "tiny-seed0-trace00000.nc", instance)
    lead = ("demonstration", "time")
    variables = netcdf.variables_of(type(plan).stack([plan]), lead=lead)
    variables["trace"] = netcdf.Variable(("demonstration",), np.zeros(1, dtype=np.int64), "1", "number")
    header = netcdf.header("title", "summary", problem=instance.problem) | changes
    netcdf.write(folder / "d.nc", netcdf.Content(variables, header))
    return folder / "d.nc"


@pytest.mark.parametrize("name", ["matching", "search"])
def test_demonstrations_of_a_file_are_lessons(name, tmp_path):
    """Of every slot, in the states that the plan leads to; by the encoding's teacher where it has one."""
    instance = MIGRATION.generate("tiny", 90_001)
    plan = MIGRATION.exact_horizon(instance, Limits()).decision
    made = learner(MIGRATION, instance)
    if name == "search":  # a plain encoding: lessons are what the plan decides
        plain = dataclasses.replace(made.env.encoding, teacher=None)
        made.env.encoding = plain
    made.read_demonstrations(written(tmp_path, instance, plan))
    assert made.lessons.size == instance.horizon
    state, answer = MIGRATION.start(instance), teacher(MIGRATION, made.env.encoding, instance, Limits(), "")
    for t in range(instance.horizon):
        slot = MIGRATION.slot(instance, t, state)
        assert_array_equal(made.lessons.targets[t], answer(t, slot).astype(np.float32))
        seen = made.lessons.states[t][: made.layout.start_of("left")]
        assert_array_equal(seen, made.env.encoding.observe(slot).state[: len(seen)])
        state = MIGRATION.advance(slot, plan[t])


def test_demonstrations_of_others_are_refused(tmp_path):
    instance = MIGRATION.generate("tiny", 90_001)
    plan = MIGRATION.exact_horizon(instance, Limits()).decision
    file = written(tmp_path, instance, plan, problem="stin-deployment")
    with pytest.raises(DtbenchError, match="demonstrations of 'stin-deployment', expected 'edge-migration'"):
        learner(MIGRATION, instance).read_demonstrations(file)
    with pytest.raises(DtbenchError, match="no variable 'node' with the axes demonstration, time, user"):
        learner().read_demonstrations(file)
    (tmp_path / "traces" / "tiny-seed0-trace00000.nc").unlink()
    (tmp_path / "d.nc").unlink()
    (tmp_path / "traces").rmdir()
    file = written(tmp_path, instance, plan)
    (tmp_path / "traces" / "tiny-seed0-trace00000.nc").unlink()
    with pytest.raises(DtbenchError, match="needs the file of trace 0"):
        learner(MIGRATION, instance).read_demonstrations(file)

import dataclasses

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.learning.options import LearningOptions, resolve
from dtbench.problems import problem
from dtbench.view import template

STIN, MEC = problem("stin-deployment"), problem("mec-synchronization")
PRESETS = {
    "paper": {"*": {"episodes": 5, "traces": 3}, "p": {"traces": 4}},
    "tuned": {"q": {"validate_every": 7}},
}


def resolved(problem, **given):
    return resolve(LearningOptions, PRESETS, problem, given, "agent")


def test_what_is_given_wins_over_the_problems_preset_which_wins_over_that_of_all():
    assert (resolved("p", preset="paper").episodes, resolved("p", preset="paper").traces) == (5, 4)
    assert resolved("other", preset="paper").traces == 3
    assert resolved("p", preset="paper", traces="9").traces == 9
    assert resolved("q").validate_every == 7
    assert resolved("p") == LearningOptions()


def test_what_does_not_exist_is_named():
    with pytest.raises(DtbenchError, match="option 'preset' is 'best'; expected one of paper, tuned"):
        resolved("p", preset="best")
    with pytest.raises(DtbenchError, match="unknown option 'episode'. Did you mean 'episodes'"):
        resolved("p", episode=3)
    with pytest.raises(DtbenchError, match="solver 'agent' has no preset 'paper'. Known: tuned"):
        resolve(LearningOptions, {"tuned": {}}, "p", {"preset": "paper"}, "agent")


def test_options_of_playing_do_not_decide_what_is_learned():
    training = LearningOptions().training()
    assert training == LearningOptions(evaluation="sampled", log_dir="x", cache=False, checkpoint="y").training()
    assert training != LearningOptions(traces=3).training()
    assert set(training) == {"episodes", "validate_every", "traces", "env", "scope"}


def test_parameters_are_changed_for_agents_but_not_the_network():
    instance = STIN.generate("tiny", 0)
    changed = template(STIN, instance, "cost_count=hosted, w_cost=2")
    assert (changed.params.cost_count, changed.params.w_cost) == ("hosted", 2.0)
    assert dataclasses.replace(changed, params=instance.params).params == instance.params
    assert template(STIN, instance, "").params == instance.params


def test_longer_episodes_are_fresh_traces_of_the_same_network():
    """Five slots a frame: 2 frames become 7; base stations and users' speeds stay, and so does the instance."""
    instance = MEC.generate("tiny", 0)
    changed = template(MEC, instance, "n_frames=7")
    assert (instance.horizon, changed.horizon) == (10, 35)
    assert changed.gain.shape[0] == 35
    np.testing.assert_array_equal(changed.speed_mean, instance.speed_mean)
    assert template(MEC, instance, "n_frames=7").user_xy.tobytes() == changed.user_xy.tobytes()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ("w_cost", "option 'env' has 'w_cost'; expected NAME=VALUE"),
        ("w_costs=1", "unknown parameter 'w_costs'. Did you mean 'w_cost'"),
        ("w_cost=-1", "parameter 'w_cost' is -1"),
        ("n_users=99", "makes 99 of 5 in 'user'"),
    ],
)
def test_changes_that_cannot_be(env, words):
    with pytest.raises(DtbenchError, match=words):
        template(STIN, STIN.generate("tiny", 0), env)

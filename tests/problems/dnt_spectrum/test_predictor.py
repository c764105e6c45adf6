"""The twin's predictors: the gated recurrent unit by hand, weights on disk, and what is said when they do not fit."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file

from dtbench import referee
from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.problems.dnt_spectrum import predictor
from dtbench.problems.dnt_spectrum.predictor import Gru, Weights, load, predict, sigmoid, trained_for, weights_file

from .hand import DNT


def network(users=1, units=1, drift=None, scale=0.0, **tensors):
    """Zero weights but those given; or normal ones of deviation ``scale``."""
    rng = np.random.default_rng(0)
    shapes = {"input": (units, 2 * users), "hidden": (units, units), "bias": (units,), "output": (2 * users, units)}
    made = {
        name: scale * rng.standard_normal(shapes[name.split("_")[0]])
        for name in Gru.__dataclass_fields__
        if name != "drift"
    }
    given = {name: np.asarray(value, dtype=float) for name, value in tensors.items()}
    return Gru(**made | given, drift=np.zeros((users, 2)) if drift is None else drift)


def save(params, gru):
    """Write a network as one that was trained for these parameters."""
    file = weights_file(params)
    predictor.save(file, Weights(gru, {"problem": "dnt-spectrum", "trained_for": trained_for(params)}))
    return file


def test_forward_pass_by_hand():
    """Gates 1/2. Step 1: candidate 0.5, h = 0.25. Step 2: candidate tanh(u 0.25 / 2) = 0.6, h = 0.3 + 0.125 = 0.425."""
    gru = network(
        input_candidate=[[1.0, 0.0]], hidden_candidate=[[8.0 * math.atanh(0.6)]], output=[[2.0], [4.0]],
    )  # fmt: skip
    window = np.array([[math.atanh(0.5), 7.0], [0.0, -3.0]])
    assert_allclose(gru.hidden(window[:1]), [0.25])
    assert_allclose(gru.hidden(window), [0.425])
    assert_allclose(gru.predict(window), [0.85, 1.7])


def test_gates_by_hand():
    """Update gate 3/4 keeps 3/4 of h; reset gate 1/4 lets a quarter of h into the candidate (before the product)."""
    gru = network(
        input_candidate=[[1.0, 0.0]], bias_update=[math.log(3.0)], bias_reset=[-math.log(3.0)],
        hidden_candidate=[[1.0]], output=[[1.0], [0.0]],
    )  # fmt: skip
    first = 0.25 * 0.5
    second = 0.25 * math.tanh(first * 0.25) + 0.75 * first
    assert_allclose(gru.hidden(np.array([[math.atanh(0.5), 0.0], [0.0, 0.0]])), [second])
    reads_state = network(input_candidate=[[1.0, 0.0]], hidden_update=[[8.0 * math.log(3.0)]], output=[[1.0], [0.0]])
    # h = 0.25 after the first step; update gate sigmoid(8 ln 3 / 4) = 9 / 10 in the second, whose candidate is 0
    assert_allclose(reads_state.hidden(np.array([[math.atanh(0.5), 0.0], [0.0, 0.0]])), [0.9 * 0.25])
    assert_allclose(sigmoid(np.array([-1e3, 0.0, math.log(3.0)])), [0.0, 0.5, 0.75])


def test_displacement_and_absolute_form_by_hand(tmp_path, monkeypatch):
    """K = 2: x = 10 - 2 atanh(1/2), then 10; displacement -atanh(1/2), then 0. Absolute: over 150 m, and back."""
    monkeypatch.setattr(predictor, "FOLDER", tmp_path)
    params = DNT.params("tiny", {"n_users": 1, "history": 2, "world": 0, "predictor": "gru"})
    history = np.array([[[10.0 - 2.0 * math.atanh(0.5), 5.0]], [[10.0, 5.0]]])
    weights = {"input_candidate": [[1.0, 0.0]], "output": [[1.0], [2.0]]}
    save(params, network(**weights))
    h = 0.5 * (0.5 * -0.5)  # step 1 leaves -0.25, step 2 halves it
    assert_allclose(predict(params, history, np.zeros((1, 2))), [[10.0 + h, 5.0 + 2.0 * h]], rtol=1e-6)

    printed = params.replace({"predictor": "gru_printed"})
    save(printed, network(**weights))
    one, two = np.tanh(history[:, 0, 0] / 150.0)
    h = 0.5 * two + 0.5 * 0.5 * one
    assert_allclose(predict(printed, history, np.zeros((1, 2))), [[150.0 * h, 300.0 * h]], rtol=1e-6)


def test_batch_equals_loop_and_files_keep_single_precision(tmp_path):
    gru = network(users=3, units=4, scale=0.5)
    predictor.save(tmp_path / "w.safetensors", Weights(gru, {"seed": 3}))
    stored = load(tmp_path / "w.safetensors")
    again = stored.network
    assert stored.header == {"seed": 3}
    for name in Gru.__dataclass_fields__:
        assert_allclose(getattr(again, name), getattr(gru, name), rtol=1e-6)
    window = np.random.default_rng(1).standard_normal((2, 5, 6, 6))
    whole = again.predict(window)
    for index in np.ndindex(2, 5):
        assert_allclose(whole[index], again.predict(window[index]), rtol=1e-12)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """An instance with predictor gru, and small random weights for its world."""
    monkeypatch.setattr(predictor, "FOLDER", tmp_path)
    instance = DNT.generate("tiny", 0, predictor="gru")
    save(instance.params, network(users=5, units=4, drift=instance.drift, scale=0.5))
    return instance


def test_an_instance_is_played_with_its_network(trained):
    """The estimate is the network's, and only the perfect-twin bound is certified."""
    state = DNT.start(trained)
    window = (trained.warm - trained.warm[-1]) / 5
    shift = load(weights_file(trained.params)).network.predict(window.reshape(5, -1))
    assert_allclose(state.estimate, trained.warm[-1] + shift.reshape(5, 2))
    found = DNT.exact_horizon(trained, Limits())
    assert found.status == "feasible"
    assert found.objective <= found.bound
    assert_allclose(referee.rescore(DNT, trained, found.decision).mean, found.objective)
    batch = DNT.resample(trained, np.random.default_rng(0), (3,))
    assert DNT.start(batch).estimate.shape == (3, 5, 2)


def test_missing_weights_name_the_command_that_trains_them(trained):
    with pytest.raises(DtbenchError, match=r"no predictor weights 'gru-world1.*there: gru-world0-m3-u5") as said:
        DNT.start(DNT.generate("tiny", 1, predictor="gru", radius=70.0))
    assert "train-predictor dnt-spectrum --size paper --world 1 --set n_users=5 --set radius=70.0`" in str(said.value)


def test_a_foreign_world_is_refused(trained):
    """Weights that were trained for other moves, another world or another area, under the name of this one."""
    gru = network(users=5, units=4, drift=trained.drift)
    save(trained.params, network(users=5, units=4, drift=trained.drift + 0.1))
    with pytest.raises(DtbenchError, match=r"gru-world0-m3-u5\.safetensors' was trained on another world"):
        DNT.start(trained)
    for name, value in {"world": 7, "n_users": 6, "radius": 55.0, "predictor": "gru_printed"}.items():
        theirs = trained_for(trained.params) | {name: value}
        predictor.save(weights_file(trained.params), Weights(gru, {"problem": "dnt-spectrum", "trained_for": theirs}))
        with pytest.raises(DtbenchError, match=rf"gru-world0-m3-u5.*was trained for {name} = {value}, the instance"):
            DNT.start(trained)
    predictor.save(weights_file(trained.params), Weights(gru, {"problem": "edge-migration"}))
    with pytest.raises(DtbenchError, match="is of problem 'edge-migration'"):
        DNT.start(trained)
    predictor.save(weights_file(trained.params), Weights(gru, {"problem": "dnt-spectrum"}))
    with pytest.raises(DtbenchError, match="was trained for predictor = None"):
        DNT.start(trained)


def test_other_areas_have_files_of_their_own(trained):
    plain = weights_file(trained.params).name
    assert plain == "gru-world0-m3-u5.safetensors"
    assert weights_file(trained.params.replace({"n_rb": 9, "rate_weight": 0.8})).name == plain
    assert weights_file(trained.params.replace({"radius": 55.0})).name != plain


def test_damaged_weights_are_named(trained):
    file = weights_file(trained.params)
    tensors = load_file(file)

    def refused(match):
        load.cache_clear()
        with pytest.raises(DtbenchError, match=rf"gru-world0-m3-u5.*{match}"):
            DNT.start(trained)

    save_file(tensors, file)
    refused("has no header 'dtbench'")
    save_file(tensors, file, {"dtbench": "{not json"})
    refused("its header is truncated or not JSON")
    save_file(tensors | {"output": np.zeros((10, 5), np.float32)}, file, {"dtbench": "{}"})
    refused("weights 'output' have shape")
    save_file({"input_reset": np.zeros((1, 2), np.float32)}, file)
    refused("expected bias_candidate")
    file.write_bytes(b"nonsense")
    refused("cannot be read as safetensors")
    save(trained.params, network(users=5, units=4, drift=np.full((5, 2), np.nan)))
    refused("array .drift. holds NaN or inf")


def test_weights_of_wrong_shape_are_refused():
    with pytest.raises(DtbenchError, match="'output' have shape"):
        network(output=[[1.0]])

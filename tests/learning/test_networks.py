"""The numpy forward pass by hand, the shapes of weights, and what is said of wrong ones."""

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.learning.networks import Network, fold, sigmoid, unfold


def array(value):
    return np.array(value, dtype=np.float32)


def make_weights(network, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0.0, 0.5, shape).astype(np.float32) for name, shape in network.shapes.items()}


def test_two_layers_by_hand():
    """x = (1, 2): hidden (1 - 2, 1 + 2 - 1) = (-1, 2), relu (0, 2), output 10 * 0 + 3 * 2 + 1 = 7."""
    weights = {
        "hidden0.weight": array([[[1, 1], [-1, 1]]]),
        "hidden0.bias": array([[[0, -1]]]),
        "output.weight": array([[[10], [3]]]),
        "output.bias": array([[[1]]]),
    }
    x = array([[[1, 2]]])
    network = Network(inputs=2, hidden=(2,), outputs=1)
    y, memory = network(weights, x, network.start(1))
    assert_allclose(y, [[[7.0]]])
    assert memory.shape == (1, 1, 0)
    saturated = Network(inputs=2, hidden=(2,), outputs=1, activation="tanh")
    assert_allclose(saturated(weights, x, memory)[0], [[[1 - 10 * math.tanh(1) + 3 * math.tanh(2)]]], rtol=1e-6)


def test_copies_have_weights_of_their_own_by_hand():
    """Copy 0 doubles, copy 1 adds 5; two rows each."""
    weights = {"output.weight": array([[[2]], [[1]]]), "output.bias": array([[[0]], [[5]]])}
    network = Network(inputs=1, hidden=(), outputs=1, copies=2)
    y, _ = network(weights, array([[[1], [2]], [[3], [4]]]), network.start(2))
    assert_allclose(y, [[[2], [4]], [[8], [9]]])


def gru_by_hand():
    """One unit; for x = 1 and h = 2 the reset gate is 3/4, the update gate 3/4, the new state tanh 0.

    Reset: logit ln 3. Update: logit 2 - 2 + ln 3. New: 1/2 + 3/4 (2 * -1/2 + 1/3) = 0, the bias of the state inside
    the reset gate. So h' = 1/4 * 0 + 3/4 * 2 = 3/2, and the output 10 h' + 1 = 16.
    """
    three = math.log(3.0)
    weights = {
        "memory.input": array([[[three, 2.0, 0.5]]]),
        "memory.state": array([[[0.0, -1.0, -0.5]]]),
        "memory.input_bias": array([[[0.0, three, 0.0]]]),
        "memory.state_bias": array([[[0.0, 0.0, 1 / 3]]]),
        "output.weight": array([[[10.0]]]),
        "output.bias": array([[[1.0]]]),
    }
    return Network(inputs=1, hidden=(), outputs=1, memory=1), weights


def test_gru_step_by_hand():
    network, weights = gru_by_hand()
    y, memory = network(weights, array([[[1.0]]]), array([[[2.0]]]))
    assert_allclose(memory, [[[1.5]]], atol=1e-6)
    assert_allclose(y, [[[16.0]]], atol=1e-5)


def test_gru_step_from_zero_by_hand():
    """h = 0: the new state is tanh(1/2 + 3/4 / 3) = tanh 3/4, the update gate 1 / (1 + e^-2 / 3)."""
    network, weights = gru_by_hand()
    _, memory = network(weights, array([[[1.0]]]), network.start(1))
    update = 1.0 / (1.0 + math.exp(-2.0) / 3.0)
    assert_allclose(memory, [[[(1.0 - update) * math.tanh(0.75)]]], atol=1e-6)


def test_sigmoid_does_not_overflow():
    assert_allclose(sigmoid(array([-1e4, -math.log(3.0), 0.0, math.log(3.0), 1e4])), [0, 0.25, 0.5, 0.75, 1], atol=1e-7)


def test_memory_starts_at_zero_and_is_carried():
    network = Network(inputs=3, hidden=(4,), outputs=2, memory=5, copies=2)
    weights, x = make_weights(network), array(np.random.default_rng(1).normal(size=(2, 6, 3)))
    start = network.start(6)
    assert start.shape == (2, 6, 5)
    assert start.dtype == np.float32
    assert not start.any()
    first, memory = network(weights, x, start)
    assert not start.any()  # what was handed in stays as it is
    second, _ = network(weights, x, memory)
    assert not np.allclose(first, second)  # the same input, but remembered
    assert_array_equal(network(weights, x, network.start(6))[0], first)  # forgotten


def test_stack_equals_each_copy_alone():
    network = Network(inputs=3, hidden=(4, 5), outputs=2, memory=3, copies=3)
    alone = Network(inputs=3, hidden=(4, 5), outputs=2, memory=3)
    weights, rng = make_weights(network), np.random.default_rng(1)
    x, memory = array(rng.normal(size=(3, 7, 3))), array(rng.normal(size=(3, 7, 3)))
    y, after = network(weights, x, memory)
    for copy in range(3):
        one = slice(copy, copy + 1)
        y_alone, after_alone = alone({k: v[one] for k, v in weights.items()}, x[one], memory[one])
        assert_allclose(y[one], y_alone, rtol=1e-5, atol=1e-6)
        assert_allclose(after[one], after_alone, rtol=1e-5, atol=1e-6)


def test_outputs_stay_float32():
    network = Network(inputs=3, hidden=(4,), outputs=2, memory=3, activation="tanh")
    y, memory = network(make_weights(network), np.ones((1, 2, 3), np.float32), network.start(2))
    assert y.dtype == memory.dtype == np.float32


def test_shapes():
    """Every array that a network of one hidden layer and a memory has."""
    assert Network(inputs=3, hidden=(4,), outputs=2, memory=5, copies=6).shapes == {
        "hidden0.weight": (6, 3, 4),
        "hidden0.bias": (6, 1, 4),
        "memory.input": (6, 4, 15),
        "memory.state": (6, 5, 15),
        "memory.input_bias": (6, 1, 15),
        "memory.state_bias": (6, 1, 15),
        "output.weight": (6, 5, 2),
        "output.bias": (6, 1, 2),
    }


def test_facts_survive_json():
    network = Network(inputs=3, hidden=(4, 7), outputs=2, memory=5, copies=6, activation="tanh")
    assert Network(**json.loads(json.dumps(network.facts))) == network


@pytest.mark.parametrize(
    "wrong",
    [{"inputs": 0}, {"hidden": (4, 0)}, {"outputs": 0}, {"copies": 0}, {"memory": -1}],
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match="expected positive sizes"):
        Network(**({"inputs": 3, "hidden": (4,), "outputs": 2} | wrong))


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="activation is 'gelu', expected one of relu, tanh"):
        Network(inputs=3, hidden=(4,), outputs=2, activation="gelu")


def test_check_accepts_own_weights_and_more():
    network = Network(inputs=3, hidden=(4,), outputs=2, memory=5)
    network.check(make_weights(network) | {"another": array([1.0])}, "file")


def without(weights):
    del weights["hidden0.bias"]


def transposed(weights):
    weights["output.weight"] = weights["output.weight"].swapaxes(1, 2)


def doubles(weights):
    weights["output.bias"] = weights["output.bias"].astype(np.float64)


def not_finite(weights):
    weights["hidden0.weight"][0, 0, 0] = np.inf


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without, r"file: array 'hidden0.bias' is missing\."),
        (transposed, r"file: array 'output.weight' is float32 \(1, 2, 4\), expected float32 \(1, 4, 2\)\."),
        (doubles, r"file: array 'output.bias' is float64 \(1, 1, 2\), expected float32 \(1, 1, 2\)\."),
        (not_finite, r"file: array 'hidden0.weight' holds NaN or inf\."),
    ],
)
def test_check_says_what_is_wrong(spoil, message):
    network = Network(inputs=3, hidden=(4,), outputs=2)
    weights = make_weights(network)
    spoil(weights)
    with pytest.raises(DtbenchError, match=message):
        network.check(weights, "file")


def test_fold_by_hand():
    """Two rows of two agents: a shared network has four rows, two copies have two each."""
    x = np.array([[[1], [2]], [[3], [4]]])
    assert_array_equal(fold(x, 1), [[[1], [2], [3], [4]]])
    assert_array_equal(fold(x, 2), [[[1], [3]], [[2], [4]]])


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("lead", [(), (4,), (4, 5)])
@pytest.mark.parametrize("agents", [1, 3])
def test_unfold_is_the_inverse_of_fold(lead, agents, shared):
    x = np.random.default_rng(0).normal(size=(*lead, agents, 2))
    assert_array_equal(unfold(fold(x, 1 if shared else agents), lead, agents), x)

"""The torch networks against the numpy ones and torch's own; first weights; target networks."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.learning import networks
from dtbench.learning.networks import Network
from dtbench.learning.torch_networks import StackedNetwork, fold, follow, unfold

ROWS, SLOTS, INPUTS = 4, 6, 3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_module(seed=0, start="uniform", last_gain=1.0, **fields):
    network = Network(**({"inputs": INPUTS, "hidden": (5, 7), "outputs": 2} | fields))
    return StackedNetwork(network, generator(seed), start, last_gain)


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def in_numpy(module, x, memory):
    """Outputs (copies, rows, slots, outputs), slot after slot."""
    found = []
    for t in range(x.shape[2]):
        y, memory = module.network(module.arrays(), x[:, :, t], memory)
        found.append(y)
    return np.stack(found, axis=2)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("memory", [0, 8])
@pytest.mark.parametrize("copies", [1, 3])
def test_numpy_and_torch_agree(copies, memory, activation):
    module = make_module(copies=copies, memory=memory, activation=activation)
    x = normal(copies, ROWS, SLOTS, INPUTS)
    expected = in_numpy(module, x, module.network.start(ROWS))
    assert_allclose(module(torch.from_numpy(x)).detach(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("copies", [1, 3])
def test_numpy_and_torch_agree_from_a_memory(copies):
    module = make_module(copies=copies, memory=8)
    x, memory = normal(copies, ROWS, SLOTS, INPUTS), normal(copies, ROWS, 8, seed=2)
    y = module(torch.from_numpy(x), torch.from_numpy(memory)).detach()
    assert_allclose(y, in_numpy(module, x, memory), rtol=1e-5, atol=1e-6)
    assert not np.allclose(y, in_numpy(module, x, np.zeros_like(memory)))


@pytest.mark.parametrize("copies", [1, 3])
def test_without_memory_time_is_only_more_rows(copies):
    module = make_module(copies=copies)
    x = torch.from_numpy(normal(copies, ROWS, SLOTS, INPUTS))
    flat = module(x.flatten(1, 2))
    assert_allclose(module(x).detach(), flat.unflatten(1, (ROWS, SLOTS)).detach(), rtol=1e-6)


def test_memory_is_zero_at_every_start():
    """Two sequences in a row know nothing of each other, and zeros handed in change nothing."""
    module = make_module(memory=8)
    x = torch.from_numpy(normal(1, ROWS, SLOTS, INPUTS))
    first = module(x).detach()
    assert_array_equal(module(x).detach(), first)
    assert_array_equal(module(x, torch.zeros(1, ROWS, 8)).detach(), first)


def test_memory_never_looks_ahead():
    module = make_module(memory=8)
    x = torch.from_numpy(normal(1, ROWS, SLOTS, INPUTS))
    before = module(x).detach()
    x[:, :, 4] += 1.0
    after = module(x).detach()
    assert_array_equal(after[:, :, :4], before[:, :, :4])
    assert (after[:, :, 4:] != before[:, :, 4:]).any()


def test_gru_step_by_hand():
    """The numbers of the numpy test: h' = 3/2 from x = 1 and h = 2."""
    three = math.log(3.0)
    module = make_module(inputs=1, hidden=(), outputs=1, memory=1)
    values = {
        "memory.input": [three, 2.0, 0.5],
        "memory.state": [0.0, -1.0, -0.5],
        "memory.input_bias": [0.0, three, 0.0],
        "memory.state_bias": [0.0, 0.0, 1 / 3],
        "output.weight": [10.0],
        "output.bias": [1.0],
    }
    module.load({name: np.array([[value]], dtype=np.float32) for name, value in values.items()})
    y = module(torch.ones(1, 1, 1, 1), torch.full((1, 1, 1), 2.0))
    assert_allclose(y.detach(), [[[[16.0]]]], atol=1e-5)


def test_memory_is_the_gru_of_torch():
    """The same values and gradients as ``torch.nn.GRU`` with the same weights."""
    module = make_module(hidden=(), memory=8)
    own = torch.nn.GRU(INPUTS, 8, batch_first=True)
    with torch.no_grad():
        own.weight_ih_l0.copy_(module.weight("memory.input")[0].T)
        own.weight_hh_l0.copy_(module.weight("memory.state")[0].T)
        own.bias_ih_l0.copy_(module.weight("memory.input_bias")[0, 0])
        own.bias_hh_l0.copy_(module.weight("memory.state_bias")[0, 0])
    x = torch.from_numpy(normal(1, ROWS, SLOTS, INPUTS))
    states, _ = own(x[0])
    expected = states @ module.weight("output.weight")[0].detach() + module.weight("output.bias")[0].detach()
    y = module(x)
    assert_allclose(y[0].detach(), expected.detach(), rtol=1e-5, atol=1e-6)
    (y**2).sum().backward()
    (expected**2).sum().backward()
    assert_allclose(module.weight("memory.input").grad[0].T, own.weight_ih_l0.grad, rtol=1e-4, atol=1e-5)
    assert_allclose(module.weight("memory.state").grad[0].T, own.weight_hh_l0.grad, rtol=1e-4, atol=1e-5)


def test_copies_learn_apart():
    """The loss of one copy moves no weight of another."""
    module = make_module(copies=3, memory=4)
    module(torch.from_numpy(normal(3, ROWS, SLOTS, INPUTS)))[1].sum().backward()
    for name in module.network.shapes:
        gradient = module.weight(name).grad
        assert gradient[1].any()
        assert not gradient[0].any()
        assert not gradient[2].any()


def test_fold_by_hand():
    """Two rows of two agents over two slots; the agent stands in the tens, the slot in the ones, 100 per row."""
    x = torch.tensor([[[[11.0], [21.0]], [[12.0], [22.0]]], [[[111.0], [121.0]], [[112.0], [122.0]]]])
    assert fold(x, 1)[..., 0].tolist() == [[[11, 12], [21, 22], [111, 112], [121, 122]]]
    assert fold(x, 2)[..., 0].tolist() == [[[11, 12], [111, 112]], [[21, 22], [121, 122]]]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("lead", [(4,), (4, 5)])
@pytest.mark.parametrize("agents", [1, 3])
def test_unfold_is_the_inverse_of_fold(lead, agents, shared):
    x = torch.from_numpy(normal(*lead, agents, 2))
    assert torch.equal(unfold(fold(x, 1 if shared else agents), agents), x)


@pytest.mark.parametrize("copies", [1, 3])
def test_rows_lie_as_in_numpy(copies):
    x = normal(ROWS, 3, INPUTS)
    assert_array_equal(fold(torch.from_numpy(x), copies), networks.fold(x, copies))


@pytest.mark.parametrize("start", ["uniform", "orthogonal"])
def test_same_seed_same_weights(start):
    first, again, other = (make_module(seed, start, memory=4, copies=2).arrays() for seed in (0, 0, 1))
    for name, value in first.items():
        assert_array_equal(value, again[name])
        if start == "uniform" or not name.endswith("bias"):
            assert not np.array_equal(value, other[name])
            assert not np.array_equal(value[0], value[1])  # copies start apart


def test_no_global_seed_is_touched():
    before = torch.get_rng_state()
    make_module(start="orthogonal", memory=4)
    make_module(memory=4)
    assert torch.equal(torch.get_rng_state(), before)


def test_uniform_start_keeps_its_bound():
    """1 / sqrt(fan in): 3 inputs, then 5, then 7; 8 units for everything of the memory."""
    module = make_module(memory=8, copies=20)
    fan_in = {"hidden0": 3, "hidden1": 5, "memory": 8, "output": 8}
    for name, value in module.arrays().items():
        bound = 1.0 / math.sqrt(fan_in[name.partition(".")[0]])
        assert 0.9 * bound < np.abs(value).max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("last_gain", [1.0, 0.01])
def test_orthogonal_start_and_its_gains(last_gain):
    """W'W or WW', whichever is smaller, is gain^2 times the identity; biases are 0."""
    module = make_module(start="orthogonal", last_gain=last_gain, copies=2, memory=4)
    for name, value in module.arrays().items():
        if name.endswith("bias"):
            assert not value.any()
            continue
        gain = last_gain if name == "output.weight" else math.sqrt(2.0)
        for own in value:
            gram = own.T @ own if own.shape[0] >= own.shape[1] else own @ own.T
            assert_allclose(gram, gain**2 * np.eye(len(gram)), atol=1e-5 * gain**2)


@pytest.mark.parametrize("narrow", [{"inputs": 1}, {"hidden": (1,)}, {"hidden": (), "memory": 1}])
def test_orthogonal_start_of_a_layer_one_wide(narrow):
    """Weights with one row are no bias: rows of length gain."""
    for name, value in make_module(start="orthogonal", **narrow).arrays().items():
        if value.shape[1] == 1 and not name.endswith("bias"):
            gain = 1.0 if name == "output.weight" else math.sqrt(2.0)
            assert_allclose(np.linalg.norm(value), gain, rtol=1e-5)


def test_arrays_share_memory_with_the_parameters():
    """A step of an optimiser is seen by the numpy policy without a copy, and the other way round."""
    module = make_module(memory=4)
    arrays = module.arrays()
    assert list(arrays) == list(module.network.shapes)
    before = {name: value.copy() for name, value in arrays.items()}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.from_numpy(normal(1, ROWS, SLOTS, INPUTS))).sum().backward()
    optimizer.step()
    for name, value in arrays.items():
        assert_allclose(value, before[name] - 0.1 * module.weight(name).grad.numpy(), atol=1e-6)
        assert np.shares_memory(value, module.weight(name).detach().numpy())
    arrays["output.bias"][...] = 5.0
    assert module.weight("output.bias").detach().eq(5.0).all()


def test_load_copies():
    module, other = make_module(0, memory=4), make_module(1, memory=4)
    module.load(other.arrays())
    for name, value in module.arrays().items():
        assert_array_equal(value, other.arrays()[name])
        assert not np.shares_memory(value, other.arrays()[name])
    module.network.check(module.arrays(), "module")


def test_follow_by_hand():
    """target = 1, source = 3: a quarter of the way is 1.5; the whole way is 3; the source stays."""
    target, source = make_module(hidden=()), make_module(hidden=())
    for module, value in ((target, 1.0), (source, 3.0)):
        module.load({name: np.full(shape, value, np.float32) for name, shape in module.network.shapes.items()})
    for rate, expected in ((0.25, 1.5), (0.5, 2.25), (1.0, 3.0)):
        follow(list(target.parameters()), list(source.parameters()), rate)
        assert all(p.eq(expected).all() for p in target.parameters())
    assert all(p.eq(3.0).all() for p in source.parameters())


def test_follow_copies_in_full():
    target, source = make_module(0, memory=4), make_module(1, memory=4)
    follow(list(target.parameters()), list(source.parameters()))
    for old, new in zip(target.parameters(), source.parameters(), strict=True):
        assert torch.equal(old, new)
        assert old.data_ptr() != new.data_ptr()
        assert old.requires_grad
        assert old.grad_fn is None

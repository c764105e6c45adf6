"""Networks in blocks against the numpy forward pass, autograd and torch.optim.Adam."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from dtbench.learning.networks import Network
from dtbench.learning.ppo.stack import Stack
from dtbench.learning.torch_networks import StackedNetwork


def make_stack(activation="tanh", copies=3):
    network = Network(inputs=5, hidden=(7, 6), outputs=4, copies=copies, activation=activation)
    return Stack(network, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_forward_is_that_of_the_network(activation):
    stack, x = make_stack(activation), np.random.default_rng(0).standard_normal((3, 10, 5)).astype(np.float32)
    expected, _ = stack.network(stack.arrays(), x, stack.network.start(10))
    for copy in range(3):
        assert_allclose(stack.forward(copy, torch.from_numpy(x[copy]))[-1].numpy(), expected[copy], atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_steps_are_those_of_autograd_and_adam(activation):
    """Ten steps of copy 1 with the gradient cut at 0.5; the other copies stay as they are."""
    stack, generator = make_stack(activation), torch.Generator().manual_seed(1)
    twin = StackedNetwork(Network(**(stack.network.facts | {"copies": 1})), generator)
    twin.load({name: value[1:2] for name, value in stack.arrays().items()})
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.01)
    others = stack.flat[[0, 2]].clone()
    for _ in range(10):
        x, goal = torch.randn(20, 5, generator=generator), torch.randn(20, 4, generator=generator)
        optimiser.zero_grad()
        (0.5 * (twin(x[None])[0] - goal).square().sum()).backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        optimiser.step()
        layers = stack.forward(1, x)
        stack.backward(1, x, layers, layers[-1] - goal)
        stack.step(1, 0.01, 0.5)
    for name, value in twin.arrays().items():
        assert_allclose(stack.arrays()[name][1], value[0], atol=2e-6)
    assert_close(stack.flat[[0, 2]], others)
    assert stack.steps == [0, 10, 0]


def test_arrays_share_memory():
    stack = make_stack()
    arrays = stack.arrays()
    stack.flat.fill_(2.0)
    assert all((value == 2.0).all() for value in arrays.values())


def test_state_goes_round():
    first, second = make_stack(), make_stack()
    layers = first.forward(0, torch.ones(4, 5))
    first.backward(0, torch.ones(4, 5), layers, layers[-1])
    first.step(0, 0.1, 1.0)
    second.load(*first.state())
    assert_close(second.flat, first.flat)
    assert_close(second.moments, first.moments)
    assert second.steps == [1, 0, 0]


def test_memory_is_refused():
    with pytest.raises(ValueError, match="memory"):
        Stack(Network(inputs=2, hidden=(3,), outputs=1, memory=4), torch.Generator())

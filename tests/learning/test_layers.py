"""Gradients by hand against those of autograd through the same sums; Adam in one row against torch's."""

import gc
import itertools
import weakref

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dtbench.learning.adam import Adam
from dtbench.learning.layers import GatedUnit, Layers


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def weights_of(copies, sizes):
    pairs = itertools.pairwise(sizes)
    return [t for i, o in pairs for t in (normal(copies, i, o, seed=i), normal(copies, 1, o, seed=i + o))]


def plain(x, weights, activation, active):
    for number in range(len(weights) // 2):
        x = x @ weights[2 * number] + weights[2 * number + 1]
        if number < active:
            x = torch.relu(x) if activation == "relu" else torch.tanh(x)
    return x


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("active", [1, 2])
@pytest.mark.parametrize("outputs", [3, 20])
@pytest.mark.parametrize("copies", [1, 3])
def test_layers_have_the_gradients_of_autograd(copies, outputs, active, activation):
    x, weights = normal(copies, 7, 4, seed=1), weights_of(copies, (4, 6, outputs))
    slope = normal(copies, 7, outputs, seed=2).detach()
    expected, found = plain(x, weights, activation, active), Layers.apply(x, activation, active, *weights)
    assert_close(found, expected)
    for one, two in zip(*(torch.autograd.grad(y, [x, *weights], slope) for y in (found, expected)), strict=True):
        assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", ["hidden", "gated"])
def test_what_a_layer_keeps_goes_with_its_output(layer):
    """No circle that only the collector would find: one of a batch's states has many megabytes."""
    if layer == "hidden":
        x, weights = normal(1, 7, 4), weights_of(1, (4, 6))
        found = Layers.apply(x, "relu", 1, *weights)
    else:
        x, weights = normal(1, 4, 6, 3), [normal(1, *shape) for shape in ((3, 15), (5, 15), (1, 15), (1, 15))]
        found = GatedUnit.apply(x, *weights, None, True)
    gc.disable()
    try:
        context = weakref.ref(found.grad_fn)
        torch.autograd.grad(found.sum(), weights)
        del found
        assert context() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("copies", [1, 3])
def test_a_gated_unit_has_the_gradients_of_autograd(copies, given):
    units = 5
    x, memory = normal(copies, 4, 6, 3), normal(copies, 6, units, seed=1)
    weights = [normal(copies, n, 3 * units, seed=n) for n in (3, units)]
    weights += [normal(copies, 1, 3 * units, seed=7 + n) for n in range(2)]
    state, states = memory if given else torch.zeros_like(memory), []
    for now in x.unbind(1):
        seen, kept = now @ weights[0] + weights[2], state @ weights[1] + weights[3]
        gates = torch.sigmoid(seen[..., : 2 * units] + kept[..., : 2 * units])
        fresh = torch.tanh(seen[..., 2 * units :] + gates[..., :units] * kept[..., 2 * units :])
        state = fresh + gates[..., units:] * (state - fresh)
        states.append(state)
    expected = torch.stack(states, dim=1)
    found = GatedUnit.apply(x, *weights, memory if given else None, True)
    assert_close(found, expected)
    slope, leaves = normal(*found.shape, seed=9).detach(), [x, *weights, *([memory] if given else [])]
    for one, two in zip(*(torch.autograd.grad(y, leaves, slope) for y in (found, expected)), strict=True):
        assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_adam_in_one_row_steps_as_torchs_with_a_rate_per_group_and_gradients_cut():
    mine, theirs = ([nn.Parameter(normal(*s).detach()) for s in ((2, 3), (4,), (3, 1))] for _ in range(2))
    groups = [([0, 1], 1e-2), ([2], 1e-3)]
    ours = Adam([{"params": [mine[k] for k in part], "lr": rate} for part, rate in groups])
    torchs = torch.optim.Adam([{"params": [theirs[k] for k in part], "lr": rate} for part, rate in groups])
    for number in range(5):
        slopes = [normal(*p.shape, seed=10 * number + k).detach() for k, p in enumerate(mine)]
        for parameter, slope in zip(theirs, slopes, strict=True):
            parameter.grad = slope.clone()
        nn.utils.clip_grad_norm_(theirs, 1.0)
        torchs.step()
        ours.step(slopes, 1.0)
    for one, two in zip(mine, theirs, strict=True):
        assert_close(one.data, two.data)


def test_adam_goes_on_from_what_was_saved():
    def fresh():
        parameter = nn.Parameter(torch.ones(3))
        return parameter, Adam([{"params": [parameter], "lr": 0.1}])

    (one, first), (two, second) = fresh(), fresh()
    first.step([torch.tensor([1.0, -2.0, 3.0])])
    second.load(*first.state())
    two.data.copy_(one.data)
    for adam in (first, second):
        adam.step([torch.ones(3)])
    assert torch.equal(one, two)

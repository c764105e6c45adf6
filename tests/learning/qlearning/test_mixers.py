"""Sums, and QMIX: by hand, monotone, and as a sum with fixed weights."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from dtbench.learning.qlearning.mixers import QmixMixer, SumMixer

AGENTS, STATE = 3, 4


def make(seed=0, **sizes):
    return QmixMixer(AGENTS, STATE, torch.Generator().manual_seed(seed), **sizes)


def numbers(*shape, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def test_sum_by_hand():
    assert_allclose(SumMixer()(torch.tensor([[1.0, 2.0, 3.5]]), None), [6.5])


@pytest.mark.parametrize("hidden", [6, 0])
def test_qmix_is_the_formula(hidden):
    """w2(s)^T ELU(W1(s) q + b1(s)) + b2(s), each from the layers of its hypernetwork, one row at a time."""
    mixer, q, s = make(embedding=5, hidden=hidden), numbers(7, 2, AGENTS), numbers(7, 2, STATE, seed=2)
    found = mixer(q, s).detach()
    assert found.shape == (7, 2)

    def layers(module, x, relu):
        a = {name: torch.from_numpy(value)[0] for name, value in module.arrays().items()}
        if relu:
            x = torch.relu(x @ a["hidden0.weight"] + a["hidden0.bias"][0])
        return x @ a["output.weight"] + a["output.bias"][0]

    for b in range(7):
        for t in range(2):
            w1 = layers(mixer.first_weight, s[b, t], hidden > 0).abs().reshape(AGENTS, 5)
            w2 = layers(mixer.last_weight, s[b, t], hidden > 0).abs()
            b1, b2 = layers(mixer.first_bias, s[b, t], False), layers(mixer.last_bias, s[b, t], True)[0]
            expected = torch.nn.functional.elu(q[b, t] @ w1 + b1) @ w2 + b2
            assert_allclose(found[b, t], expected, rtol=1e-5, atol=1e-6)


def test_qmix_never_falls_in_an_agents_value():
    mixer, q = make(), (10.0 * numbers(200, AGENTS)).requires_grad_()
    (gradient,) = torch.autograd.grad(mixer(q, 5.0 * numbers(200, STATE, seed=2)).sum(), q)
    assert (gradient >= 0.0).all()
    assert (gradient > 0.0).any()


def test_qmix_uses_the_state():
    mixer, q = make(), numbers(1, AGENTS)
    assert mixer(q, numbers(1, STATE)) != mixer(q, numbers(1, STATE, seed=9))
    with pytest.raises(ValueError, match="mixes by the global state"):
        mixer(q, None)


def test_a_sum_is_qmix_with_fixed_weights():
    """W1 = one column of ones, b1 = c there so that ELU is the identity, w2 takes that column, b2 = -c."""
    mixer, c = make(), 20.0
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.zero_()
        mixer.first_weight.weight("output.bias").view(AGENTS, 32)[:, 0] = 1.0
        mixer.first_bias.weight("output.bias")[..., 0] = c
        mixer.last_weight.weight("output.bias")[..., 0] = 1.0
        mixer.last_bias.weight("output.bias").fill_(-c)
    q, s = numbers(50, AGENTS), numbers(50, STATE, seed=2)
    assert_allclose(mixer(q, s).detach(), SumMixer()(q, s), atol=1e-5)

"""Losses of imitation, by hand."""

import math

import numpy as np
import pytest
import torch
from torch import tensor

from dtbench.layout import Head, Layout, Part
from dtbench.learning.imitation import losses

NAN = math.nan


def test_choice_by_hand():
    """Scores (0, log 3): the second is taken with 3/4, the loss is log(4/3). A row without target teaches nothing."""
    score = tensor([[[0.0, math.log(3.0)], [5.0, 0.0]]])
    assert losses.choice(score, tensor([[[-1.0, 1.0], [NAN, NAN]]])).item() == pytest.approx(math.log(4.0 / 3.0))


def test_yes_by_hand():
    """Log-odds log 3 for a yes: log(4/3), for a no: log 4."""
    output = torch.full((3,), math.log(3.0))
    loss = losses.yes(output, tensor([1.0, -1.0, NAN])).item()
    assert loss == pytest.approx((math.log(4.0 / 3.0) + math.log(4.0)) / 2.0)


def test_value_by_hand():
    assert losses.value(tensor([1.0, 5.0, 2.0]), tensor([0.0, 2.0, NAN])).item() == pytest.approx(5.0)


def test_a_matching_keeps_to_the_room():
    """Six want the first of three, which has room for two: prices leave it hardly more, and the others cost nothing."""
    score = torch.zeros(1, 6, 3)
    score[..., 0] = 4.0
    fitted = losses.fitted(score, tensor([[2.0, 6.0, 6.0]]))
    share = torch.softmax(fitted, dim=-1).sum(dim=1)[0]
    assert share[0].item() == pytest.approx(2.0, abs=0.02)
    assert torch.equal(fitted[..., 1:], score[..., 1:])


def test_a_matching_with_room_for_all_is_a_choice():
    score = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(losses.fitted(score, torch.full((2, 3), 5.0)), score)


def test_what_is_not_allowed_is_not_chosen():
    """The best score is forbidden: of the two that are left, equal ones, each has 1/2."""
    pair = ("user", "node")
    layout = Layout({"user": 1, "node": 3}, (Part("ok", pair, 1),), (Head("pick", pair, "choice", allowed="ok"),))
    output = {"pick": tensor([9.0, 1.0, 1.0]).reshape(1, 1, 3, 1)}
    inputs = {"ok": tensor([0.0, 1.0, 1.0]).reshape(1, 1, 3, 1)}
    target = {"pick": tensor([-1.0, 1.0, -1.0]).reshape(1, 1, 3, 1)}
    loss = losses.total(layout, output, inputs, target, {"pick": torch.ones(1)})
    assert loss.item() == pytest.approx(math.log(2.0))


def test_heads_are_weighed_and_values_scaled():
    """Error 2 in units of 2 is 1, weighed with 3."""
    layout = Layout({"user": 1}, (), (Head("level", (), "value", weight=3.0),))
    loss = losses.total(layout, {"level": tensor([[4.0]])}, {}, {"level": tensor([[2.0]])}, {"level": tensor([2.0])})
    assert loss.item() == pytest.approx(3.0)


def test_nothing_taught_is_no_loss():
    assert losses.value(torch.ones(2), tensor([NAN, NAN])).item() == 0.0
    assert np.isfinite(losses.choice(torch.ones(1, 2, 2), torch.full((1, 2, 2), NAN)).item())

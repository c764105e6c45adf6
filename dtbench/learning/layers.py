"""Layers of stacked networks in torch with their gradients by hand: the numbers of autograd, in fewer passes.

All arrays have the copies of a network first: inputs (copies, rows, in), weights (copies, in, out), biases
(copies, 1, out). What is particular:

- Products are those of :mod:`dtbench.learning.products`.
- Activations replace what they are of, and so do their gradients.
- A hyperbolic tangent comes from a sigmoid, for which torch has a quick kernel on every processor: 1.5 times as fast as
  its own tangent, 2.3 times as fast as numpy's where there is no AVX-512.
- A gated unit's gradients of all slots are gathered first and then multiplied at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dtbench.learning.networks import Activation
from dtbench.learning.products import affine, by_input, by_weight

_relu_slope = torch.ops.aten.threshold_backward.grad_input
_tanh_slope = torch.ops.aten.tanh_backward.grad_input
_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input


def tanh_(x: Tensor) -> Tensor:
    """The hyperbolic tangent, ``2 sigmoid(2 x) - 1``, in place of an array without gradients; to 2e-7."""
    return x.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)


def forward(x: Tensor, weights: Sequence[Tensor], activation: Activation, active: int) -> list[Tensor]:
    """Values after every layer, for weights and biases in turn; the first ``active`` layers have an activation."""
    values = []
    for number in range(len(weights) // 2):
        x = affine(x, weights[2 * number], weights[2 * number + 1])
        if number < active:
            x = x.relu_() if activation == "relu" else tanh_(x)
        values.append(x)
    return values


def backward(
    x: Tensor, weights: Sequence[Tensor], values: Sequence[Tensor], slope: Tensor, activation: Activation, active: int,
    *, inputs: bool, parameters: bool = True,
) -> tuple[Tensor | None, list[Tensor]]:  # fmt: skip
    """Gradients of inputs and of weights and biases in turn, from that of the outputs (copies, rows, outputs).

    Parameters
    ----------
    x, weights, activation, active
        As :func:`forward` was given them.
    values
        What it gave; of outputs without an activation nothing is needed.
    inputs, parameters
        Which gradients are wanted.
    """
    gradients: list[Tensor] = []
    last = len(weights) // 2 - 1
    if active > last:
        slope = slope.clone()
    for number in range(last, -1, -1):
        if number < active and activation == "relu":
            _relu_slope(slope, values[number], 0.0, grad_input=slope)
        elif number < active:
            _tanh_slope(slope, values[number], grad_input=slope)
        if parameters:
            gradients += [slope.sum(dim=1, keepdim=True), by_weight(values[number - 1] if number else x, slope)]
        if number or inputs:
            slope = by_input(slope, weights[2 * number])
    return slope if inputs else None, gradients[::-1]


class Layers(torch.autograd.Function):
    """The last of :func:`forward`, with the gradient of :func:`backward`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, activation: Activation, active: int, *weights: Tensor) -> Tensor:
        values = forward(x, weights, activation, active)
        ctx.how = activation, active
        ctx.save_for_backward(x, *weights, *values[:active])
        return values[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        inputs, of_weights = ctx.needs_input_grad[0], ctx.needs_input_grad[3:]
        x, *saved = ctx.saved_tensors
        weights, values, parameters = saved[: len(of_weights)], saved[len(of_weights) :], any(of_weights)
        given, gradients = backward(x, weights, values, slope, *ctx.how, inputs=inputs, parameters=parameters)
        return (given, None, None, *(gradients if parameters else [None for _ in weights]))


class GatedUnit(torch.autograd.Function):
    """The states (copies, slots, rows, units) of a gated recurrent unit, see :func:`dtbench.learning.networks.gated`.

    Inputs are (copies, slots, rows, in), the weights of inputs (copies, in, 3 units) and of states, their biases
    (copies, 1, 3 units), the first memory (copies, rows, units), zeros if it is None, and whether a gradient follows.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, of_input: Tensor, of_state: Tensor, input_bias: Tensor, state_bias: Tensor,
        memory: Tensor | None, learns: bool,
    ) -> Tensor:  # fmt: skip
        (copies, slots, rows, _), units = x.shape, of_state.shape[1]
        sizes, memories = [2 * units, units], slots if learns else 1  # else each slot writes over the one before
        gates_in, new_in = (part.contiguous() for part in torch.split(of_input, sizes, dim=-1))
        gates_state, new_state = (part.contiguous() for part in torch.split(of_state, sizes, dim=-1))
        gates_bias, new_bias = (input_bias + state_bias)[..., : 2 * units], input_bias[..., 2 * units :]
        all_gates, all_kept, all_fresh = (
            x.new_empty(memories, copies, rows, width) for width in (2 * units, units, units)
        )
        states, state = x.new_empty(copies, slots, rows, units), memory
        for t in range(slots):
            gates, kept, fresh = all_gates[t % memories], all_kept[t % memories], all_fresh[t % memories]
            torch.baddbmm(gates_bias, x[:, t], gates_in, out=gates)
            torch.baddbmm(new_bias, x[:, t], new_in, out=fresh)
            if state is None:
                kept.copy_(state_bias[..., 2 * units :].expand_as(kept))
            else:
                gates.baddbmm_(state, gates_state)
                torch.baddbmm(state_bias[..., 2 * units :], state, new_state, out=kept)
            reset, update = torch.split(gates.sigmoid_(), units, dim=-1)
            tanh_(fresh.addcmul_(reset, kept))
            if state is None:
                torch.addcmul(fresh, update, fresh, value=-1.0, out=states[:, t])
            else:
                torch.lerp(fresh, state, update, out=states[:, t])
            state = states[:, t]
        # an output that the context held itself would hold the context, and both their memory
        ctx.save_for_backward(x, of_input, of_state, memory, all_gates, all_kept, all_fresh, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, of_input, of_state, memory, all_gates, all_kept, all_fresh, states = ctx.saved_tensors
        copies, slots, rows, units = states.shape
        new, both, kept = slice(units), slice(units, 3 * units), slice(units, 4 * units)
        along = x.new_empty(copies, slots, rows, 4 * units)  # by what is new, the two gates, the state's part of new
        later = torch.zeros_like(slope[:, 0])
        for t in reversed(range(slots)):
            before = states[:, t - 1] if t else memory
            gates, fresh, now = all_gates[t], all_fresh[t], along[:, t]
            here = later + slope[:, t]
            away = -fresh if before is None else before - fresh
            later = here * gates[..., units:]
            torch.mul(here, away, out=now[..., 2 * units : 3 * units])
            _tanh_slope(here.sub_(later), fresh, grad_input=now[..., new])
            torch.mul(now[..., new], all_kept[t], out=now[..., units : 2 * units])
            _sigmoid_slope(now[..., both], gates, grad_input=now[..., both])
            torch.mul(now[..., new], gates[..., :units], out=now[..., 3 * units :])
            if before is not None:
                torch.baddbmm(later, now[..., kept], of_state.mT, out=later)
        flat, seen = along.flatten(1, 2), x.reshape(copies, slots * rows, -1)
        if memory is None:
            earlier, used = states[:, :-1].flatten(1, 2), along[:, 1:, ..., kept].flatten(1, 2)
        else:
            earlier, used = torch.cat([memory[:, None], states[:, :-1]], dim=1).flatten(1, 2), flat[..., kept]
        order = torch.cat([of_input[..., 2 * units :], of_input[..., : 2 * units]], dim=-1)
        bias = flat.sum(dim=1, keepdim=True)
        weight = torch.bmm(seen.mT, flat[..., : 3 * units])
        return (
            torch.bmm(flat[..., : 3 * units], order.mT).view_as(x) if ctx.needs_input_grad[0] else None,
            torch.cat([weight[..., units:], weight[..., :units]], dim=-1),
            torch.bmm(earlier.mT, used),
            torch.cat([bias[..., both], bias[..., new]], dim=-1),
            bias[..., kept],
            later if ctx.needs_input_grad[5] else None,
            None,
        )

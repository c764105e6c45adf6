"""Speed of updates: layers with gradients by hand and Adam in one row, against autograd and torch's Adam.

The plain way, :class:`Plain`, is kept here only. Ratios are measured in one run, in CPU time on one thread, in turns.
"""

import statistics
import time

import pytest
import torch
from torch import nn

from dtbench.learning import products
from dtbench.learning.adam import Adam
from dtbench.learning.memory import keep_freed_memory
from dtbench.learning.networks import Network
from dtbench.learning.torch_networks import StackedNetwork

ROUNDS = 9
CASES = {  # of stin-deployment/paper, 20 users who see 30 numbers and choose of 5: copies, rows, slots, units of a GRU
    "128 transitions, shared": (1, 2560, 1, 0),
    "64 sequences, shared GRU": (1, 1280, 8, 64),
    "8 sequences, own GRUs": (20, 8, 8, 64),
}

pytestmark = pytest.mark.usefixtures("one_thread")


class Plain(StackedNetwork):
    """The same network by torch's products and autograd."""

    def forward(self, x, memory=None):
        lead, x = x.shape[:-1], x.flatten(1, 2)
        for number in range(len(self.network.hidden)):
            x = torch.baddbmm(self.weight(f"hidden{number}.bias"), x, self.weight(f"hidden{number}.weight")).relu()
        if self.network.memory:
            x = self.remember(x.view(*lead, -1)).flatten(1, 2)
        return torch.baddbmm(self.weight("output.bias"), x, self.weight("output.weight")).view(*lead, -1)

    def remember(self, x):
        units, states = self.network.memory, []
        state = x.new_zeros(len(x), x.shape[1], units)
        for now in x.unbind(2):
            given = torch.baddbmm(self.weight("memory.input_bias"), now, self.weight("memory.input"))
            kept = torch.baddbmm(self.weight("memory.state_bias"), state, self.weight("memory.state"))
            gates = torch.sigmoid(given[..., : 2 * units] + kept[..., : 2 * units])
            fresh = torch.tanh(given[..., 2 * units :] + gates[..., :units] * kept[..., 2 * units :])
            state = torch.lerp(fresh, state, gates[..., units:])
            states.append(state)
        return torch.stack(states, dim=2)


def seconds(*works):
    """Median CPU time of each work; they take turns."""
    measured = [[] for _ in works]
    for _ in range(ROUNDS + 1):
        for times, work in zip(measured, works, strict=True):
            start = time.process_time()
            for _ in range(5):
                work()
            times.append((time.process_time() - start) / 5)
    return [statistics.median(times[1:]) for times in measured]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.benchmark(group="update of values")
def test_update_against_autograd(benchmark, capsys, case):
    """Values, the target network's, a squared error, its gradient, cut, and Adam."""
    copies, rows, slots, memory = CASES[case]
    hidden = (64,) if memory else (64, 64)
    network = Network(inputs=30, hidden=hidden, outputs=5, memory=memory, copies=copies)
    x = torch.randn(copies, rows, slots, 30, generator=torch.Generator().manual_seed(1))
    plain, ours = (kind(network, torch.Generator().manual_seed(0)) for kind in (Plain, StackedNetwork))
    torch.testing.assert_close(plain(x), ours(x), rtol=1e-4, atol=1e-5)
    adams = torch.optim.Adam(plain.parameters(), lr=1e-4), Adam([{"params": ours.parameters(), "lr": 1e-4}])

    def loss(module):
        with torch.no_grad():
            goal = module(x).amax(dim=-1)
        return (module(x)[..., 0] - goal).square().mean()

    def by_autograd():
        adams[0].zero_grad()
        loss(plain).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 10.0)
        adams[0].step()

    def by_hand():
        adams[1].step(torch.autograd.grad(loss(ours), adams[1].parameters), 10.0)

    slow, fast = seconds(by_autograd, by_hand)
    kept = keep_freed_memory()
    slow_kept, fast_kept = seconds(by_autograd, by_hand)
    torch.testing.assert_close(list(plain.parameters()), list(ours.parameters()), rtol=1e-2, atol=1e-3)
    benchmark.pedantic(by_hand, rounds=3)
    benchmark.extra_info |= {"ratio": slow / fast, "ratio, memory kept": slow_kept / fast_kept, "ours_s": fast_kept}
    with capsys.disabled():
        print(
            f"\nupdate of {case}: autograd {1e3 * slow:.2f} ms, ours {1e3 * fast:.2f} ms: {slow / fast:.2f} times "
            f"faster; with freed memory kept ({kept}) {1e3 * slow_kept:.2f} and {1e3 * fast_kept:.2f} ms; "
            f"a training goes from the first to the last: {slow / fast_kept:.2f} times"
        )


@pytest.mark.parametrize("shape", [(128, 256, 256), (128, 640, 640), (2560, 64, 64)])
@pytest.mark.benchmark(group="a layer's three products")
def test_products_by_onednn(benchmark, capsys, monkeypatch, shape):
    """What a layer of rows, inputs and outputs is multiplied for: its sums, the gradients of weights and inputs."""
    if products.LINEAR is None:
        pytest.skip("torch's own products are taken on this machine")
    rows, inputs, outputs = shape
    x, slope = torch.rand(1, rows, inputs), torch.rand(1, rows, outputs)
    weight, bias = torch.rand(1, inputs, outputs), torch.rand(1, 1, outputs)

    def three():
        products.affine(x, weight, bias), products.by_weight(x, slope), products.by_input(slope, weight)

    def by_torch():
        with monkeypatch.context() as patch:
            patch.setattr(products, "LINEAR", None)
            three()

    benchmark(three)
    ours, torchs = seconds(three, by_torch)
    benchmark.extra_info["torch / oneDNN"] = torchs / ours
    with capsys.disabled():
        print(f"\nproducts of a layer {rows} x {inputs} x {outputs}: torch {torchs / ours:.2f} times oneDNN")

"""Distributions of actions against torch.distributions and autograd."""

import math

import pytest
import torch
from torch import Tensor, distributions
from torch.testing import assert_close

from dtbench.learning.ppo.distributions import BetaHead, CategoricalHead, CountedEntries, GaussianHead, polygammas


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def some(share, rows, width, generator):
    """Entries that count: about a share of them; in the first row none does."""
    counts = torch.rand(rows, width, generator=generator) < share
    counts[0] = False
    return counts


def reference(kind: str, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities and entropies per entry as torch.distributions has them."""
    first, second = outputs.reshape(len(outputs), 2, -1).unbind(1)
    if kind == "beta":
        softplus = torch.nn.functional.softplus
        found = distributions.Beta(1 + softplus(first), 1 + softplus(second))
    else:
        found = distributions.Normal(torch.sigmoid(first), second.exp())
    return found.log_prob(action), found.entropy()


def test_beta_by_hand():
    """softplus(o) = 1 for both: Beta(2, 2), density 6 x (1 - x) = 1.5 in the middle, entropy ln(1/6) + 5/3."""
    raw = math.log(math.e - 1.0)
    head = BetaHead(torch.tensor([[0.5]]), torch.tensor([[True]]))
    terms = head.evaluate(torch.tensor([[raw, raw]]))
    assert_close(terms.log_prob, torch.tensor([math.log(1.5)]))
    assert terms.entropy == pytest.approx(math.log(1 / 6) + 5 / 3, abs=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.8, 0.2])
@pytest.mark.parametrize("kind", ["beta", "gaussian"])
def test_reals_against_torch(kind, share, generator):
    rows, width = 40, 7
    outputs = torch.randn(rows, 2 * width, generator=generator, dtype=torch.float64, requires_grad=True)
    action = torch.rand(rows, width, generator=generator, dtype=torch.float64).clamp(0.01, 0.99)
    counts = torch.ones(rows, width, dtype=torch.bool) if share == 1.0 else some(share, rows, width, generator)
    weight = torch.randn(rows, generator=generator, dtype=torch.float64)
    log_prob, entropy = reference(kind, outputs, action)
    log_prob, entropy = (log_prob * counts).sum(-1), (entropy * counts).sum()
    ((weight * log_prob).sum() + 0.3 * entropy).backward()
    head = (BetaHead if kind == "beta" else GaussianHead)(action, counts)
    head.entries.weight = head.entries.weight.double()
    terms = head.evaluate(outputs.detach())
    assert_close(terms.log_prob, log_prob.detach(), rtol=1e-6, atol=2e-6)
    assert terms.entropy == pytest.approx(entropy.item(), abs=1e-4)
    assert_close(head.gradient(terms, weight, 0.3), outputs.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [(4,), (3, 3), (2, 5, 3)])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_categorical_against_torch(n, share, generator):
    rows = 50
    outputs = torch.randn(rows, sum(n), generator=generator, requires_grad=True)
    allowed = torch.rand(rows, sum(n), generator=generator) < 0.7
    starts = [sum(n[:e]) for e in range(len(n))]
    allowed[:, starts] = True
    action = torch.zeros(rows, len(n), dtype=torch.int64)  # the first value is always allowed
    counts = torch.ones(rows, len(n), dtype=torch.bool) if share == 1.0 else some(share, rows, len(n), generator)
    log_prob, entropy = torch.zeros(rows), torch.zeros(())
    for e, start in enumerate(starts):
        logits = outputs[:, start : start + n[e]].masked_fill(~allowed[:, start : start + n[e]], -1e9)
        own = distributions.Categorical(logits=logits)
        log_prob = log_prob + own.log_prob(action[:, e]) * counts[:, e]
        entropy = entropy + (own.entropy() * counts[:, e]).sum()
    weight = torch.randn(rows, generator=generator)
    ((weight * log_prob).sum() + 0.3 * entropy).backward()
    head = CategoricalHead(action, counts, allowed, n)
    terms = head.evaluate(outputs.detach())
    assert_close(terms.log_prob, log_prob.detach())
    assert terms.entropy == pytest.approx(entropy.item(), rel=1e-5)
    gradient = head.gradient(terms, weight, 0.3)
    assert_close(gradient, outputs.grad)
    assert (gradient[~allowed] == 0).all()


@pytest.mark.parametrize("kind", [BetaHead, GaussianHead])
def test_rows_without_an_entry_that_counts_weigh_nothing(kind, generator):
    counts = some(0.5, 20, 3, generator)
    head = kind(torch.rand(20, 3, generator=generator), counts)
    terms = head.evaluate(torch.randn(20, 6, generator=generator))
    gradient = head.gradient(terms, torch.ones(20), 1.0)
    assert terms.log_prob[0] == 0
    assert (gradient.reshape(20, 2, 3).movedim(1, 0)[:, ~counts] == 0).all()


def test_part_is_the_same_of_some_rows(generator):
    outputs, rows = torch.randn(30, 8, generator=generator), torch.arange(3, 20)
    head = BetaHead(torch.rand(30, 4, generator=generator), some(0.6, 30, 4, generator))
    assert_close(head.part(rows).evaluate(outputs[rows]).log_prob, head.evaluate(outputs).log_prob[rows])


def test_polygammas_against_torch():
    z = torch.cat([torch.linspace(1.0, 40.0, 2000), torch.logspace(1.5, 5.0, 200)]).double()
    log_gamma, psi, slope = polygammas(z)
    assert_close(log_gamma, torch.lgamma(z), rtol=1e-7, atol=1e-7)
    assert_close(psi, torch.digamma(z), rtol=1e-7, atol=1e-7)
    assert_close(slope, torch.polygamma(1, z), rtol=1e-6, atol=1e-9)


def test_polygammas_are_precise_in_single():
    z = torch.linspace(1.0, 60.0, 3000)
    for found, exact in zip(
        polygammas(z),
        (torch.lgamma(z.double()), torch.digamma(z.double()), torch.polygamma(1, z.double())),
        strict=True,
    ):
        assert_close(found.double(), exact, rtol=2e-5, atol=5e-6)


def test_entries_take_and_put_back(generator):
    value = torch.randn(6, 5, generator=generator)
    for counts in (some(0.2, 6, 5, generator), some(0.9, 6, 5, generator)):
        entries = CountedEntries(counts)
        assert_close(entries.put(entries.take(value)), value * counts)
        assert_close(entries.add(entries.take(value)), (value * counts).sum(-1))

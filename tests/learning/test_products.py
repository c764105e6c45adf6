"""Products by oneDNN, and by torch's own where it is not taken, against plain sums."""

import pytest
import torch
from torch.testing import assert_close

from dtbench.learning import products

SHAPES = [(3, 4, 5), (130, 64, 130), (130, 130, 64), (2000, 100, 6), (9000, 120, 1)]  # rows, in, out


@pytest.fixture(params=["oneDNN", "torch"])
def linear(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(products, "LINEAR", None)
    elif products.LINEAR is None:
        pytest.skip("torch's own products are taken on this machine")


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize(("rows", "inputs", "outputs"), SHAPES)
@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.usefixtures("linear")
def test_products_by_hand(copies, rows, inputs, outputs):
    x, weight, bias = normal(copies, rows, inputs), normal(copies, inputs, outputs), normal(copies, 1, outputs)
    slope = normal(copies, rows, outputs).roll(1)
    exact = x.double(), weight.double(), slope.double()
    close = {"rtol": 1e-5, "atol": 1e-4 * rows**0.5, "check_dtype": False}
    assert_close(products.affine(x, weight, bias), exact[0] @ exact[1] + bias, **close)
    assert_close(products.by_input(slope, weight), exact[2] @ exact[1].mT, **close)
    assert_close(products.by_weight(x, slope), exact[0].mT @ exact[2], **close)


def test_onednn_is_left_alone_where_it_is_slow(monkeypatch):
    """Small products, and arrays with gaps, for which it has no quick kernel."""
    asked = []
    monkeypatch.setattr(products, "LINEAR", lambda *_: asked.append(1) or torch.zeros(200, 100))
    wide = normal(1, 200, 300)
    products.affine(wide[..., :100], normal(1, 100, 100), normal(1, 1, 100))
    products.affine(normal(1, 20, 100), normal(1, 100, 100), normal(1, 1, 100))
    assert not asked
    products.affine(normal(1, 200, 100), normal(1, 100, 100), normal(1, 1, 100))
    assert asked

"""The naive form in Pyomo: the same optimum, and files of it."""

import pytest
from numpy.testing import assert_allclose

from dtbench.exact.export import write_linear, write_pyomo

from .hand import OFFLOADING, hand_slot, slots_of


@pytest.mark.parametrize("seed", range(2))
def test_the_naive_form_agrees(seed):
    slots = slots_of("tiny", seed)
    for t in range(3):
        strong, naive = (OFFLOADING.exact(slots[t], None, method) for method in ("strong", "reference"))
        assert naive.status == "optimal"
        assert_allclose(naive.objective, strong.objective, rtol=1e-6)
        assert naive.bound <= strong.objective * (1 + 1e-9)


@pytest.mark.parametrize("fmt", ["lp", "mps"])
def test_models_can_be_exported(tmp_path, fmt):
    write_pyomo(OFFLOADING.reference_model(hand_slot()), tmp_path / f"a.{fmt}", fmt)
    write_linear(OFFLOADING.linear_model(hand_slot()), tmp_path / f"b.{fmt}", fmt)
    text = (tmp_path / f"a.{fmt}").read_text()
    assert "c5" in text
    assert (tmp_path / f"b.{fmt}").stat().st_size > 1000

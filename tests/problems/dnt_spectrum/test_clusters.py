"""Clusters of base stations: their bound against optima, and what they leave to others."""

import time

import pytest

from dtbench.core import Limits
from dtbench.errors import Declined
from dtbench.problems import problem
from dtbench.problems.dnt_spectrum import clusters
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets

DNT = problem("dnt-spectrum")


def first(size, seed, **params):
    instance = DNT.generate(size, seed, **params)
    return DNT.slot(instance, 0, DNT.start(instance))


@pytest.mark.parametrize("params", [{}, {"error_scope": "block"}, {"rate_weight": 0.01}], ids=str)
@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_no_links_are_above_the_bound(params, seconds, monkeypatch):
    monkeypatch.setattr(clusters, "SIZE", 2)  # the three base stations are two clusters
    for seed in range(3):
        slot = first("small", seed, **params)
        best = DNT.exact(slot, Limits()).objective
        relaxed = clusters.relax(slot, time.perf_counter() + seconds)
        assert relaxed.bound >= best - 1e-9
        assert DNT.evaluate(slot, relaxed.links).feasible


def test_one_cluster_is_the_slot():
    for seed in range(3):
        slot = first("small", seed)
        relaxed = clusters.relax(slot, time.perf_counter() + 60.0)
        best = DNT.exact(slot, Limits())
        assert relaxed.bound == pytest.approx(best.objective, rel=2e-3)
        assert DNT.evaluate(slot, relaxed.links).objective >= best.objective * (1 - 2e-3)


def test_clusters_hold_every_base_station_once():
    slot = first("city", 0)
    stations = [m for _, part, _ in clusters.parts(slot) for m in part.tolist()]
    assert stations == list(range(50))
    assert max(own.n_bs for _, _, own in clusters.parts(slot)) <= clusters.SIZE


def test_what_looks_at_all_sets_declines():
    slot = first("city", 0)
    for method in ("patterns", "cpsat", "reference"):
        with pytest.raises(Declined, match="50 are more than 8"):
            DNT.exact(slot, Limits(), method)
    with pytest.raises(Declined, match="50 are more than"):
        ActiveSets.of(slot)
    instance = DNT.generate("city", 0)
    with pytest.raises(Declined, match="50 are more than"):
        DNT.exact_horizon(instance, Limits(), "whole")
    assert "uploads" not in DNT.encodings(instance)

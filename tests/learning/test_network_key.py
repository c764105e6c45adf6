import dataclasses

import numpy as np
import pytest

from dtbench.learning.network_key import kept, network_key, size_key
from dtbench.library import instances
from dtbench.problems import all_problems, problem

KEPT = {  # what fresh traces share with their network, by the problems' own laws
    "dnt-spectrum": {"p_move", "drift", "gain_cloud", "fading"},
    "edge-migration": {"bs_xy", "cpu_mean", "servers", "cap", "data_mean", "slack", "u_ref"},
    "edge-placement": set(),
    "mec-synchronization": {"bs_xy", "cycles", "speed_mean"},
    "satellite-offloading": {"gain", "f_sat", "deadline", "energy_limit"},
    "stin-deployment": set(),
}


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_what_a_problem_keeps(id):
    assert set(kept(problem(id), instances.load(f"{id}/paper-000"))) == KEPT[id]


@pytest.mark.parametrize("id", sorted(all_problems()))
def test_a_fresh_trace_has_the_key_of_its_network_and_another_network_has_not(id):
    owner = problem(id)
    instance = owner.generate("paper", 3)
    again = owner.resample(instance, np.random.default_rng(8))
    other = owner.generate("paper", 4, **({"world": 9} if id == "dnt-spectrum" else {}))
    assert network_key(owner, again) == network_key(owner, instance)
    assert (network_key(owner, other) == network_key(owner, instance)) == (not KEPT[id])
    assert size_key(owner, again) == size_key(owner, instance)


def test_a_file_has_the_key_of_what_was_written():
    owner = problem("edge-migration")
    stored = instances.load("edge-migration/paper-001")
    assert network_key(owner, stored) == network_key(owner, owner.generate("paper", stored.seed))


def test_parameters_count_and_the_last_digits_of_numbers_do_not():
    owner = problem("mec-synchronization")
    instance = owner.generate("tiny", 0)
    rounded = dataclasses.replace(instance, speed_mean=instance.speed_mean * (1.0 + 1e-15))
    moved = dataclasses.replace(instance, speed_mean=instance.speed_mean * (1.0 + 1e-6))
    changed = dataclasses.replace(instance, params=instance.params.replace({"arrival": 0.123}))
    assert network_key(owner, rounded) == network_key(owner, instance)
    assert len({network_key(owner, i) for i in (instance, moved, changed)}) == 3
    assert size_key(owner, moved) == size_key(owner, instance) != size_key(owner, changed)


def test_a_parameter_can_make_the_network_fresh():
    """Gains are drawn anew with ``fresh_geometry``; the satellites' processors follow from the parameters."""
    owner = problem("satellite-offloading")
    assert "gain" not in kept(owner, owner.generate("paper", 0, fresh_geometry=True))


def test_traces_of_one_world_have_one_key():
    """Two instances of the library that differ in their walk only, and one of another world."""
    owner = problem("dnt-spectrum")
    first, other_walk, other_world = (instances.load(f"dnt-spectrum/paper-00{k}") for k in (0, 5, 1))
    assert first.params.walk != other_walk.params.walk
    assert network_key(owner, first) == network_key(owner, other_walk) != network_key(owner, other_world)
    assert size_key(owner, first) == size_key(owner, other_walk) == size_key(owner, other_world)

"""The network of sets in numpy and torch."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from dtbench.errors import DtbenchError
from dtbench.layout import Head, Layout, Part
from dtbench.learning.imitation.network import SetNetwork
from dtbench.learning.imitation.torch_network import TorchSetNetwork


def layout(users, stations):
    """Parts and heads on pairs, users, stations and the whole."""
    both = ("user", "station")
    return Layout(
        {"user": users, "station": stations},
        (Part("pair", both, 3), Part("user", ("user",), 2), Part("station", ("station",), 1), Part("whole", (), 2)),
        (
            Head("pick", both, "choice"), Head("up", ("user",), "yes"), Head("open", ("station",), "yes"),
            Head("level", (), "value", 2),
        ),
    )  # fmt: skip


ALONE = Layout({"user": 5}, (Part("user", ("user",), 2), Part("whole", (), 1)),
               (Head("up", ("user",), "yes"), Head("level", (), "value")))  # fmt: skip


def made(sets, seed=0):
    """A torch network whose weights, scales too, are all at random."""
    network = TorchSetNetwork(SetNetwork.of(sets, 8, 3), torch.Generator().manual_seed(seed))
    rng = np.random.default_rng(seed)
    network.load({n: rng.normal(0.3, 0.4, s).astype(np.float32) for n, s in network.network.shapes.items()})
    return network


def inputs(sets, rows=4, seed=1):
    state = np.random.default_rng(seed).standard_normal((rows, sets.state_size)).astype(np.float32)
    return sets.split_state(state)


@pytest.mark.parametrize("sets", [layout(5, 3), layout(1, 1), ALONE])
def test_numpy_and_torch_agree(sets):
    network, x = made(sets), inputs(sets)
    y = network.network(network.arrays(), x)
    twin = network({name: torch.from_numpy(value) for name, value in x.items()})
    for head in sets.heads:
        assert y[head.name].dtype == np.float32
        assert y[head.name].shape == (4, *(sets.axes[a] for a in head.axes), head.outputs)
        assert_allclose(y[head.name], twin[head.name].detach().numpy(), rtol=2e-5, atol=2e-6)


def test_outputs_follow_users_and_stations():
    """Users and stations in another order give the same outputs in that order; the whole does not notice."""
    sets, rng = layout(6, 4), np.random.default_rng(2)
    network, x = made(sets), inputs(sets)
    user, station = rng.permutation(6), rng.permutation(4)
    moved = {
        "pair": x["pair"][:, user][:, :, station], "user": x["user"][:, user], "station": x["station"][:, station],
        "whole": x["whole"],
    }  # fmt: skip
    y, z = (network.network(network.arrays(), {n: np.ascontiguousarray(v) for n, v in a.items()}) for a in (x, moved))
    assert_allclose(z["pick"], y["pick"][:, user][:, :, station], rtol=1e-4, atol=1e-5)
    assert_allclose(z["up"], y["up"][:, user], rtol=1e-4, atol=1e-5)
    assert_allclose(z["open"], y["open"][:, station], rtol=1e-4, atol=1e-5)
    assert_allclose(z["level"], y["level"], rtol=1e-4, atol=1e-5)
    assert not np.allclose(y["up"], y["up"][:, user])


def test_twice_the_same_users_change_nothing():
    """Means do not know how many there are: the same weights take any number."""
    few, many = layout(3, 2), layout(6, 2)
    network, x = made(few), inputs(few)
    twice = x | {name: np.concatenate([x[name]] * 2, axis=1) for name in ("pair", "user")}
    assert SetNetwork.of(many, 8, 3) == network.network
    y, z = (network.network(network.arrays(), each) for each in (x, twice))
    assert_allclose(z["up"], np.concatenate([y["up"]] * 2, axis=1), rtol=1e-4, atol=1e-5)
    assert_allclose(z["level"], y["level"], rtol=1e-4, atol=1e-5)


def test_an_untrained_network_says_nothing():
    sets = layout(5, 3)
    network = TorchSetNetwork(SetNetwork.of(sets, 8, 3), torch.Generator().manual_seed(0))
    assert all(not y.any() for y in network.network(network.arrays(), inputs(sets)).values())


def test_facts_make_it_again():
    network = SetNetwork.of(layout(5, 3), 8, 2)
    assert SetNetwork(**network.facts) == network


def test_weights_that_do_not_fit_are_refused():
    network = made(layout(5, 3))
    arrays = dict(network.arrays())
    network.network.check(arrays, "here")
    with pytest.raises(DtbenchError, match=r"here: array 'layer1.here' is float32 \(2, 2\)"):
        network.network.check(arrays | {"layer1.here": np.zeros((2, 2), np.float32)}, "here")
    with pytest.raises(DtbenchError, match="'layer1.here' holds NaN"):
        network.network.check(arrays | {"layer1.here": np.full((8, 8), np.nan, np.float32)}, "here")
    del arrays["head.up.bias"]
    with pytest.raises(DtbenchError, match="'head.up.bias' is missing"):
        network.network.check(arrays, "here")

"""Slots of every problem with a decision, and what is drawn of them."""

import numpy as np
import pytest

from dtbench.picture import Bars, Links, Map, Part, Picture, Points, term


@pytest.fixture
def picture():
    """Two users at two stations; 2 + 1 of a cost of 3."""
    users, stations = np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([[1.0, 5.0], [8.0, 5.0]])
    layers = (
        Links("radio", users, stations, "blue", "dashed", np.array([1.0, 3.0]), arrow=True),
        Points("user", users, names=("0", "1")),
        Points("station", stations, "square", "green", 9.0, names=("S0", "S1"), needed=True),
    )
    bars = Bars(
        "users at each station", "", "station", ("S0", "S1"),
        (Part("near", np.array([1.0, 0.0]), "blue"), Part("far", np.array([0.0, 2.0]), "orange")),
        np.array([2.0, np.nan]), "most users",
    )  # fmt: skip
    return Picture(
        (Map("the network", layers, (-1.0, 10.0), (-1.0, 10.0)), bars),
        (term("near", 2.0, "blue"), term("far", 1.0, "orange")),
    )

"""Names that are offered for one that does not exist."""

import pytest

from dtbench.errors import LONGEST, near


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("tiny-00", "tiny-000"),  # several are as near: the first of them
        ("tiny-10", "tiny-010"),  # the nearest, not the first
        ("large-0", "large-000"),
    ],
)
def test_the_nearest_is_offered_and_the_first_of_several(name, offered):
    known = {f"tiny-{number:03d}" for number in range(11)} | {"large-000", "large-001"}
    assert near(name, known) == f" Did you mean '{offered}'?"


@pytest.mark.parametrize("name", ["qqq", "tiny-000" * LONGEST])
def test_nothing_is_near(name):
    assert near(name, ["tiny-000"]) == ""

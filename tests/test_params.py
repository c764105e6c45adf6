"""Declared scalars check themselves."""

from dataclasses import dataclass

import pytest

from dtbench.errors import DtbenchError
from dtbench.params import Options, Params, param


@dataclass(frozen=True, kw_only=True)
class Some(Params):
    count: int = param(3, "1", "how many", low=1, high=9)
    share: float = param(0.5, "1", "which part")
    mode: str = param("a", "1", "how", choices=("a", "b"))
    flag: bool = param(False, "1", "whether")


@dataclass(frozen=True, kw_only=True)
class Opts(Options):
    steps: int = param(1, "1", "steps")


def test_texts_are_read_as_the_field_type():
    some = Some().replace({"count": "4", "share": "1e-3", "mode": "b", "flag": "true"})
    assert some == Some(count=4, share=1e-3, mode="b", flag=True)
    assert type(some.count) is int


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"count": 0}, "parameter 'count' is 0; expected a number from 1 to 9"),
        ({"count": 2.5}, "parameter 'count' is 2.5; expected int"),
        ({"count": "x"}, "parameter 'count' is 'x'; expected int"),
        ({"share": float("inf")}, "parameter 'share' is inf"),
        ({"mode": "c"}, "parameter 'mode' is 'c'; expected one of a, b"),
        ({"flag": "perhaps"}, "parameter 'flag' is 'perhaps'; expected bool"),
        ({"shar": 1}, "unknown parameter 'shar'. Did you mean 'share'"),
    ],
)
def test_bad_values_name_the_field(values, words):
    with pytest.raises(DtbenchError, match=words):
        Some().replace(values)


def test_a_forgotten_decorator_is_an_error():
    class Bare(Options):
        steps: int = param(1, "1", "steps")

    with pytest.raises(TypeError, match="decorate Bare with @dataclass"):
        Bare()


def test_options_call_themselves_options():
    with pytest.raises(DtbenchError, match="unknown option 'step'. Did you mean 'steps'"):
        Opts().replace({"step": 2})


def test_one_value_can_be_checked_alone():
    assert Some.checked("count", "4") == 4
    assert Some.spec("count").high == 9
    with pytest.raises(DtbenchError, match="parameter 'count' is 10; expected a number from 1 to 9"):
        Some.checked("count", 10)
    with pytest.raises(DtbenchError, match="unknown parameter 'cont'. Did you mean 'count'"):
        Some.checked("cont", 1)

"""Names of pages and of solvers."""

from hypothesis import given
from hypothesis import strategies as st

from dtbench.reports.site.model import PLAIN, file_name, split, usual


@given(st.text())
def test_any_name_gives_a_plain_file(name):
    assert PLAIN.fullmatch(file_name(name))


def test_names_that_differ_have_files_that_differ():
    names = ["a b", "a-b", "A B", "a_b", "../a b", "x" * 300, "x" * 301, ""]
    assert len({file_name(name) for name in names}) == len(names)


def test_short_names_come_first():
    assert split("hungarian, always") == ("hungarian", "always")
    assert split("ppo (a=1, b=2)") == ("ppo", "a=1, b=2")
    assert split("nameless") == ("nameless", "")
    assert split("(strange") == ("(strange", "")


def test_the_usual_size():
    assert [usual(each) for each in (["tiny", "paper", "large"], ["tiny", "small"], [])] == ["paper", "small", ""]

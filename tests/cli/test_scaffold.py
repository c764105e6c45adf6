import pytest


def test_a_new_solver_passes_its_conformance_tests(dtbench, tmp_path):
    folder = tmp_path / "mine"
    made = dtbench("new-solver", "my-rule", "--solvers-path", folder)
    assert made.code == 0
    assert "dtbench check-solver my-rule --solvers-path" in made.err
    checked = dtbench("check-solver", "my-rule", "--solvers-path", folder)
    assert checked.code == 0, checked.out
    assert "FAIL" not in checked.out
    assert "my-rule" in dtbench("list", "solvers", "--solvers-path", folder).out


def test_a_solver_that_fails_exits_1(dtbench, tmp_path):
    (tmp_path / "bad.py").write_text('"""Raises."""\nfrom dtbench import Solver\nclass B(Solver):\n    name = "bad"\n')
    result = dtbench("check-solver", "bad", "--solvers-path", tmp_path)
    assert result.code == 1
    assert "implements neither decide nor plan" in result.out


@pytest.mark.parametrize(
    ("name", "words"),
    [("My Rule", "expected lower-case"), ("greedy", "solver 'greedy' exists already"), ("../x", "expected lower-case")],
)
def test_names(dtbench, tmp_path, name, words):
    result = dtbench("new-solver", name, "--solvers-path", tmp_path)
    assert result.code == 2
    assert words in result.err

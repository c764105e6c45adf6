"""For a problem that is not there."""

from dtbench.solver import Solver


class WrongProblem(Solver):
    name = "wrongproblem"
    problems = ("another-problem",)

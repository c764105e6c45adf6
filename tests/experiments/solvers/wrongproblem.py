"""For another problem than that of the tests."""

from dtbench.solver import Solver


class WrongProblem(Solver):
    name = "wrongproblem"
    problems = ("edge-migration",)

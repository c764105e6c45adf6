"""``toy-problem``: users are served by edge servers. A problem that works; make it yours, file by file."""

from .problem import ToyProblem

__all__ = ["PROBLEMS"]

PROBLEMS = (ToyProblem(),)

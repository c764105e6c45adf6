"""Everybody sends at full power, servers and wires split equally. The loudest policy."""

from dtbench.solver import Heuristic


class Full(Heuristic):
    name = "full"

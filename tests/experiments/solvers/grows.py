"""Takes memory piece by piece, in a process of its own."""

import subprocess
import sys

from dtbench.solver import Solver

CODE = """
held = []
while True:
    held.append(bytearray(b"x") * 2**24)
"""


class Grows(Solver):
    name = "grows"
    deterministic = True

    def decide(self, slot):
        subprocess.run([sys.executable, "-c", CODE], check=True)

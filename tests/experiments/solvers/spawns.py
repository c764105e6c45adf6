"""Starts processes that would outlive it, one of them in a session of its own, and writes down who they are."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dtbench.params import Options, param
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class SpawnsOptions(Options):
    file: str = param("", "1", "where the process ids go")
    wait: float = param(0.0, "s", "how long the first decision takes", low=0.0)


class Spawns(Solver):
    name = "spawns"
    deterministic = True
    Options = SpawnsOptions
    started = False

    def decide(self, slot):
        if not self.started:
            self.started = True
            sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
            ids = [subprocess.Popen(sleep, start_new_session=own).pid for own in (False, True)]
            part = Path(self.options.file + ".part")
            part.write_text(" ".join(map(str, ids)))
            part.rename(self.options.file)
            time.sleep(self.options.wait)
        return self.problem.Decision(node=np.zeros(slot.n_users, dtype=int))

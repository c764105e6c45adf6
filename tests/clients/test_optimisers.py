"""Black-box optimisers search a slot of satellite-offloading and better the rule that they start from."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "black_box.py"


def test_each_betters_the_rule_and_none_the_optimum(library):
    for name in ("cma", "nevergrad", "optuna", "pymoo"):
        library(name, what="searches a slot through the unit cube (examples/black_box.py)")
    run = subprocess.run([sys.executable, str(EXAMPLE), "1000"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    found = {line.split("  ")[0]: float(line.split()[-1]) for line in run.stdout.splitlines()}
    best, start = found.pop("proven optimum"), found.pop("min-delay, where they start")
    assert set(found) == {"cma", "nevergrad", "optuna", "pymoo"}
    for value in found.values():
        assert best - 1e-6 <= value <= start
    assert min(found.values()) < 0.98 * start

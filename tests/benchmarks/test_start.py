"""How long it takes until something can be asked: CPU seconds of an import and of a command's help, in processes.

Modules are compiled before the first measurement, as they are for users after their first call.
"""

import os
import resource
import subprocess
import sys

import pytest

ROUNDS = 5
CODE = {
    "numpy and gymnasium": "import numpy, gymnasium",
    "import dtbench": "import dtbench",
    "all six problems": "import dtbench; dtbench.all_problems()",
    "dtbench --help": "import sys; sys.argv = ['dtbench', '--help']; from dtbench.cli.main import main; main()",
    "dtbench run --help": (
        "import sys; sys.argv = ['dtbench', 'run', '--help']; from dtbench.cli.main import main; main()"
    ),
}


def cpu_seconds(code, compiled):
    """Least CPU time of a Python process that runs this; ``compiled`` is the folder of compiled modules."""
    told = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    told["PYTHONPYCACHEPREFIX"] = str(compiled)
    spent = []
    for _ in range(ROUNDS):  # the least is none that compiles
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=told)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


@pytest.mark.benchmark(group="start")
def test_start(benchmark, capsys, tmp_path):
    spent = {name: cpu_seconds(code, tmp_path) for name, code in CODE.items()}
    least = spent["numpy and gymnasium"]
    benchmark.pedantic(lambda: cpu_seconds(CODE["import dtbench"], tmp_path), rounds=1)
    benchmark.extra_info |= {name: seconds / least for name, seconds in spent.items()}
    with capsys.disabled():
        print()
        for name, seconds in spent.items():
            print(f"{name}: {seconds:.2f} s of CPU time, {seconds / least:.1f} times that of numpy and gymnasium")
    assert spent["import dtbench"] < spent["all six problems"]
    assert spent["dtbench --help"] < spent["dtbench run --help"]

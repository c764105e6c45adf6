"""How long it takes until something can be asked: CPU seconds of an import and of a command's help, in processes."""

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
}


def cpu_seconds(code):
    """Least CPU time of a Python process that runs this."""
    spent = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


@pytest.mark.benchmark(group="start")
def test_start(benchmark, capsys):
    spent = {name: cpu_seconds(code) for name, code in CODE.items()}
    least = spent["numpy and gymnasium"]
    benchmark.pedantic(lambda: cpu_seconds(CODE["import dtbench"]), rounds=1)
    benchmark.extra_info |= {name: seconds / least for name, seconds in spent.items()}
    with capsys.disabled():
        print()
        for name, seconds in spent.items():
            print(f"{name}: {seconds:.2f} s of CPU time, {seconds / least:.1f} times that of numpy and gymnasium")
    assert spent["import dtbench"] < spent["all six problems"]

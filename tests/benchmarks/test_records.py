"""Speed of checking: `leaderboard`, `verify` and `publish` of 10 000 fabricated records, cold and when nothing has
changed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

COUNT = int(os.environ.get("DTBENCH_BENCH_RECORDS", "10000"))
COMMANDS = ("verify", "leaderboard", "publish")
MAIN = "from dtbench.cli.main import main; main()"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records") / "results"
    subprocess.run([sys.executable, str(Path(__file__).with_name("fabricate.py")), str(folder), str(COUNT)], check=True)
    return folder


def seconds(command, results, cache, *options):
    """Wall clock of a command in a process of its own, as a user waits for it."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", MAIN, command, "--results", str(results), *options],
        stdout=subprocess.DEVNULL, check=True, env=os.environ | {"DTBENCH_CACHE": str(cache)},
    )  # fmt: skip
    return time.perf_counter() - began


@pytest.mark.parametrize("command", COMMANDS)
def test_ratio_of_warm_to_cold(results, command, tmp_path, capsys):
    """The aim on two cores: 10 s the first time, 2 s when nothing has changed; 10 s for a site of verified records."""
    options = ("-o", str(tmp_path / "site")) if command == "publish" else ()
    cold, warm, again = (seconds(command, results, tmp_path, *options) for _ in range(3))
    warm = min(warm, again)
    with capsys.disabled():
        print(
            f"\n{command} of {COUNT} records: {cold:.1f} s the first time, {warm:.1f} s unchanged: {cold / warm:.1f}x"
        )

"""Processes that check: the same result as in this one, whatever happens to them, and none is left."""

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from dtbench.experiments import checkers
from dtbench.experiments.check import check
from dtbench.experiments.verify import verify


@pytest.fixture(scope="module")
def results(shared_bench):
    shared_bench.run(shared_bench.write("slow", "raises", instances=["stin-deployment/tiny-00[01]"]))
    return shared_bench.store


def children():
    return [child for child in psutil.Process().children() if "checkers" in " ".join(child.cmdline())]


def test_the_same_in_processes_as_here(results):
    told = []
    report = verify(results.folder, lambda *step: told.append(step), remembered=False, workers=2)
    assert report == verify(results.folder, remembered=False, workers=1)
    assert told[-1] == (4, 4, "records")
    assert report.checked == 4
    assert not children()


FATAL = """
import os
from dtbench.experiments import check, checkers
def deadly(folder, part):
    if any("tiny-001--slow" in stem for stem in part):
        os._exit(7)
    print("solvers may print")
    return check.check(folder, part)
checkers.serve(deadly)
"""


def test_a_record_that_ends_its_checker_is_named_and_the_rest_goes_on(results, monkeypatch):
    monkeypatch.setattr(checkers, "START", f"import json, sys; sys.path[:] = json.loads(sys.argv[1])\n{FATAL}")
    part = dict.fromkeys(results.stems())
    (found,) = checkers.spread(results.folder, [part], 2, check)
    expected = check(results.folder, part)
    for stem in part:
        if "tiny-001--slow" in stem:
            assert found[stem] == ("checking it ended the process that did, with exit code 7", "")
        else:
            assert found[stem] == expected[stem]
    assert not children()


def test_giving_up_ends_the_processes(results):
    parts = [{stem: None} for stem in results.stems()]
    work = checkers.spread(results.folder, parts, 2, check)
    next(work)
    assert children()
    work.close()
    assert not children()


@pytest.mark.parametrize("closed", [(0,), (0, 1, 2)])
def test_standard_streams_may_be_closed(results, closed, tmp_path):
    """And a script without a main guard may call it, from a folder with modules of any name."""
    (tmp_path / "json.py").write_text("raise SystemExit('mine')")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nsys.path = [p for p in sys.path if p != sys.argv[2]]\n"
        "from dtbench.experiments.verify import verify\n"
        "report = verify(sys.argv[1], remembered=False, workers=2)\n"
        "open(sys.argv[2] + '/out', 'w').write(f'{report.checked} {report.ok}')\n"
    )

    def close():
        for descriptor in closed:
            os.close(descriptor)

    subprocess.run(
        [sys.executable, "-P", str(script), str(results.folder), str(tmp_path)],
        preexec_fn=close, cwd=tmp_path, check=True, timeout=300, env=os.environ | {"PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert (tmp_path / "out").read_text() == "4 True"


def test_ctrl_c_leaves_no_process(results, tmp_path):
    copy = shutil.copytree(results.folder, tmp_path / "many")
    script = (
        "import sys, time\nfrom dtbench.experiments import checkers\n"
        "work = checkers.spread(sys.argv[1], [{'x': None}] * 10**6, 2, None)\n"
        "print(next(work), flush=True)\nfor _ in work:\n    pass\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(copy)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        process.stdout.readline()
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 1
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        _, alive = psutil.wait_procs(below, timeout=20)
        assert not alive


HANGING = """
from pathlib import Path
from dtbench import hdf5_process
from dtbench.experiments import check, checkers
def reading(folder, part):
    results = check.check(folder, part)
    if any("tiny-001--slow" in stem for stem in part):
        hdf5_process.parse(Path(sys.argv[2]).read_bytes())
    return results
checkers.serve(reading)
"""


def test_decisions_that_the_hdf5_library_does_not_finish_with_are_named(results, monkeypatch, request):
    damaged = request.config.rootpath / "tests" / "data" / "damaged-hangs.nc"
    start = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); sys.argv.append({str(damaged)!r})\n{HANGING}"
    monkeypatch.setattr(checkers, "START", start)
    part = dict.fromkeys(results.stems())
    (found,) = checkers.spread(results.folder, [part], 2, check)
    (wrong,) = [reason for reason, _ in found.values() if "HDF5" in reason]
    assert wrong == "its decisions: the HDF5 library does not come to an end with them"
    assert not children()

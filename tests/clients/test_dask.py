"""A real scheduler and workers, as processes in other folders: nothing of the user's is there but what travels."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import luggage
from dtbench.experiments import run as runner
from dtbench.experiments.events import Finished, Resized, Started, TrainingAdvanced
from dtbench.experiments.plan import make_plan
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read
from dtbench.library import instances
from dtbench.problems import problem

HILL = Path(__file__).parents[1] / "learning" / "solvers" / "hill.py"
SOLVER = '''
"""Random decisions after a while; tells where it stands."""
import time
from pathlib import Path
from dtbench import Solver
from beside import PAUSE

class Away(Solver):
    name = "away"
    problems = ("stin-deployment",)

    def train(self):
        self.training = {"seconds": 0.0, "place": str(Path(__file__).parent)}

    def decide(self, slot):
        time.sleep(PAUSE)
        return self.problem.random_decision(self.instance, slot, self.rng)
'''


class Cluster:
    """A scheduler and workers that come and go."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.file = folder / "address.json"
        self.processes: list[subprocess.Popen] = []
        self.start("scheduler", "--port", "0", "--host", "127.0.0.1", *options)
        wait_for(self.file.is_file)
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, kind, *options, **environment):
        place = self.folder / f"{kind}{len(self.processes)}"
        place.mkdir()
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", str(self.file)]
        self.processes.append(
            subprocess.Popen(
                [*command, "--no-dashboard", *options], cwd=place, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=os.environ | {"DTBENCH_CACHE": str(place / "cache")} | environment,
            )
        )  # fmt: skip
        return self.processes[-1]

    def worker(self, **environment):
        return self.start("worker", "--nthreads", "1", "--host", "127.0.0.1", **environment)

    def wait(self, workers):
        """Until so many workers are there."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def dask(tmp_path_factory, library):
    library("distributed", what="a scheduler and workers that share no files with the run")
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()
    luggage.identity.cache_clear()


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    (home / "mine").mkdir(parents=True)
    (home / "mine" / "away.py").write_text(SOLVER)
    (home / "mine" / "beside.py").write_text("PAUSE = 0.05\n")
    instances.save(home / "own.nc", problem("stin-deployment").generate("tiny", 77))
    (home / "suite.toml").write_text(
        'name = "travels"\ninstances = ["stin-deployment/tiny-000", "own.nc"]\nseeds = 3\n'
        '[limits]\nseconds = 60\nmemory_gib = 2\n[[solvers]]\nname = "away"\n'
    )
    return home


def run(home, address, progress=None, **options):
    store = Store(home / "results")
    plan = make_plan(read(home / "suite.toml"), store, solvers_paths=[home / "mine"])
    return store, runner.run(plan, store, scheduler=address, progress=progress, **options)


def test_files_travel_and_a_killed_worker_is_replaced(dask, home):
    """Two workers; the first that is known to run is killed when the first cell has finished."""
    first, second = dask.worker(), dask.worker()
    told = []

    def listen(event):
        told.append(event)
        if isinstance(event, Finished) and first.poll() is None:
            os.kill(first.pid, signal.SIGKILL)

    store, summary = run(home, dask.address, listen)
    assert summary.statuses == {"ok": 6}
    assert first.wait(10) == -signal.SIGKILL
    assert second.poll() is None
    records, bad = store.scan()
    assert not bad
    places = {Path(record.method["training"]["place"]) for record in records}
    assert all(place.is_relative_to(dask.folder) for place in places)
    assert sum(isinstance(event, Started) for event in told) <= 6
    here = Store(home / "here")
    runner.run(make_plan(read(home / "suite.toml"), here, solvers_paths=[home / "mine"]), here, workers=1)
    assert [r.decisions_sha256 for r in records] == [r.decisions_sha256 for r in here.scan()[0]]


def test_workers_may_come_later_and_the_run_tells_how_many_there_are(dask, home):
    told = []
    timer = threading.Timer(1.0, dask.worker)
    timer.start()
    _, summary = run(home, dask.address, told.append, wait=60.0)
    timer.join()
    assert summary.statuses == {"ok": 6}
    assert Resized(1) in told


def test_a_cluster_without_workers_is_an_error_after_a_while(dask, home):
    with pytest.raises(DtbenchError, match=r"no worker, and none came within 0\.2 s.*--wait"):
        run(home, dask.address, wait=0.2)


def test_a_worker_of_another_dtbench_is_refused_by_name(dask, home, monkeypatch):
    """Our side takes itself for another version: to it, the worker has another one."""
    dask.worker()
    monkeypatch.setattr(luggage, "version", lambda name: "9.9")
    luggage.identity.cache_clear()
    with pytest.raises(
        DtbenchError, match=r"dtbench 9\.9 .* are refused: tcp://127\.0\.0\.1:\d+: dtbench 0\."
    ) as error:
        run(home, dask.address)
    assert "\n" not in str(error.value)
    assert not Store(home / "results").stems()


def test_the_same_without_a_dtbench(dask, home):
    """A worker that cannot even import it."""
    (dask.folder / "empty").mkdir()
    (dask.folder / "empty" / "dtbench.py").write_text("raise ImportError('none here')")
    dask.worker(PYTHONPATH=str(dask.folder / "empty"))
    dask.wait(1)
    with pytest.raises(DtbenchError, match=r"are refused: tcp://127\.0\.0\.1:\d+: "):
        run(home, dask.address)


def certificate(folder, program):
    """A key and a certificate that is its own authority."""
    openssl = program("openssl", package="openssl", version=["openssl", "version"], what="a cluster over TLS")
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=dtbench",
            "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def test_only_who_has_a_certificate_reaches_a_cluster_with_tls(tmp_path, home, library, program):
    """The commands of docs/scaling.md."""
    library("distributed", what="a cluster over TLS")
    cert, key = certificate(tmp_path, program)
    (tmp_path / "cluster").mkdir()
    tls = ("--tls-ca-file", str(cert), "--tls-cert", str(cert), "--tls-key", str(key))
    made = Cluster(tmp_path / "cluster", "--protocol", "tls", *tls)
    try:
        made.start("worker", "--nthreads", "1", "--host", "127.0.0.1", "--protocol", "tls", *tls)
        assert made.address.startswith("tls://")
        command = [
            Path(sys.executable).with_name("dtbench"), "run", "suite.toml", "--scheduler", made.address, "--seeds", "1",
            "--solvers-path", "mine", "--json",
        ]  # fmt: skip
        prefix = "DASK_DISTRIBUTED__COMM__"
        mine = {"REQUIRE_ENCRYPTION": "True", "TLS__CA_FILE": cert, "TLS__CLIENT__CERT": cert, "TLS__CLIENT__KEY": key}
        environment = os.environ | {prefix + name: str(value) for name, value in mine.items()}
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["statuses"] == {"ok": 2}
        command += ["--results", "others"]
        without = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=90)
        other, of_other = certificate(home, program)
        stranger = environment | {f"{prefix}TLS__CLIENT__CERT": str(other), f"{prefix}TLS__CLIENT__KEY": str(of_other)}
        refused = subprocess.run(command, cwd=home, env=stranger, capture_output=True, text=True, timeout=90)
        plain = [each.replace("tls://", "tcp://") if isinstance(each, str) else each for each in command]
        open_line = subprocess.run(plain, cwd=home, env=environment, capture_output=True, text=True, timeout=90)
        for result, words in (
            (without, "needs certificates"),
            (refused, "no Dask scheduler"),
            (open_line, "encrypted"),
        ):
            assert result.returncode == 2
            assert words in result.stderr
            assert "Traceback" not in result.stderr
    finally:
        made.close()


def test_policies_are_trained_on_workers_and_travel_to_others(dask, home):
    """Each worker has a cache of its own: what one has trained, the other is sent."""
    shutil.copy(HILL, home / "mine")
    (home / "suite.toml").write_text(
        'name = "learns"\ninstances = ["stin-deployment/tiny-00[0-3]", "own.nc"]\nseeds = 1\n'
        '[limits]\nseconds = 60\nmemory_gib = 2\n[[solvers]]\nname = "hill"\noptions = {episodes = 20, pause = 0.1}\n'
    )
    dask.worker(), dask.worker()
    dask.wait(2)
    told = []
    store, summary = run(home, dask.address, told.append)
    assert (dict(summary.trained), dict(summary.statuses)) == ({"ok": 1}, {"ok": 5})
    assert any(isinstance(event, TrainingAdvanced) for event in told)
    (training,) = store.policies.records()
    records, _ = store.scan()
    assert {r.method["training"]["checkpoint_sha256"] for r in records} == {training.policy_sha256}
    assert len(list(dask.folder.glob("worker*/cache/policies/*/*.safetensors"))) == 1

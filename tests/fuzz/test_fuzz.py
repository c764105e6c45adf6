"""Changed files of every kind: each is refused in one line, or read as it is; nothing raises, hangs or grows.

The same seed gives the same files. ``make test`` tries a few of each kind, ``make test-slow`` thousands, and prints a
table of what came out.
"""

import contextlib
import signal
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dtbench import files
from dtbench.errors import DtbenchError

from . import targets

SECONDS = 20.0  # for one file, whatever the load of the machine; most take milliseconds
MEMORY = 2**30  # bytes
KINDS = [
    "instance", "decisions", "record", "results", "suite", "sweep", "solver file", "learned solver file", "checksums",
    "best known", "plan", "policy", "predictor", "resume",
    "solution of mst", "solution of cbc", "solution of highs", "solution of cplex",
]  # fmt: skip
FEW = 25
MANY = {"results": 400, "solver file": 300, "learned solver file": 300}
SEED = 20_261


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return targets.make(tmp_path_factory.mktemp("originals"))


class Hangs(BaseException):
    """The time of one file is over."""


@contextlib.contextmanager
def limited():
    def stop(*_):
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judged(target, file):
    """What became of a file, and details where that is bad."""
    try:
        with limited():
            content = target.read(file)
    except DtbenchError as error:
        text = str(error)
        bad = (
            "" if text and "\n" not in text and len(text) < 2000 else f"error of {len(text)} characters: {text[:300]!r}"
        )
        return ("refused", "") if not bad else ("bad", bad)
    except Hangs:
        return "bad", "hangs"
    except Exception:
        return "bad", traceback.format_exc()[-1500:]
    if target.plain is None:
        return "read", ""
    plain = target.plain(file)
    differs = next(differences(content, plain), "")
    return ("bad", differs) if differs else ("read", "")


def differences(one, other, where="it"):
    """Where values differ, as files write them: 1 and 1.0 are one, lists and tuples too, True and 1 are not."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}.{number}")
    elif isinstance(one, float) and type(other) is int and one == float(other):
        return  # JSON has one kind of number
    elif one != other or isinstance(one, bool) != isinstance(other, bool):
        yield f"{where} is read as {one!r:.300}, but it is {other!r:.300}"


def peak():
    """Greatest memory of this process since :func:`forget`; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def forget():
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def fuzz(target, count, folder, rng):
    """Change, read and judge ``count`` files."""
    target.begin(folder)
    file = folder / target.name
    file.parent.mkdir(parents=True, exist_ok=True)
    outcomes, bad, before = Counter(), [], forget()
    for number in range(count):
        content = target.mutate(target.content, rng)
        file.write_bytes(content)
        outcome, details = judged(target, file)
        outcomes[outcome] += 1
        if details:
            bad.append(f"file {number}: {details}")
            (folder / f"bad-{number}").write_bytes(content)
    assert peak() - before < MEMORY
    return outcomes, bad


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch, request):
    """Tables of a library are read from a temporary one."""
    if request.getfixturevalue("kind") in ("checksums", "best known"):
        monkeypatch.setattr(files, "folder", lambda name: tmp_path)
    yield tmp_path
    targets.best_known.best_known.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_the_original_is_read(made, kind, in_a_folder):
    target = made[kind]
    target.begin(in_a_folder)
    file = in_a_folder / target.name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(target.content)
    assert judged(target, file) == ("read", "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_changed_files(made, kind, in_a_folder):
    outcomes, bad = fuzz(made[kind], FEW, in_a_folder, np.random.default_rng(SEED + KINDS.index(kind)))
    assert not bad, "\n".join(bad)
    assert outcomes["refused"] > 0 or kind in ("results", "solver file", "learned solver file", "resume")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_changed_files(made, kind, in_a_folder, capsys):
    count = MANY.get(kind, 1500)
    outcomes, bad = fuzz(made[kind], count, in_a_folder, np.random.default_rng([SEED, KINDS.index(kind)]))
    with capsys.disabled():
        print(f"\n{kind}: {count} files, {outcomes['refused']} refused, {outcomes['read']} read, {len(bad)} bad")
    assert not bad, f"{len(bad)} bad in {in_a_folder}:\n" + "\n".join(bad[:5])

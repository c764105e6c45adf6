import subprocess
from pathlib import Path

import pytest

from dtbench.experiments import provenance


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('File "/home/ann/.venv/lib/python3.12/site-packages/numpy/core.py", line 3', 'File "numpy/core.py", line 3'),
        ('File "/srv/x/dtbench/core.py"', 'File "dtbench/core.py"'),
        ('File "/home/ann/my solvers/a.py"', 'File "my solvers/a.py"'),
        ("dtbench run /tmp/a/suite.toml --results=/data/ann/out/", "dtbench run suite.toml --results=out"),
        ("dtbench run stin-deployment/tiny-* a/b.toml", "dtbench run stin-deployment/tiny-* a/b.toml"),
        ("3/4 of 1/2, see https://example.org/a/b", "3/4 of 1/2, see https://example.org/a/b"),
        ("red \x1b[31mtext\x07\nnext\tline", "red [31mtext\nnext\tline"),
    ],
)
def test_scrub(text, clean):
    assert provenance.scrub(text) == clean


def test_home_is_not_named():
    assert str(Path.home()) not in provenance.scrub(f"in {Path.home()}/x/y.py and {Path.home()}")


def test_commit_of_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance.files, "PACKAGE", tmp_path / "dtbench")
    provenance.commit.cache_clear()
    try:
        assert provenance.commit() is None
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        (tmp_path / "file").write_text("1")
        for step in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"]):
            subprocess.run(["git", "-C", str(tmp_path), *identity, *step], check=True)
        provenance.commit.cache_clear()
        clean = provenance.commit()
        assert len(clean) == 40
        (tmp_path / "file").write_text("2")
        provenance.commit.cache_clear()
        assert provenance.commit() == clean + "+dirty"
    finally:
        provenance.commit.cache_clear()


def test_collect_says_what_counts():
    found = provenance.collect("dtbench run /a/b/c.toml", "c", "0" * 64)
    assert found.command == "dtbench run c.toml"
    assert {"numpy", "scipy", "highspy"} <= set(found.versions)
    assert found.cpu
    assert found.started.endswith("+00:00")

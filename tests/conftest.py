"""What tests of several folders share."""

import sys

import pytest

from dtbench.problems import registry


@pytest.fixture
def few_problems(monkeypatch):
    """The problems as they are now; folders and packages that the test adds are forgotten when it ends."""
    monkeypatch.setattr(registry, "_named", list(registry._named))
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if not name.startswith("dtbench"):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """A cache for each test."""
    monkeypatch.setenv("DTBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))

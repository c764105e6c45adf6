"""Trainings in these tests keep their policies apart from the user's."""

import pytest

from dtbench.learning import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))

import json

import numpy as np
import pytest
import xarray as xr


def test_more_demonstrations_are_added_to_those_that_are_there(dtbench, tmp_path):
    call = ["demonstrations", "stin-deployment", "tiny", "--seed", "1", "--results", str(tmp_path / "d"), "--count"]
    first = json.loads(dtbench(*call, "1", "--json").out)
    assert (first["solver"], first["traces"], first["solved"], first["failures"]) == ("exact", 1, 1, [])
    with xr.open_dataset(first["file"], engine="h5netcdf") as found:
        before = found.load()
    again = dtbench(*call, "2")
    assert "2 of 2 traces, decided by exact" in again.out.replace("\n", " ")
    with xr.open_dataset(first["file"], engine="h5netcdf") as found:
        assert found.sizes["demonstration"] == 2
        assert found.isel(demonstration=[0]).load().equals(before)


@pytest.fixture
def datasets(monkeypatch, tmp_path):
    """Where Minari keeps its data in this test."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


@pytest.mark.parametrize("problem", ["stin-deployment", "edge-migration", "satellite-offloading"])
def test_a_minari_dataset_replays_to_what_was_demonstrated(dtbench, tmp_path, datasets, problem):
    """Categorical, real and mixed actions; the recorded actions earn the recorded rewards on the same traces."""
    import minari

    from dtbench import make_env

    call = ["demonstrations", problem, "tiny", "--seed", "2", "--count", "2", "--results", str(tmp_path / "d")]
    found = json.loads(dtbench(*call, "--minari", "mine/optimal-v0", "--json").out)["minari"]
    assert found["objective"] == pytest.approx(found["demonstrated"], rel=1e-6)
    data = minari.load_dataset("mine/optimal-v0")
    assert data.total_episodes == 2
    traces = sorted((tmp_path / "d" / "traces").glob("*.nc"))
    for file, episode in zip(traces, data.iterate_episodes(), strict=True):
        env = make_env(str(file), "gym", encoding=found["encoding"])
        seen, _ = env.reset()
        assert env.action_space == data.action_space
        for t, reward in enumerate(episode.rewards):
            np.testing.assert_array_equal(seen, episode.observations[t])
            actions = episode.actions
            action = {k: v[t] for k, v in actions.items()} if isinstance(actions, dict) else actions[t]
            seen, earned, terminated, truncated, _ = env.step(action)
            assert earned == pytest.approx(reward, rel=1e-9)
            assert (terminated, truncated) == (False, bool(episode.truncations[t]))
        assert episode.truncations[-1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--minari", "no version"], "expected NAMESPACE/NAME-vNUMBER"),
        (["--minari", "a/b-v0", "--encoding", "none"], "those that can: agents, search"),
    ],
)
def test_a_dataset_that_cannot_be_written_is_refused_before_anything_is_solved(
    dtbench, tmp_path, datasets, more, message
):
    call = ["demonstrations", "stin-deployment", "tiny", "--count", "1", "--results", str(tmp_path / "d")]
    found = dtbench(*call, *more)
    assert found.code != 0
    assert message in found.err.replace("\n", " ")
    assert not (tmp_path / "d").exists()


def test_a_dataset_is_not_written_over(dtbench, tmp_path, datasets):
    call = ["demonstrations", "stin-deployment", "tiny", "--count", "1", "--results", str(tmp_path / "d")]
    dtbench(*call, "--minari", "mine/again-v0")
    assert "minari delete mine/again-v0" in dtbench(*call, "--minari", "mine/again-v0").err.replace("\n", " ")


def test_dual_prices_are_kept_where_the_method_has_some(dtbench, tmp_path):
    """Migration: a price per slot and server, not negative; mec: of servers and wires; stin: none."""
    call = ["--count", "1", "--json", "--results"]
    moved = json.loads(dtbench("demonstrations", "edge-migration", "tiny", *call, str(tmp_path / "m")).out)
    with xr.open_dataset(moved["file"], engine="h5netcdf") as found:
        prices = found["price_place"]
        assert prices.dims[:2] == ("demonstration", "time")
        assert prices.shape[1] == found.sizes["time"]
        assert (prices.values >= 0.0).all()
    served = json.loads(dtbench("demonstrations", "mec-synchronization", "tiny", *call, str(tmp_path / "s")).out)
    with xr.open_dataset(served["file"], engine="h5netcdf") as found:
        stations = found["price_cpu"].shape[-1]
        assert found["price_wire"].shape == (1, found.sizes["time"], stations**2)
        assert np.nanmax(found["price_cpu"].values) > 0.0
    plain = json.loads(dtbench("demonstrations", "stin-deployment", "tiny", *call, str(tmp_path / "p")).out)
    with xr.open_dataset(plain["file"], engine="h5netcdf") as found:
        assert not [name for name in found if name.startswith("price")]

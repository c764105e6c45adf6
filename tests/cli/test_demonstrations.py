import json

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

import csv
import json

import pytest


def test_fresh_from_end_to_end(dtbench, tmp_path):
    """Random and greedy are no better than the optimum; the second run finds everything there."""
    call = [
        "fresh", "stin-deployment", "greedy", "random", "--size", "tiny", "--traces", "2", "--networks", "1", "--seeds",
        "2", "--results", str(tmp_path / "r"), "-o", str(tmp_path / "fresh.csv"), "--json",
    ]  # fmt: skip
    result = json.loads(dtbench(*call).out)
    greedy, random = result["methods"]
    assert (result["against"], result["networks"], result["traces"], result["failures"]) == ("exact", 1, 2, [])
    assert (len(greedy["seeds"]), len(random["seeds"])) == (1, 2)
    assert 1.0 <= greedy["ratio"] < random["ratio"]
    assert random["lower"] < random["ratio"] < random["upper"]
    with (tmp_path / "fresh.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["seed"]) for row in rows] == [("greedy", "0"), ("random", "0"), ("random", "1")]
    assert float(rows[0]["ratio"]) == pytest.approx(greedy["ratio"])
    assert json.loads(dtbench(*call).out)["methods"] == result["methods"]

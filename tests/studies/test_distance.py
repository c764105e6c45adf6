"""The picture of the README: distances follow from ratios and the problem's sense."""

import pytest

from .scripts import ROOT, script

distance = script("studies", "distance")

HEAD = "problem,size,method,against,networks,traces,seed,ratio"


def test_distances_by_hand(tmp_path):
    """1.1 of a least is 10 % away, 0.9 of a greatest too; other traces of a method are another experiment."""
    lines = [
        "stin-deployment,paper,vdn,optimum,1,10,0,1.08",
        "stin-deployment,paper,vdn,optimum,1,10,1,1.12",
        "edge-migration,paper,vdn,local-search,1,10,0,0.9",
        "edge-migration,paper,vdn,local-search,5,10,0,0.1",
    ]
    (tmp_path / "fresh.csv").write_text("\n".join([HEAD, *lines]), encoding="utf-8")
    found = distance.distances(tmp_path / "fresh.csv")
    assert found["stin-deployment"] == ("optimum", {"vdn": pytest.approx(10.0)})
    assert found["edge-migration"] == ("local-search", {"vdn": pytest.approx(10.0)})


def test_the_picture_names_every_method_with_its_distance():
    found = distance.distances(ROOT / "studies" / "fresh.csv")
    (axes,) = distance.draw(found).axes
    texts = {text.get_text() for text in axes.texts}
    for name, methods in distance.PAPERS.items():
        for method in (*methods, "random"):
            assert f"{method} {distance.percent(found[name][1][method])}" in texts

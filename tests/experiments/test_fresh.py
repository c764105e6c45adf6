"""Methods on fresh traces: files that are the same again, ratios by hand, and the command from end to end."""

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import fresh
from dtbench.library import instances
from dtbench.plugins.discovery import discover
from dtbench.problems import problem

ENTRIES = discover()


class Cell:
    def __init__(self, label, seed, instance):
        self.label, self.seed, self.instance = label, seed, instance


class Record:
    def __init__(self, label, seed, instance, objective):
        self.cell, self.objective = Cell(label, seed, instance), objective


def test_scores_by_hand():
    """Optimum 2 and 4; seed 0 has 3 and 4: (1.5 + 1) / 2 = 1.25; seed 1 has 2 and nothing: 1, and one is missing."""
    records = [
        Record("exact", 0, "a", 2.0), Record("exact", 0, "b", 4.0), Record("mine", 0, "a", 3.0),
        Record("mine", 0, "b", 4.0), Record("mine", 1, "a", 2.0), Record("mine", 1, "b", None),
    ]  # fmt: skip
    (mine,) = fresh.scores(records, ["mine"], "exact")
    assert (mine.means, mine.missing) == ((1.25, 1.0), 1)


def test_methods_have_options():
    (table,) = fresh.methods(["vdn:preset=paper,episodes=8"], ENTRIES, "stin-deployment")
    assert (table.name, table.title) == ("vdn", "vdn:preset=paper,episodes=8")
    assert table.options == {"preset": "paper", "episodes": "8"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vdnn", "unknown solver 'vdnn'. Did you mean 'vdn'"),
        ("vdn:epsiodes=8", "has no option 'epsiodes'. Did you mean 'episodes'"),
        ("vdn:episodes", "'episodes' has no value"),
        ("stay", "solver 'stay' does not take problem 'stin-deployment'"),
    ],
)
def test_wrong_methods_are_refused(text, message):
    with pytest.raises(DtbenchError, match=message.replace(".", r"\.")):
        fresh.methods([text], ENTRIES, "stin-deployment")


def test_traces_are_fresh_and_the_same_again(tmp_path):
    owner = problem("dnt-spectrum")
    tables = fresh.methods(["greedy"], ENTRIES, owner.id)
    for folder in ("a", "b"):
        suite = fresh.prepare(owner, "tiny", tables, tmp_path / folder, traces=2, seeds=1, most_networks=2)
        assert [i.name for i in suite.instances()] == [
            "tiny-network0-trace000.nc", "tiny-network0-trace001.nc", "tiny-network1-trace000.nc",
            "tiny-network1-trace001.nc",
        ]  # fmt: skip
    library = {instances.sha256_of(name) for name in instances.names(owner.id)}
    for file in sorted((tmp_path / "a" / "traces").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / "traces" / file.name).read_bytes()
        assert instances.sha256_of(file) not in library


def test_networks_are_drawn_where_the_library_has_none(tmp_path):
    """Closed loops: five networks, and not one that another one is."""
    owner = problem("mec-synchronization")
    assert not instances.names(owner.id, "closed-tiny")
    tables = fresh.methods(["greedy"], discover(), owner.id)
    fresh.prepare(owner, "closed-tiny", tables, tmp_path, traces=1, seeds=1, most_networks=2)
    first, second = (instances.load(file) for file in sorted((tmp_path / "traces").iterdir()))
    assert first.params.closed
    assert not np.array_equal(first.speed_mean, second.speed_mean)
    assert len(fresh.networks(owner, "closed-tiny")) == fresh.DRAWN

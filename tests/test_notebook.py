"""HTML for notebooks, and an output that is drawn anew in place."""

import sys
import types

import numpy as np
import pytest

import dtbench
from dtbench import notebook
from dtbench.cli import progress
from dtbench.cli.output import stderr


@pytest.fixture
def shown(monkeypatch):
    """What a kernel would have shown: for each output, all its contents in order."""
    outputs = []

    class Handle:
        def __init__(self, data):
            outputs.append([data])
            self.mine = outputs[-1]

        def update(self, data, raw):
            assert raw
            self.mine.append(data)

    def display(data, raw, display_id):
        assert raw
        assert display_id
        return Handle(data)

    module = types.ModuleType("IPython")
    module.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    inner = types.ModuleType("IPython.display")
    inner.display = display
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    return outputs


def test_here(monkeypatch, shown):
    assert notebook.here()
    sys.modules["IPython"].get_ipython = lambda: object()  # at a terminal
    assert not notebook.here()
    sys.modules["IPython"].get_ipython = lambda: None  # a library imported it
    assert not notebook.here()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.here()


def test_texts_are_escaped():
    made = notebook.table("a <b>", ["<i>"], [["x & y", 1.5]]) + notebook.bar(1, 2, "<s>", ["<u>"])
    assert not any(tag in made for tag in ("<b>", "<i>", "<s>", "<u>"))
    assert "x &amp; y" in made
    assert 'value="1" max="2"' in made


def test_a_short_piece_of_work_shows_nothing(shown, capsys):
    with progress.steps(stderr, "reading") as step:
        step(1, 2, "files")
    assert shown == []
    assert capsys.readouterr().err == ""


def test_work_is_one_output(shown, monkeypatch):
    """However often it is drawn, and the last drawing says that all is done."""
    clock = iter(np.arange(0.0, 1e6, 0.7))
    monkeypatch.setattr(progress, "Pace", lambda: dtbench.progress.Pace(lambda: float(next(clock))))
    with progress.steps(stderr, "reading") as step:
        for done in range(1, 4):
            step(done, 3, "files")
    [output] = shown
    assert output[-1]["text/plain"].startswith("reading: 3/3 files")
    assert 'value="3" max="3"' in output[-1]["text/html"]


def test_a_run_is_one_output(shown, tmp_path, capsys):
    suite = tmp_path / "one.toml"
    suite.write_text(
        'name = "one"\ntitle = "t"\ndescription = "d"\ninstances = ["stin-deployment/tiny-000"]\nseeds = 1\n'
        '[[solvers]]\nname = "greedy"\n',
        encoding="utf-8",
    )
    dtbench.run(suite, results=tmp_path / "results", workers=1)
    [output] = shown
    assert output[-1]["text/plain"].startswith("1/1 cells, 1 ok, ")
    assert capsys.readouterr().err == ""
    dtbench.run(suite, results=tmp_path / "results", workers=1)
    assert len(shown) == 1  # nothing was left to run


def test_short_reprs():
    owner = dtbench.problem("stin-deployment")
    instance = dtbench.load("stin-deployment/tiny-000")
    slot = owner.slot(instance, 0, owner.start(instance))
    decision = owner.random_decision(instance, slot, np.random.default_rng(0))
    assert repr(instance) == "<Instance stin-deployment/tiny-000: user 5, end_device 2, time 10>"
    assert repr(owner).startswith(
        "<Problem stin-deployment: Digital-twin deployment in a satellite-terrestrial network;"
    )
    assert repr(decision) == "<StinDecision: node (5,)>"
    assert repr(slot).startswith("<StinSlot: cycles_per_bit (5,)")
    for item in (instance, owner, decision, slot, owner.start(instance)):
        assert len(repr(item)) < 400
        assert "<table>" in item._repr_html_()
    assert "processor of the own device" in instance._repr_html_()
    fresh = owner.resample(instance, np.random.default_rng(0), (3,))
    assert "a batch of (3,)" in repr(fresh)


def test_environments_show_themselves():
    env = dtbench.make_env("stin-deployment/tiny", form="vector", n_envs=3)
    assert repr(env) == "<BatchVectorEnv stin-deployment/tiny: 3 copies, 5 agents, fresh traces>"
    assert str(env) == repr(env)
    core = dtbench.make_env("mec-synchronization/tiny-000")
    assert repr(core) == "<BatchEnv mec-synchronization/tiny-000: 1 copy, 7 agents, its own trace>"
    assert "10 real numbers in [0, 1]" in core._repr_html_()
    assert "one of" in env._repr_html_()

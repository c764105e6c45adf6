"""Every shipped agent that learns goes on after an interruption to the weights that it would have had."""

import pytest

from dtbench.learning import cache
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem

pytest.importorskip("torch")

LEARNED = {name: entry for name, entry in discover().items() if entry.trains}
BRIEF = {"episodes": 12, "validate_every": 1, "traces": 1, "parallel": 4, "warmup": 1}


@pytest.mark.parametrize("name", LEARNED)
def test_an_interrupted_training_goes_on_to_the_same_weights(name, monkeypatch):
    monkeypatch.setattr(cache, "SHARE", 0.0)
    entry = LEARNED[name]
    owner = problem(next(id for id in reversed(all_problems()) if entry.takes(id)))
    known = {option.name for option in entry.options}
    options = {key: value for key, value in BRIEF.items() if key in known}
    if name == "imitation-ppo":
        options["alike"] = 2  # copies of a trace; so four at once are a round

    def agent(**more):
        made = load_solver(entry)(owner, owner.generate("tiny", 3), seed=1, **options, **more)
        made.tell = lambda _: None
        return made

    def interrupt(progress):
        if progress.round == 2:
            raise KeyboardInterrupt

    whole, _ = agent(cache=False).obtain(lambda _: None)
    assert whole.header.rounds > 2
    with pytest.raises(KeyboardInterrupt):
        agent().obtain(interrupt)
    rounds = []
    found, source = agent().obtain(lambda progress: rounds.append(progress.round))
    assert (source, rounds[0]) == ("trained", 3)
    assert [p.objective for p in found.header.curve] == [p.objective for p in whole.header.curve]
    assert all(found.arrays[key].tobytes() == value.tobytes() for key, value in whole.arrays.items())

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dtbench.envs import BatchEnv
from dtbench.errors import Declined, DtbenchError
from dtbench.learning import checkpoint
from dtbench.learning.training import ordered
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import play

STIN, MEC, DNT = (problem(id) for id in ("stin-deployment", "mec-synchronization", "dnt-spectrum"))
SOLVERS = Path(__file__).parent / "solvers"
QUICK = {"episodes": 2, "traces": 2}


def trained(hill, instance, **options):
    agent = hill(problem(instance.problem), instance, **QUICK | options)
    agent.tell = lambda _: None
    agent.train()
    return agent


def test_presets_and_options(hill):
    instance = STIN.generate("tiny", 3)
    options = [hill(STIN, instance, **given).options for given in ({}, {"preset": "paper"}, {"step": "0.1"})]
    assert [(o.episodes, o.step, o.traces) for o in options] == [(6, 0.5, 2), (4, 0.2, 20), (6, 0.1, 2)]
    assert hill(DNT, DNT.generate("tiny", 3), preset="paper").options.step == 0.3
    with pytest.raises(DtbenchError, match="unknown option 'stepp'. Did you mean 'step'"):
        hill(STIN, instance, stepp=1)
    with pytest.raises(Declined, match="does not take problem 'edge-placement'"):
        hill(problem("edge-placement"), problem("edge-placement").generate("tiny", 3))


@pytest.mark.parametrize("owner", [STIN, DNT], ids=lambda p: p.id)
def test_deciding_is_what_the_policy_does_in_the_environment(hill, owner):
    """The referee drives the solver; the environment drives the same policy: the same objectives, slot by slot."""
    instance = owner.generate("tiny", 3)
    agent = trained(hill, instance)
    scores = play(owner, instance, agent).scores
    env = BatchEnv(owner, instance)
    seen, memory, objective = env.reset(), agent.policy.start(1), []
    for _ in range(env.horizon):
        x, memory = agent.policy.act(seen, memory, next_mask=ordered(env))
        step = env.step(x)
        seen = step.observation
        objective.append(step.info["objective"][0])
    np.testing.assert_allclose(scores.objective, objective, rtol=1e-12)
    assert not scores.repaired.any()


class Counting:
    """A policy of no weights that counts its slots in its memory, and tells what it was given."""

    def __init__(self, encoding):
        self.encoding, self.calls = encoding, []

    def start(self, rows):
        return {"count": np.zeros(rows)}

    def act(self, seen, memory, *, rng=None, explore=0.0, next_mask=None):
        self.calls.append((memory["count"][0], rng, explore, next_mask, seen))
        return self.encoding.sample(np.random.default_rng(0), (1,)), {"count": memory["count"] + 1}


@pytest.mark.parametrize("evaluation", ["greedy", "sampled"])
def test_memory_is_carried_and_sampling_draws_from_the_solvers_generator(hill, evaluation):
    instance = STIN.generate("tiny", 3)
    agent = trained(hill, instance, evaluation=evaluation)
    agent.policy = Counting(STIN.encodings(instance)["agents"])
    agent._memory = agent.policy.start(1)
    play(STIN, instance, agent)
    counts, generators, explored, _, _ = zip(*agent.policy.calls, strict=True)
    assert counts == tuple(range(instance.horizon))
    expected = (agent.rng, 1.0) if evaluation == "sampled" else (None, 0.0)
    assert {(id(g), e) for g, e in zip(generators, explored, strict=True)} == {(id(expected[0]), expected[1])}


@pytest.mark.parametrize("owner", [STIN, DNT], ids=lambda p: p.id)
def test_agents_that_choose_in_order_are_given_the_masks_of_those_before(hill, owner):
    instance = owner.generate("tiny", 3)
    env = BatchEnv(owner, instance)
    agent = hill(owner, instance)
    agent.policy = Counting(env.encoding)
    agent._memory = agent.policy.start(1)
    agent.decide(owner.slot(instance, 0, owner.start(instance)).copied())
    masks = agent.policy.calls[0][3]
    assert (masks is None) == (owner.next_mask(env.slot, np.zeros((1, env.encoding.size), int), 0) is None)


def test_changed_parameters_are_seen_by_agents_and_not_by_the_referee(hill):
    """The weight of cost is 0.3; agents are trained, and rewarded, with another, and the referee keeps its own."""
    instance = STIN.generate("tiny", 3)
    agent = trained(hill, instance, env="w_cost=0.9")
    assert agent.template.params.w_cost == 0.9
    agent.policy = Counting(STIN.encodings(instance)["agents"])
    agent._memory = agent.policy.start(1)
    slot = STIN.slot(instance, 0, STIN.start(instance))
    agent.decide(slot)
    assert agent.view(agent.instance).params.w_cost == 0.9
    assert slot.params.w_cost == instance.params.w_cost == 0.3
    assert agent.instance.params.w_cost == 0.3
    validation = trained(hill, instance, env="w_cost=0.9").training["validation"]
    plain = trained(hill, instance).training["validation"]
    assert validation["reward"] != plain["reward"]


def test_training_on_other_networks_of_the_size(hill, monkeypatch):
    monkeypatch.setattr(hill, "problems", None)
    instance = MEC.generate("tiny", 3, arrival=0.5)
    agent = hill(MEC, instance, scope="size", env="reward=xi")
    env = agent.play_in(3)
    env.reset()
    assert env.instances.batch_shape == (3,)
    assert env.instances.params == agent.template.params
    assert (env.instances.params.arrival, env.instances.params.reward) == (0.5, "xi")
    speeds = env.instances.speed_mean
    assert len(np.unique(speeds[:, 0])) == 3
    env.reset()
    assert not np.isin(env.instances.speed_mean, speeds).any()
    again = hill(MEC, instance, scope="size", env="reward=xi").play_in(3)
    again.reset()
    np.testing.assert_array_equal(again.instances.speed_mean, speeds)
    own = hill(MEC, instance).play_in(3)
    own.reset()
    assert (own.instances.speed_mean == instance.speed_mean).all()


def test_the_generators_seeds_are_those_of_training(hill):
    """Traces follow TRAINING_SEED plus the solver's seed, and the same seed gives the same weights."""
    instance = STIN.generate("tiny", 3)
    agents = [trained(hill, instance, seed=seed, cache=False, step=0.5) for seed in (1, 1, 2)]
    first, again, other = ([a.tobytes() for a in agent.policy.arrays().values()] for agent in agents)
    assert first == again != other
    assert agents[0].play_in(1).rng.random() == np.random.default_rng(np.random.SeedSequence(10_001)).random()


def test_what_it_tells_of_its_training(hill):
    agent = trained(hill, STIN.generate("tiny", 3))
    assert agent.training["source"] == "trained"
    assert (agent.training["episodes"], agent.training["frames"], agent.training["seed"]) == (2, 20, 0)
    assert agent.training["validation"]["traces"] == 2
    assert agent.training["seconds"] > 0.0
    again = trained(hill, STIN.generate("tiny", 3))
    assert again.training == agent.training | {"source": "cache"}


# Where policies come from


@pytest.fixture
def shipping(tmp_path):
    """The solver's file in a folder of its own, beside which checkpoints can be put."""
    shutil.copy(SOLVERS / "hill.py", tmp_path / "hill.py")
    return load_solver(discover([tmp_path])["hill"])


def ship(cls, instance, **options):
    """Train and put the policy where it is looked for."""
    agent = cls(problem(instance.problem), instance, **QUICK | options)
    found, _ = agent.obtain(lambda _: None, shipped=False)
    file = checkpoint.shipped_folders(agent._file, instance.problem)[0] / agent.shipped_name
    file.parent.mkdir(parents=True, exist_ok=True)
    return checkpoint.write(file, found.header, found.arrays)


def heard(cls, instance, **options):
    agent = cls(problem(instance.problem), instance, **QUICK | options)
    agent.said = []
    agent.tell = agent.said.append
    agent.train()
    return agent


def test_a_shipped_policy_is_played_whatever_the_code(shipping, monkeypatch):
    instance = STIN.generate("tiny", 3)
    made = ship(shipping, instance, seed=1)
    monkeypatch.setattr(shipping, "learner", None)  # nothing may train
    agent = heard(shipping, STIN.generate("tiny", 8), seed=1)
    assert (agent.training["source"], agent.training["checkpoint_sha256"]) == ("shipped", made.sha256)
    assert agent.training["seconds"] == made.header.seconds
    monkeypatch.setenv("DTBENCH_CACHE", "/nonexistent")
    assert heard(shipping, instance, seed=1, evaluation="sampled").training["source"] == "shipped"


def test_names_of_shipped_policies(shipping):
    def name(**options):
        return shipping(STIN, STIN.generate("tiny", 3), **options).shipped_name

    assert name().split("--")[3:] == ["tuned", "s0.safetensors"]
    assert name(preset="paper", seed=2).split("--")[3:] == ["paper", "s2.safetensors"]
    assert name(episodes=6) == name(pause=3.0) == name()
    assert len({name(), name(episodes=7), name(preset="paper", episodes=7), name(scope="size")}) == 4


def test_a_shipped_policy_of_another_training_is_not_played(shipping, monkeypatch):
    instance = STIN.generate("tiny", 3)
    ship(shipping, instance)
    for change in ({"seed": 1}, {"step": 0.3}, {"scope": "size"}):
        assert heard(shipping, instance, **change).training["source"] == "trained"
    monkeypatch.setattr(shipping, "version", 2)
    agent = heard(shipping, instance)
    assert agent.training["source"] == "trained"
    assert "is shipped but of another training, and is not played: version is 1, expected 2" in agent.said[0]


def test_a_damaged_shipped_policy_is_an_error(shipping):
    instance = STIN.generate("tiny", 3)
    made = ship(shipping, instance)
    made.file.write_bytes(made.file.read_bytes()[:-9])
    with pytest.raises(DtbenchError, match="cannot be read as safetensors"):
        heard(shipping, instance)


def test_a_named_file_is_played_on_any_network_it_fits(hill, tmp_path):
    file = tmp_path / "own.safetensors"
    agent = hill(STIN, STIN.generate("tiny", 3), env="w_cost=0.5", **QUICK)
    found, _ = agent.obtain(lambda _: None)
    checkpoint.write(file, found.header, found.arrays)
    played = hill(STIN, STIN.generate("tiny", 4, data_mb_max=3.0), seed=7, checkpoint=str(file))
    played.train()
    assert played.training["source"] == "file"
    assert played.training["seed"] == 0
    assert played.template.params.w_cost == 0.5  # agents see what they saw in training
    assert played.template.params.data_mb_max == 3.0
    with pytest.raises(DtbenchError, match="option env is 'w_cost=0.5', given is 'w_cost=0.1'; leave it out"):
        hill(STIN, STIN.generate("tiny", 3), env="w_cost=0.1", checkpoint=str(file)).train()
    with pytest.raises(DtbenchError, match="problem is 'stin-deployment', expected 'dnt-spectrum'"):
        hill(DNT, DNT.generate("tiny", 3), checkpoint=str(file)).train()
    with pytest.raises(DtbenchError, match="this instance has"):
        hill(STIN, STIN.generate("small", 3), checkpoint=str(file)).train()
    foreign = checkpoint.write(
        tmp_path / "foreign.safetensors",
        found.header.model_copy(update={"identity": found.header.identity.model_copy(update={"solver": "vdn"})}),
        found.arrays,
    )
    with pytest.raises(DtbenchError, match="solver is 'vdn', expected 'hill'"):
        hill(STIN, STIN.generate("tiny", 3), checkpoint=str(foreign.file)).train()


def test_without_a_policy_and_without_torch_the_cell_is_declined(shipping, monkeypatch):
    instance = STIN.generate("tiny", 3)
    monkeypatch.setattr(shipping, "needs", ("no_such_package",))
    with pytest.raises(Declined, match=r"training one needs no_such_package: `pip install 'dtbench\[learn\]'`"):
        heard(shipping, instance)
    monkeypatch.setattr(shipping, "needs", ())
    ship(shipping, instance)
    monkeypatch.setattr(shipping, "needs", ("no_such_package",))
    assert heard(shipping, instance).training["source"] == "shipped"


def test_deciding_before_training_is_misuse(hill):
    instance = STIN.generate("tiny", 3)
    with pytest.raises(TypeError, match="call train first"):
        hill(STIN, instance).decide(STIN.slot(instance, 0, STIN.start(instance)))


def test_torch_is_not_imported_to_list_or_to_play():
    text = (
        "import sys; sys.modules['torch'] = None\n"
        "from dtbench.plugins.discovery import discover, load_solver\n"
        "from dtbench.problems import problem\n"
        f"hill = load_solver(discover([{str(SOLVERS)!r}])['hill'])\n"
        "stin = problem('stin-deployment'); i = stin.generate('tiny', 3)\n"
        "a = hill(stin, i, episodes=1, traces=1); a.train(); a.decide(stin.slot(i, 0, stin.start(i)))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", text], check=True)

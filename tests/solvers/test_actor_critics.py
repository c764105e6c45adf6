"""DDPG, CC-DDPG, MADDPG and transfer as solvers: in every mode and protocol; stable-baselines3's DDPG beside ours."""

import numpy as np
import pytest

from dtbench.envs import BatchEnv, make_env
from dtbench.errors import DtbenchError
from dtbench.learning.ddpg.crowd import CrowdCritic
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import play

from .training import train_and_play

QUICK = {"episodes": 4, "parallel": 2, "traces": 2, "validate_every": 1, "actor": "8", "batch": 4, "warmup": 4}
NAMES = ("ddpg", "cc-ddpg", "maddpg", "transfer")
TAKEN = [(name, id) for name in NAMES for id in load_solver(discover()[name]).problems]


def solve(name, instance, **options):
    """A short training, played."""
    return train_and_play(name, instance, **(QUICK | options))


@pytest.mark.parametrize(("name", "id"), TAKEN)
@pytest.mark.parametrize("preset", ["paper", "tuned"])
def test_presets_train_and_decide(name, id, preset):
    solver, objectives = solve(name, problem(id).generate("tiny", 3), preset=preset)
    assert np.isfinite(objectives).all()
    assert solver.training["episodes"] == 4


@pytest.mark.parametrize(
    ("mode", "encoding", "width"), [("penalty", "penalty", 4 + 2 * 4), ("raw", "agents", 4 + 2 * 4 + 1 + 2)]
)
def test_ddpg_acts_in_its_mode(mode, encoding, width):
    """N = 4, M = 2: channels and shares; with the mode raw a total and a factor per satellite more."""
    solver, _ = solve("ddpg", problem("satellite-offloading").generate("tiny", 3), mode=mode)
    assert solver.encoding == encoding
    assert solver.policy.networks["controller"].outputs == width


def test_the_referee_sees_what_was_asked_for():
    """Plain DDPG's channels and shares keep no limit: the referee repairs, scores alike, and says so."""
    owner = problem("satellite-offloading")
    instance = owner.generate("small", 3)
    solver = load_solver(discover()["ddpg"])(owner, instance, seed=1, **QUICK)
    solver.train()
    scores = play(owner, instance, solver).scores
    env = BatchEnv(owner, instance, encoding="penalty")
    seen, broken, objective = env.reset(), [], []
    for _ in range(env.horizon):
        step = env.step(solver.policy.act(seen, solver.policy.start(1))[0])
        seen = step.observation
        broken.append(step.info["repaired"][0])
        objective.append(step.info["objective"][0])
    assert any(broken)
    np.testing.assert_array_equal(scores.repaired, broken)
    np.testing.assert_allclose(scores.objective, objective, rtol=1e-12)


def test_like_agents_of_cells_are_judged_alike():
    """By what each observes, a value for each, where the tuned preset plays and where it is asked for by hand."""
    instance = problem("mec-synchronization").generate("tiny", 3)
    cls = load_solver(discover()["maddpg"])
    for given in ({}, {"alike": True}):
        solver = cls(problem("mec-synchronization"), instance, **(QUICK | given))
        learner = solver.learner(solver.template)
        assert isinstance(learner.critic, CrowdCritic)
        assert learner.critic.count == learner.env.n_agents
        learner.round(0)
        before = {name: value.copy() for name, value in learner.policy.arrays().items()}
        learner.update()
        changed = {name.split("/")[0] for name, v in learner.policy.arrays().items() if (v != before[name]).any()}
        assert changed == {"mu", "bs"}


@pytest.mark.parametrize("apart", [True, False])
def test_a_centre_joins_in_the_closed_protocol(apart):
    instance = problem("mec-synchronization").generate("tiny", 3, protocol="closed")
    solver, _ = solve("maddpg", instance, apart=apart)
    assert set(solver.policy.networks) == {"mu", "bs", "cc"}


def test_a_centre_that_names_hosts_is_refused():
    instance = problem("mec-synchronization").generate("tiny", 3, protocol="closed")
    with pytest.raises(DtbenchError, match="'cc' have categorical actions"):
        solve("maddpg", instance, env="host_action=categorical")


@pytest.mark.parametrize(("id", "encoding"), [("edge-placement", "opened"), ("mec-synchronization", "served")])
def test_maddpg_acts_through_new_decoders(id, encoding):
    """There one controller acts; nobody is like it."""
    instance = problem(id).generate("tiny", 3)
    solver, objectives = solve("maddpg", instance, encoding=encoding, alike=False, env="")
    assert np.isfinite(objectives).all()
    assert set(solver.policy.networks) == {"controller"}
    assert solver.training["split"]["update"] > 0.0
    with pytest.raises(DtbenchError, match="'controller' acts alone"):
        solve("maddpg", instance, encoding=encoding, env="", alike=True)


def test_same_seed_same_decisions():
    instance = problem("edge-migration").generate("tiny", 3)
    first, second = (solve("transfer", instance, cache=False)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_start_needs_the_file_of_another_networks_policy(tmp_path):
    instance = problem("edge-migration").generate("tiny", 3)
    with pytest.raises(DtbenchError, match="'source' names no file"):
        solve("transfer", instance, transfer="init")
    source, _ = solve("transfer", problem("edge-migration").generate("tiny", 4))
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    started, _ = solve("transfer", instance, transfer="init", source=str(file))
    assert started.training["source"] == "trained"
    assert source.policy.networks["server"].copies == started.policy.networks["server"].copies
    _, _ = solve("cc-ddpg", problem("satellite-offloading").generate("tiny", 3))
    other = next(f for f in (tmp_path / "cache").rglob("*.safetensors") if "cc-ddpg" in str(f))
    with pytest.raises(DtbenchError, match="solver is 'cc-ddpg', expected 'transfer'"):
        solve("transfer", instance, transfer="init", source=str(other))


@pytest.mark.slow
def test_cc_ddpg_learns():
    """The paper's size, a fifth of the tuned training: clearly better than random."""
    owner = problem("satellite-offloading")
    instance = owner.generate("paper", 3)
    _, objectives = solve(
        "cc-ddpg", instance, episodes=1280, parallel=32, actor="128", batch=128, warmup=5000, validate_every=10
    )
    rng, state, drawn = np.random.default_rng(0), owner.start(instance), []
    for t in range(instance.horizon):
        slot = owner.slot(instance, t, state)
        draws = [owner.evaluate(slot, owner.random_decision(instance, slot, rng)).objective for _ in range(20)]
        drawn.append(np.mean(draws))
    assert objectives.mean() < 0.85 * np.mean(drawn)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_our_ddpg_returns_what_stable_baselines_does():
    """The same Gymnasium environment, networks, rates, noise and frames: neither is far behind the other."""
    sb3 = pytest.importorskip("stable_baselines3")
    noise = pytest.importorskip("stable_baselines3.common.noise")
    frames, deviation = 4000, 0.1
    env = make_env("satellite-offloading/tiny", "gym", seed=0)
    size = env.action_space.shape[0]
    theirs = sb3.DDPG(
        "MlpPolicy", env, learning_rate=1e-3, batch_size=64, learning_starts=400, gamma=0.9, seed=0, device="cpu",
        action_noise=noise.NormalActionNoise(np.zeros(size), deviation * np.ones(size)),
        policy_kwargs={"net_arch": [64, 64]},
    )  # fmt: skip
    theirs.learn(frames)
    core = make_env("satellite-offloading/tiny", n_envs=50, fresh=True)
    owner = core.problem
    ours, _ = solve(
        "ddpg", core.instance, preset="paper", mode="raw", episodes=frames // core.horizon, parallel=1, actor="64,64",
        critic="64,64", batch=64, warmup=400, actor_rate=1e-3, critic_rate=1e-3, noise=deviation,
        last_noise=deviation, validate_every=10_000,
    )  # fmt: skip

    def returns(act):
        seen, total = core.reset(seed=7), 0.0
        for _ in range(core.horizon):
            step = core.step(act(seen))
            seen, total = step.observation, total + step.reward.mean()
        return total

    rng = np.random.default_rng(0)
    random = returns(lambda seen: core.encoding.sample(rng, (50,)))
    own = returns(lambda seen: ours.policy.act(seen, {})[0])
    other = returns(lambda seen: theirs.predict(seen.state, deterministic=True)[0].astype(np.float64))
    assert owner.id == "satellite-offloading"
    assert own > random
    assert abs(own - other) < 0.15 * abs(other)

"""Training of the twin's network, the weights that are shipped, and instances that are played with them."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems.dnt_spectrum import predictor
from dtbench.problems.dnt_spectrum import predictor_training as training
from dtbench.problems.dnt_spectrum.predictor import Gru, load, trained_for, weights_file
from dtbench.problems.dnt_spectrum.predictor_training import GruOptions, GruTraining
from dtbench.problems.registry import sha256_of

from .hand import DNT

torch = pytest.importorskip("torch")
HOOK = GruTraining()
SHIPPED = HOOK.cases([], [], {})
QUICK = GruOptions(trajectories=60, epochs=3, units=8)


def random_weights(users, units, seed=0):
    draw = torch.Generator().manual_seed(seed)
    stacked = training.first_weights(torch, 2 * users, units, draw)
    with torch.no_grad():
        for value in stacked.values():
            value.mul_(3.0)
    return stacked, Gru(**training.unstacked(stacked), drift=np.zeros((users, 2)))


def test_numpy_and_torch_agree_on_random_weights():
    stacked, gru = random_weights(users=4, units=16)
    window = np.random.default_rng(1).standard_normal((7, 5, 8))
    with torch.no_grad():
        single = training.forward(torch, stacked, torch.tensor(window, dtype=torch.float32)).numpy()
        double = {name: value.double() for name, value in stacked.items()}
        assert_allclose(gru.predict(window), training.forward(torch, double, torch.tensor(window)), atol=1e-12)
    assert_allclose(gru.predict(window), single, atol=1e-5)


def test_numpy_agrees_with_the_gru_of_torch_where_both_forms_are_one():
    """(10) resets before the product, PyTorch's GRU after it: the same where the candidate's matrix is diagonal."""
    _, gru = random_weights(users=3, units=6, seed=1)
    diagonal = np.random.default_rng(2).standard_normal(6)
    gru = dataclasses.replace(gru, hidden_candidate=np.diag(diagonal))
    theirs = torch.nn.GRU(6, 6, batch_first=True, dtype=torch.float64)
    order = ("reset", "update", "candidate")
    state = {
        "weight_ih_l0": np.concatenate([getattr(gru, f"input_{gate}") for gate in order]),
        "weight_hh_l0": np.concatenate([getattr(gru, f"hidden_{gate}") for gate in order]),
        "bias_ih_l0": np.concatenate([getattr(gru, f"bias_{gate}") for gate in order]),
        "bias_hh_l0": np.zeros(18),
    }
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    window = np.random.default_rng(3).standard_normal((9, 5, 6))
    with torch.no_grad():
        assert_allclose(gru.hidden(window), theirs(torch.tensor(window))[0][:, -1], atol=1e-6)


def test_windows_by_hand():
    """One user on x = 0, 1, 3, 6, K = 2: displacements over 2 from the last, and the next move."""
    params = DNT.params("tiny", {"n_users": 1, "history": 2, "predictor": "gru"})
    walk = np.array([[[[0.0, 5.0]], [[1.0, 5.0]], [[3.0, 5.0]], [[6.0, 5.0]]]])
    seen, following = training.windows(params, walk)
    assert_allclose(seen, [[[-0.5, 0.0], [0.0, 0.0]], [[-1.0, 0.0], [0.0, 0.0]]])
    assert_allclose(following, [[2.0, 0.0], [3.0, 0.0]])
    seen, following = training.windows(params.replace({"predictor": "gru_printed"}), walk)
    assert_allclose(seen[0] * 150.0, [[0.0, 5.0], [1.0, 5.0]])
    assert_allclose(following * 150.0, [[3.0, 5.0], [6.0, 5.0]])


def test_trajectories_are_those_of_instances():
    instance = DNT.generate("tiny", 7, world=2, horizon=6)
    walk, drift = training.trajectories(instance.params, 7, 2, 11)
    assert_array_equal(walk[0], np.concatenate([instance.warm, instance.position]))
    assert_array_equal(drift, instance.drift)
    assert not np.array_equal(walk[1], walk[0])


@pytest.mark.parametrize("form", ["gru", "gru_printed"])
def test_training_lowers_the_error_and_repeats_to_the_bit(form):
    params = DNT.params("tiny", {"world": 0, "predictor": form})
    lazy = training.fit(params, GruOptions(trajectories=60, epochs=1, units=8, rate=1e-9))
    errors = []
    weights = training.fit(params, QUICK, lambda epoch, epochs, error: errors.append((epoch, epochs, error)))
    assert [e[:2] for e in errors] == [(1, 3), (2, 3), (3, 3)]
    assert weights.header["error"]["gru"] == errors[-1][2] < 0.95 * lazy.header["error"]["gru"]
    again = training.fit(params, QUICK)
    other = training.fit(params, dataclasses.replace(QUICK, seed=1))
    for name in Gru.__dataclass_fields__:
        assert_array_equal(getattr(weights.network, name), getattr(again.network, name))
    assert not np.array_equal(weights.network.output, other.network.output)


def test_gradient_descent_of_the_paper_and_mistakes():
    params = DNT.params("tiny", {"world": 0, "predictor": "gru"})
    slow = training.fit(params, dataclasses.replace(QUICK, optimiser="sgd"))
    assert slow.header["options"]["optimiser"] == "sgd"
    with pytest.raises(DtbenchError, match="option 'steps' is 5"):
        training.fit(params, dataclasses.replace(QUICK, steps=5))
    with pytest.raises(DtbenchError, match="'rate' is 1e\\+30"):
        training.fit(params, dataclasses.replace(QUICK, optimiser="sgd", rate=1e30))


def test_without_torch_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DtbenchError, match=r"pip install 'dtbench\[learn\]'"):
        training.fit(DNT.params("tiny", {"world": 0, "predictor": "gru"}), QUICK)


def test_cases_are_the_shipped_ones_unless_named():
    assert len(SHIPPED) == 18
    named = HOOK.cases(["paper9"], [3], {"n_users": "16"})
    assert [(c.params.world, c.params.n_users, c.options["units"]) for c in named] == [(3, 16, 128)]
    assert [c.params.world for c in HOOK.cases([], [], {"world": 4})] == [4]
    with pytest.raises(DtbenchError, match="unknown size 'huge'"):
        HOOK.cases(["huge"], [], {})
    with pytest.raises(DtbenchError, match="predictor is 'hold', which is not trained"):
        HOOK.cases([], [], {"predictor": "hold"})


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.name)
def test_shipped_weights_reach_the_drift_and_beat_holding(case):
    """Within 5 % of the mean move, which is the best guess away from walls, at every step ahead."""
    hold, drift, gru = HOOK.errors(case, HOOK.folder, 20)
    assert (hold.predictor, drift.predictor, gru.predictor) == ("hold", "drift", "gru")
    for ahead in training.STEPS_AHEAD:
        assert gru.at[ahead] < hold.at[ahead]
        assert gru.at[ahead] < 1.05 * drift.at[ahead]
    header = load(weights_file(case.params)).header
    assert header["trained_for"] == json.loads(json.dumps(trained_for(case.params)))
    assert header["options"] == dataclasses.asdict(GruOptions(**case.options))
    assert header["error"]["gru"] < header["error"]["hold"]


def test_shipped_weights_are_small_and_all_there():
    there = sorted(predictor.FOLDER.glob("*.safetensors"))
    assert there == sorted(weights_file(case.params) for case in SHIPPED)
    assert sum(file.stat().st_size for file in there) < 2_000_000


@pytest.mark.parametrize("size", ["tiny", "paper9"])
def test_a_horizon_is_played_with_the_shipped_network_and_a_batch_equals_its_loop(size):
    instance = DNT.generate(size, 2, predictor="gru", horizon=6)
    found = referee.play(DNT, instance, load_solver(discover()["greedy"])(DNT, instance))
    assert found.scores.feasible.all()
    assert np.isfinite(found.scores.objective).all()
    batch = DNT.resample(instance, np.random.default_rng(0), (3,))
    state = DNT.start(batch)
    loop = [DNT.start(batch[b]) for b in range(3)]
    for t in range(6):
        slot = DNT.slot(batch, t, state)
        decision = DNT.heuristics["greedy"](slot)
        outcome, state = DNT.evaluate(slot, decision), DNT.advance(slot, decision)
        for b in range(3):
            own = DNT.slot(batch[b], t, loop[b])
            assert_allclose(DNT.evaluate(own, decision[b]).objective, outcome.objective[b])
            loop[b] = DNT.advance(own, decision[b])
            assert_allclose(loop[b].estimate, state.estimate[b], atol=1e-10)
    assert np.abs(state.estimate - state.history[..., -1, :, :]).max() > 0.0  # it does not hold


def test_playing_and_measuring_do_not_import_torch():
    code = (
        "import sys; from dtbench import referee; from dtbench.problems import problem; "
        "from dtbench.plugins.discovery import discover, load_solver; p = problem('dnt-spectrum'); "
        "i = p.generate('tiny', 0, predictor='gru'); "
        "referee.play(p, i, load_solver(discover()['greedy'])(p, i)); "
        "h = p.predictor_training(); h.errors(h.cases(['tiny'], [0], {})[0], h.folder, 2); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_weights_are_another_problem(tmp_path):
    """The checksum of the problem's package changes with a file of weights."""
    folder = tmp_path / "dnt_spectrum" / "weights"
    folder.mkdir(parents=True)
    sums = []
    for content in (b"a", b"b"):
        (folder / "w.safetensors").write_bytes(content)
        sums.append(sha256_of.__wrapped__(tmp_path / "dnt_spectrum"))
    assert sums[0] != sums[1]

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dtbench import weights
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning import checkpoint
from dtbench.learning.checkpoint import Identity
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.problems import problem
from dtbench.weights import HEADER

STIN = problem("stin-deployment")


@pytest.fixture
def made(hill, tmp_path):
    """A trained policy in a file."""
    agent = hill(STIN, STIN.generate("tiny", 3), seed=2, episodes=2)
    found, _ = agent.obtain(lambda _: None)
    return checkpoint.write(tmp_path / "made.safetensors", found.header, found.arrays)


def encoding(size="tiny", id="stin-deployment"):
    return BatchEnv(problem(id), problem(id).generate(size, 3)).encoding


def changed(made, change):
    """A copy of the file whose header was changed."""
    facts = json.loads(weights.read(made.file, "").text)
    change(facts)
    file = made.file.with_name("changed.safetensors")
    save_file(load_file(made.file), file, {HEADER: json.dumps(facts)})
    return file


def test_what_is_written_is_read(made):
    again = checkpoint.read(made.file)
    assert again.header == made.header
    assert again.sha256 == made.sha256
    assert all((again.arrays[name] == value).all() for name, value in made.arrays.items())
    policy = again.policy(ValuePolicy, encoding())
    assert policy.facts() == made.header.policy


def test_the_header_says_what_it_is_and_what_it_cost(made):
    """2 episodes of 10 slots; validated before, and after round 2, on 2 traces."""
    header = made.header
    assert (header.identity.solver, header.identity.problem, header.identity.size) == ("hill", STIN.id, "tiny")
    assert (header.identity.seed, header.training_seed, header.validation_seed) == (2, 10_002, 5_000)
    assert (header.episodes, header.frames, header.rounds) == (2, 20, 2)
    assert [point.round for point in header.curve] == [0, 2]
    assert header.validation_traces == 2
    assert header.best.objective == min(point.objective for point in header.curve)
    assert sum(header.split.values()) <= header.seconds
    assert header.hardware.cpu
    assert {"python", "numpy", "dtbench"} <= set(header.versions)
    assert set(header.sources) == {"solver", "learning", "problem"}
    assert "/" not in made.header.model_dump_json().replace("hidden0/", "").split('"cpu"')[0].replace("user/", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: h.update(format=2), "format is 2, this version of dtbench reads 1"),
        (lambda h: h.pop("identity"), "identity: Field required"),
        (lambda h: h["identity"].update(seed=-1), "identity.seed: Input should be greater than"),
        (lambda h: h.update(more=1), "more: Extra inputs"),
        (lambda h: h.update(curve=[]), "curve: List should have at least 1 item"),
    ],
)
def test_a_header_that_is_not_ours(made, change, words):
    with pytest.raises(DtbenchError, match=f"changed.safetensors'.*{words}"):
        checkpoint.read(changed(made, change))


def test_files_that_are_no_checkpoints(made, tmp_path):
    def refused(words, file):
        with pytest.raises(DtbenchError, match=words):
            checkpoint.read(file)

    refused("does not exist.*Train it with `dtbench train`", tmp_path / "none.safetensors")
    refused("does not exist or is not a file", tmp_path)
    content = made.file.read_bytes()
    for number, cut in enumerate((b"", content[:5], content[:-1], b"\xff" * 100)):
        file = tmp_path / f"cut{number}.safetensors"
        file.write_bytes(cut)
        refused("cannot be read as safetensors: truncated, changed or another format", file)
    save_file(dict(made.arrays), tmp_path / "foreign.safetensors", {"format": "pt"})
    refused("no header 'dtbench' in its metadata", tmp_path / "foreign.safetensors")
    save_file(dict(made.arrays), tmp_path / "text.safetensors", {HEADER: "hello"})
    refused("its header is truncated or not JSON", tmp_path / "text.safetensors")


def test_nan_is_neither_written_nor_read(made, tmp_path):
    name = next(iter(made.arrays))
    spoiled = {n: value.copy() for n, value in made.arrays.items()}
    spoiled[name].flat[0] = np.nan
    with pytest.raises(DtbenchError, match=f"array '{name}' holds NaN or inf"):
        checkpoint.write(tmp_path / "nan.safetensors", made.header, spoiled)
    assert not list(tmp_path.glob("*nan*"))
    save_file(spoiled, tmp_path / "nan.safetensors", {HEADER: made.header.model_dump_json()})
    with pytest.raises(DtbenchError, match=f"array '{name}' holds NaN or inf"):
        checkpoint.read(tmp_path / "nan.safetensors")


def test_a_policy_that_does_not_fit_the_instance(made):
    with pytest.raises(
        DtbenchError,
        match=r"made.safetensors' \(trained on .*, size tiny\): the network of agents .* this instance has",
    ):
        made.policy(ValuePolicy, encoding("small"))
    with pytest.raises(DtbenchError, match="there is no network of agents"):
        made.policy(ValuePolicy, encoding(id="dnt-spectrum"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.update(kind="gaussian"), "kind 'gaussian', expected 'value'"),
        (lambda p: p.pop("networks"), "facts of the policy cannot be read .KeyError: 'networks'"),
        (lambda p: p.update(networks=3), "facts of the policy cannot be read"),
        (lambda p: next(iter(p["networks"].values())).update(width=3), "facts of the policy cannot be read .TypeError"),
        (lambda p: next(iter(p["networks"].values())).update(hidden=[4]), "array 'hidden0.weight' is missing"),
    ],
)
def test_facts_of_a_policy_that_are_wrong(made, change, words):
    with pytest.raises(DtbenchError, match=words):
        checkpoint.read(changed(made, lambda h: change(h["policy"]))).policy(ValuePolicy, encoding())


def test_arrays_of_no_policy_are_refused(made, tmp_path):
    more = dict(made.arrays) | {"nobody/more": np.zeros(2, np.float32)}
    save_file(more, tmp_path / "more.safetensors", {HEADER: made.header.model_dump_json()})
    with pytest.raises(DtbenchError, match="array 'nobody/more' is not one of the policy's"):
        checkpoint.read(tmp_path / "more.safetensors").policy(ValuePolicy, encoding())


IDENTITY = Identity(
    solver="a", version=1, problem="p", size="tiny", params={"n": 1}, scope="network", network="ab" * 32,
    preset="tuned", options={"x": 1}, seed=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version is 2, expected 1"),
        ({"network": "c"}, "network is 'c', expected"),
        ({"params": {"n": 2}}, "parameter 'n' is 2, expected 1"),
        ({"options": {"x": 2}}, "option 'x' is 2, expected 1"),
        ({"options": {"x": 1, "gone": 3}}, "option 'gone' is 3, expected None"),
        ({"preset": "paper"}, ""),
        ({}, ""),
    ],
)
def test_how_trainings_differ(change, words):
    found = IDENTITY.model_copy(update=change).differs(IDENTITY, {})
    assert found.startswith(words)
    assert bool(found) == bool(words)


def test_an_option_that_was_added_since_has_its_default():
    older, wanted = IDENTITY, IDENTITY.model_copy(update={"options": {"x": 1, "new": 5}})
    assert older.differs(wanted, {"x": 1, "new": 5}) == ""
    assert older.differs(wanted, {"x": 1, "new": 6}) == "option 'new' is 6, expected 5"


def test_names_of_shipped_files(tmp_path):
    name = checkpoint.shipped_name(IDENTITY, "tuned")
    assert name == "a--tiny--abababab--tuned--s0.safetensors"
    assert checkpoint.shipped_name(IDENTITY.model_copy(update={"scope": "size"}), "tuned").split("--")[2] == "size"
    folder = tmp_path / "checkpoints" / "p"
    folder.mkdir(parents=True)
    for each in (name, name.replace("s0", "s1"), "ab--tiny--abababab--tuned--s0.safetensors", "a--tiny--x.safetensors"):
        (folder / each).write_bytes(each.encode())
    found = checkpoint.shipped_files(tmp_path / "a.py", "p", "a")
    assert [checkpoint.shipped_parts(file) for file in found] == [("tiny", "tuned", 0), ("tiny", "tuned", 1)]


def test_the_checksum_follows_the_files_a_cell_may_play(tmp_path):
    def of(**changes):
        given = {"problem": "p", "solver": "a", "size": "tiny", "seed": 0, "options": {}} | changes
        return checkpoint.shipped_sha256(tmp_path / "a.py", **given)

    assert of() == ""
    folder = tmp_path / "checkpoints" / "p"
    folder.mkdir(parents=True)
    file = folder / checkpoint.shipped_name(IDENTITY, "tuned")
    file.write_bytes(b"1")
    first = of()
    assert first
    assert of(seed=1) == of(size="paper") == of(solver="b") == ""
    file.write_bytes(b"2")
    assert of() != first
    own = tmp_path / "own.safetensors"
    own.write_bytes(b"1")
    assert of(options={"checkpoint": str(own)}, seed=5) not in ("", first, of())

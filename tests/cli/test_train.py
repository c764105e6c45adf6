import json
import shutil
from pathlib import Path

import pytest

from dtbench.learning import cache, checkpoint

SOLVERS = Path(__file__).parents[1] / "learning" / "solvers"
TINY = "stin-deployment/tiny-000"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "policies"


@pytest.fixture
def train(dtbench):
    def call(*arguments, problem=("stin-deployment", "tiny")):
        return dtbench("train", "hill", *problem, "--solvers-path", SOLVERS, *arguments)

    return call


@pytest.fixture
def solve(dtbench):
    def call(*arguments, instance=TINY):
        result = dtbench("solve", instance, "hill", "--solvers-path", SOLVERS, *arguments, "--json")
        return json.loads(result.out) if result.out else result

    return call


def test_a_table_and_lines_of_progress(train):
    result = train()
    assert result.code == 0
    for word in (
        "validation at first",
        "validation at best",
        "6 episodes, 60 frames, 6 rounds",
        "environment",
        "tuned",
    ):
        assert word in result.out
    assert "round 6/6, 6 episodes, 60 frames, validation " in result.err
    again = train()
    assert again.out == result.out
    assert again.err == "it was trained before: the same arguments give the same policy\n"


def test_json_and_quiet(train, own_cache):
    result = train("--budget", 3, "--seed", 4, "--json", "--quiet")
    facts = json.loads(result.out)
    assert result.err == ""
    assert facts["source"] == "trained"
    assert (facts["header"]["identity"]["seed"], facts["header"]["episodes"]) == (4, 3)
    assert Path(facts["file"]).parent == own_cache / "stin-deployment"
    found = checkpoint.read(Path(facts["file"]))
    assert found.sha256 == facts["sha256"]
    quiet = train("--budget", 3, "--seed", 4, "--quiet")
    assert (quiet.out, quiet.err) == (facts["file"] + "\n", "")


def test_solving_plays_what_was_trained(train, solve):
    header = json.loads(train("--seed", 2, "--json").out)["header"]
    result = solve("--seed", 2)
    assert result["status"] == "ok"
    assert result["training"]["source"] == "cache"
    assert result["train_seconds"] == result["training"]["seconds"] == header["seconds"]
    assert solve("--seed", 3)["training"]["source"] == "trained"


def test_a_file_is_written_and_played(train, solve, dtbench, tmp_path):
    file = tmp_path / "own.safetensors"
    assert train("--budget", 2, "-o", file).code == 0
    assert checkpoint.read(file).header.episodes == 2
    result = solve("--checkpoint", file, "--seed", 9)
    assert (result["training"]["source"], result["training"]["episodes"]) == ("file", 2)
    shown = dtbench("solve", TINY, "hill", "--solvers-path", SOLVERS, "--checkpoint", file)
    assert "named file, of 20 frames" in shown.out


def test_a_folder_of_checkpoints_gets_the_name_that_solvers_look_for(dtbench, tmp_path):
    shutil.copy(SOLVERS / "hill.py", tmp_path)
    where = ("--solvers-path", tmp_path)
    (tmp_path / "checkpoints").mkdir()
    for seed in (0, 1):
        arguments = ("--seed", seed, "-o", tmp_path / "checkpoints", "--quiet")
        written = dtbench("train", "hill", "stin-deployment", "tiny", *arguments, *where)
        assert Path(written.out.strip()).parent == tmp_path / "checkpoints" / "stin-deployment"
    result = json.loads(dtbench("solve", TINY, "hill", "--seed", 1, "--json", *where).out)
    assert result["training"]["source"] == "shipped"
    assert result["training"]["checkpoint_sha256"] == checkpoint.read(Path(written.out.strip())).sha256
    shown = json.loads(dtbench("show", "hill", "--json", *where).out)
    assert shown["policies"] == [
        {"problem": "stin-deployment", "size": "tiny", "settings": "tuned", "seeds": [0, 1]},
    ]
    assert shown["presets"]["paper"]["stin-deployment"] == {"step": 0.2}
    table = dtbench("show", "hill", *where).out
    assert "0, 1" in table
    assert "episodes=4, step=0.3" in table


def test_the_network_of_an_instance(train, solve):
    """A problem that keeps its network: an instance of the library plays the policy of its own network only."""
    dnt, options = ("dnt-spectrum", "tiny"), ("--option", "episodes=1")
    assert train("--budget", 1, "--instance", "dnt-spectrum/tiny-001", problem=dnt).code == 0
    played = [solve(*options, instance=f"dnt-spectrum/tiny-00{n}")["training"]["source"] for n in (0, 1)]
    assert played == ["trained", "cache"]


def test_parameters_of_the_network(train):
    facts = json.loads(train("--set", "n_users=4", "--budget", 1, "--option", "step=0.1", "--json").out)
    assert facts["header"]["identity"]["params"]["n_users"] == 4
    assert facts["header"]["identity"]["options"]["step"] == 0.1


def test_tensorboards_events(train, tmp_path):
    pytest.importorskip("tensorboard")
    pytest.importorskip("torch")
    assert train("--budget", 1, "--log-dir", tmp_path / "events").code == 0
    assert list((tmp_path / "events").glob("*--s0/events.*"))


def test_interrupting_keeps_the_state_and_says_how_to_go_on(train, own_cache, monkeypatch):
    monkeypatch.setattr(cache, "SHARE", 0.0)
    from dtbench.learning.report import Lines

    def interrupt(self, progress):
        if progress.round == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Lines, "__call__", interrupt)
        result = train()
    assert result.code == 130
    assert "the same command goes on" in result.err
    assert list(own_cache.rglob("*.resume.safetensors"))
    again = train()
    assert again.code == 0
    assert "going on after round 2 of 6" in again.err
    assert not list(own_cache.rglob("*.resume.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hil", "stin-deployment", "tiny"), "unknown solver 'hil'. Did you mean 'hill'"),
        (("greedy", "stin-deployment", "tiny"), "solver 'greedy' does not learn"),
        (("hill", "edge-placement", "tiny"), "does not take problem 'edge-placement'"),
        (("hill", "stin-deployment", "huge"), "unknown size 'huge'"),
        (("hill", "stin-deployment", "tiny", "--option", "stepp=1"), "Did you mean 'step'"),
        (("hill", "stin-deployment", "tiny", "--option", "preset=best"), "expected one of paper, tuned"),
        (("hill", "stin-deployment", "tiny", "--option", "cache=false"), "'cache', which is for solving"),
        (("hill", "stin-deployment", "tiny", "--instance", TINY, "--set", "n_users=3"), "does not go with --instance"),
        (("hill", "stin-deployment", "small", "--instance", TINY), "is stin-deployment, size tiny; not"),
        (("hill", "stin-deployment", "tiny", "-o", "own.txt"), "expected a folder, or a file name that ends in"),
        (("hill", "stin-deployment", "tiny", "-o", "no/such/own.safetensors"), "folder 'no/such' does not exist"),
    ],
)
def test_mistakes_end_in_one_line_and_code_2(dtbench, arguments, words):
    result = dtbench("train", *arguments, "--solvers-path", SOLVERS)
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1


def test_a_file_that_is_there_is_not_overwritten(train, tmp_path):
    (tmp_path / "own.safetensors").write_text("")
    result = train("-o", tmp_path / "own.safetensors")
    assert result.code == 2
    assert "exists already" in result.err


def test_without_torch_the_remedy_is_named(dtbench, tmp_path):
    text = (SOLVERS / "hill.py").read_text(encoding="utf-8").replace("needs = ()", "needs = ('no_such_package',)")
    (tmp_path / "hill.py").write_text(text, encoding="utf-8")
    trained = dtbench("train", "hill", "stin-deployment", "tiny", "--solvers-path", tmp_path)
    assert trained.code == 2
    assert "pip install 'dtbench[learn]'" in trained.err
    solved = json.loads(dtbench("solve", TINY, "hill", "--solvers-path", tmp_path, "--json").out)
    assert solved["status"] == "skipped"
    assert "pip install 'dtbench[learn]'" in solved["reason"]


def test_checkpoints_for_solving_are_read_first(dtbench, tmp_path):
    (tmp_path / "bad.safetensors").write_text("no")

    def refused(words, *arguments):
        result = dtbench("solve", TINY, *arguments, "--solvers-path", SOLVERS)
        assert (result.code, words in result.err) == (2, True), result.err

    refused("cannot be read as safetensors", "hill", "--checkpoint", tmp_path / "bad.safetensors")
    refused("does not exist", "hill", "--checkpoint", tmp_path / "none.safetensors")
    refused("'greedy' does not learn", "greedy", "--checkpoint", tmp_path / "bad.safetensors")

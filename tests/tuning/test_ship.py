import tomllib

from ..studies.scripts import ROOT, script

ship = script("tuning", "ship")


def test_every_listed_policy_is_shipped_and_every_shipped_one_listed():
    tables = tomllib.loads((ROOT / "tuning" / "shipped.toml").read_text(encoding="utf-8"))["policies"]
    listed = {training.file for training in ship.trainings(tables, "*")}
    assert listed == set((ROOT / "solvers" / "checkpoints").glob("*/*.safetensors"))


def test_a_training_is_one_command():
    tables = [{"problem": "stin-deployment", "instances": "*/tiny-000", "solvers": ["vdn"], "seeds": 2}]
    first, second = ship.trainings(tables, "*")
    assert first.command[1:5] == ["train", "vdn", "stin-deployment", "tiny"]
    assert (first.seed, second.seed) == (0, 1)
    assert first.file != second.file


def test_planned_policies_are_of_networks_that_are_drawn_or_of_the_library():
    """They are trained by the same command, and none of them is there yet."""
    planned = tomllib.loads((ROOT / "tuning" / "shipped.toml").read_text(encoding="utf-8"))["planned"]
    trainings = list(ship.trainings(planned, "*"))
    closed = next(training for training in trainings if training.size == "closed-paper")
    assert closed.command[1:5] == ["train", closed.solver, "mec-synchronization", "closed-paper"]
    assert "--instance" not in closed.command
    assert not [training.file for training in trainings if training.file.is_file()]

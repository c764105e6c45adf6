"""The folder of trained policies: what is written is read back, and what does not hold is named."""

import hashlib
import json

import numpy as np
import pytest

from dtbench.experiments.policies import Policies, TrainingRecord, checked, facts_of
from dtbench.experiments.provenance import collect
from dtbench.experiments.record import Cell, CellLimits
from dtbench.learning import checkpoint
from dtbench.learning.checkpoint import CurvePoint, Hardware, Header, Identity

CELL = Cell(
    problem="stin-deployment", instance="stin-deployment/tiny-000", size="tiny", instance_sha256="a", solver="s",
    solver_sha256="b", solver_file="s.py", label="s", seed=3, limits=CellLimits(seconds=7200.0),
)  # fmt: skip
KEY = "0123456789abcdef" * 4
STEM = "stin-deployment--tiny--s--s3--0123456789abcdef"


def header(seed=3):
    point = CurvePoint(round=0, episodes=0, frames=0, seconds=0.0, objective=None, reward=1.0)
    identity = Identity(
        solver="s", version=1, problem="stin-deployment", size="tiny", params={"n_users": 3}, scope="size",
        network="n", preset="tuned", options={"episodes": 2}, seed=seed,
    )  # fmt: skip
    return Header(
        identity=identity, training_seed=10_003, validation_seed=5_000, validation_traces=2, policy={"kind": "x"},
        best=point, curve=[point], rounds=1, episodes=1, frames=10, seconds=2.5, split={"update": 1.0},
        hardware=Hardware(cpu="c", cores=2, threads=1), versions={}, sources={}, date="2025-01-01T00:00:00+00:00",
    )  # fmt: skip


@pytest.fixture
def policy(tmp_path):
    return checkpoint.write(tmp_path / "trained.safetensors", header(), {"a/w": np.ones(2)})


@pytest.fixture
def kept(tmp_path, policy):
    policies = Policies(tmp_path / "results")
    policies.write(record_of(policy), policy.file.read_bytes())
    return policies


def record_of(policy, **changes):
    facts = {
        "cell": CELL, "key": KEY, "status": "ok", "source": "trained", "policy_sha256": policy.sha256,
        "training": facts_of(policy.header), "wall_seconds": 3.0, "provenance": collect("test"),
    }  # fmt: skip
    return TrainingRecord(**facts | changes)


def test_what_is_written_is_read_back(kept, policy):
    (record,) = kept.records()
    assert record == record_of(policy, provenance=record.provenance).sealed()
    assert (record.stem, record.seconds) == (STEM, 2.5)
    assert record.training["identity"]["options"] == {"episodes": 2}
    assert "policy" not in record.training
    assert kept.kept(STEM, KEY) == kept.file(STEM)
    assert kept.kept(STEM, KEY[::-1]) is None
    assert checkpoint.read(kept.file(STEM)).header == policy.header
    assert list(kept.faults()) == []


def test_another_policy_than_the_record_names_is_a_bug(kept, policy):
    with pytest.raises(ValueError, match="record names policy"):
        kept.write(record_of(policy, policy_sha256="0" * 64), policy.file.read_bytes())


def test_a_failure_takes_the_place_of_a_policy(kept, policy):
    failed = record_of(policy, status="timeout", reason="late", policy_sha256=None, training={}, source="")
    kept.write(failed, None)
    assert not kept.file(STEM).exists()
    assert kept.kept(STEM, KEY) is None
    assert kept.records()[0].seconds is None
    assert list(kept.faults()) == []
    kept.file(STEM).write_bytes(policy.file.read_bytes())
    assert list(kept.faults()) == [(f"policies/{STEM}", "status is 'timeout', but a policy lies beside the record")]


def test_a_policy_of_another_training_is_refused(policy):
    assert checked(policy.file, header().identity) == policy.header
    with pytest.raises(Exception, match="of another training than was asked for: seed is 3, expected 4"):
        checked(policy.file, header(seed=4).identity)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wall_seconds": 1.0}, "the record was changed: its checksum differs"),
        ({"status": "excellent"}, "training '{stem}.json': status: Input should be 'ok'"),
        ({"more": 1}, "training '{stem}.json': more: Extra inputs are not permitted"),
        ({"wall_seconds": None}, "training '{stem}.json': wall_seconds: Input should be a valid number"),
    ],
)
def test_a_record_that_was_changed_is_named(kept, change, reason):
    place = kept.folder / f"{STEM}.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    ((name, found),) = kept.faults()
    assert name == f"policies/{STEM}"
    assert found.startswith(reason.format(stem=STEM))
    assert kept.records() == []


def test_a_record_that_was_sealed_again_does_not_fit_its_policy(kept, policy):
    """Whoever computes the checksum again must change the policy as well."""
    cheaper = facts_of(policy.header) | {"seconds": 0.1}
    text = record_of(policy, training=cheaper).sealed().model_dump_json()
    (kept.folder / f"{STEM}.json").write_text(text)
    assert [reason for _, reason in kept.faults()] == [
        f"policy '{STEM}.safetensors' tells another training than the record"
    ]


def test_a_renamed_record_and_a_missing_policy_are_named(kept):
    (kept.folder / f"{STEM}.json").rename(kept.folder / "other.json")
    assert list(kept.faults()) == [("policies/other", f"the file is named 'other', but its training is '{STEM}'")]
    (kept.folder / "other.json").rename(kept.folder / f"{STEM}.json")
    kept.file(STEM).unlink()
    assert list(kept.faults()) == [(f"policies/{STEM}", f"policy '{STEM}.safetensors' is missing")]


def test_files_that_are_no_records_are_named(kept):
    for name, content in (("deep", "[" * 100_000), ("empty", ""), ("list", "[]"), ("nan", '{"wall_seconds": NaN}')):
        (kept.folder / f"{name}.json").write_text(content)
    assert [name for name, _ in kept.faults()] == [f"policies/{name}" for name in ("deep", "empty", "list", "nan")]
    assert len(kept.records()) == 1
    assert hashlib.sha256(kept.file(STEM).read_bytes()).hexdigest() == kept.records()[0].policy_sha256

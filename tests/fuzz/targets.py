"""What reads each kind of file, and a plain reading of the same file, by which silent misreadings are told."""

import csv
import hashlib
import io
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import load as load_weights

from dtbench import files
from dtbench.arrays import specs
from dtbench.core import Decision
from dtbench.envs import BatchEnv
from dtbench.exact import solutions
from dtbench.exact.export import column_names
from dtbench.exact.form import form_of, point_of, start_of
from dtbench.experiments import decisions, plan_file, provenance, suite, sweep
from dtbench.experiments.plan import make_plan
from dtbench.experiments.plan_file import PlanFile, PlannedCell, SuitePlan
from dtbench.experiments.record import Cell, Record, Slots
from dtbench.experiments.store import Store, to_json
from dtbench.experiments.verify import verify
from dtbench.learning import cache, checkpoint
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.training import Memo, Point
from dtbench.library import best_known, instances
from dtbench.plugins import discovery
from dtbench.problems import all_problems, problem, source_sha256
from dtbench.problems.dnt_spectrum import predictor
from dtbench.referee import rescore

from . import mutations

STIN = problem("stin-deployment")


@dataclass
class Target:
    """One kind of file.

    ``read`` is what dtbench makes of it, ``plain`` what a plain reading does; where both give a value, the values must
    be equal. ``name`` is the file's.
    """

    name: str
    content: bytes
    mutate: Any
    read: Any
    plain: Any = None
    begin: Any = field(default=lambda folder: None)


def array_facts(values):
    return values.shape, values.astype(values.dtype.newbyteorder("=")).tolist()


def by_h5py(file, names):
    """Arrays of a file that dtbench has accepted, so that the library can be let at it."""
    with h5py.File(file, "r") as root:
        return {name: array_facts(np.asarray(root[name][...])) for name in names}


def instance_arrays(file):
    instance = instances.load(file)
    return {name: array_facts(np.asarray(value)) for name, _, value in instance.arrays()}


def of_instance(file):
    return by_h5py(file, specs(STIN.Instance))


def of_decisions(file):
    return by_h5py(file, specs(STIN.Decision))


def made_decisions(instance, count=None) -> Decision:
    slot, rng = STIN.slot(instance, 0, STIN.start(instance)), np.random.default_rng(0)
    slots = [STIN.random_decision(instance, slot, rng) for _ in range(count or instance.horizon)]
    return type(slots[0]).stack(slots)


def decision_arrays(file):
    given = decisions.read(file, STIN)
    return {name: array_facts(np.asarray(value)) for name, _, value in given.arrays()}


def made_record(sha256: str) -> Record:
    instance = instances.load("stin-deployment/tiny-000")
    scores = rescore(STIN, instance, made_decisions(instance))
    cell = Cell(
        problem=STIN.id, problem_sha256=source_sha256(STIN.id), instance="stin-deployment/tiny-000", size="tiny",
        instance_sha256=instances.sha256_of("stin-deployment/tiny-000"), solver="random", solver_sha256="0" * 64,
        solver_file="random.py", label="random", options={"x": 1.5, "y": "z"}, seed=0,
    )  # fmt: skip
    slots = Slots(
        objective=scores.objective.tolist(), repaired=scores.repaired.tolist(), feasible=scores.feasible.tolist(),
        seconds=[0.0] * 10, bound=[0.0] * 10,
    )  # fmt: skip
    method = {"horizon_bound": 0.0, "clairvoyant": True, "training": {"seconds": 1.0, "frames": 10}}
    return Record(
        cell=cell, key=cell.key, status="ok", objective=scores.mean, slots=slots, decisions_sha256=sha256,
        wall_seconds=2.0, train_seconds=1.0, method=method, provenance=provenance.collect(),
    )  # fmt: skip


def record_of(file):
    store = Store(file.parent.parent)
    record = store.read(file.stem)
    record.horizon_bound(coupled=True)
    return record.model_dump(mode="json", exclude_unset=True)


def verified(file):
    """Both records, one of which is whole, are looked at; nothing is compared."""
    report = verify(file.parent.parent)
    assert report.checked == 2
    assert file.stem in {m.record for m in report.mismatches} or report.rescored == 2


def made_plan(cell: Cell) -> str:
    """A plan of two cells, one line each."""
    cells = [PlannedCell(cell=cell), PlannedCell(cell=cell.model_copy(update={"seed": 1}), asked="seeds")]
    text = SUITE.decode()
    digest = hashlib.sha256(SUITE).hexdigest()
    plan = PlanFile(suites=(SuitePlan(kind="suite", name="example", sha256=digest, text=text, cells=tuple(cells)),))
    return plan_file.to_json(plan.model_copy(update={"sha256": plan.content_sha256}))


def plan_of(file):
    plan = plan_file.read(Store(file.parent))
    list(plan.faults())
    return plan.model_dump(mode="json", exclude_unset=True)


def suite_of(file):
    read = suite.read(file)
    read.instances()
    if hash(file.read_bytes()) % 10 == 0:
        make_plan(read)
    return read.content.model_dump(exclude_unset=True)


def entries_of(file):
    entries = discovery.discover([file.parent])
    assert "genetic" in entries
    for entry in discovery.read_solver_file(file):
        for id in all_problems() if not entry.error else ():
            entry.takes(id)
        entry.check_options({option.name: 1 for option in entry.options or ()}, "here")
        [dict(values) for parts in entry.presets.values() for values in parts.values()]


def policy_of(file):
    stored = checkpoint.read(file)
    stored.policy(ValuePolicy, BatchEnv(STIN, STIN.generate("tiny", 3)).encoding)
    return stored.header.model_dump(mode="json"), {n: array_facts(v) for n, v in stored.arrays.items()}


def plain_weights(file):
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["dtbench"]), {n: array_facts(v) for n, v in load_weights(content).items()}


def plain_policy(file):
    facts, arrays = plain_weights(file)
    return checkpoint.Header.model_validate(facts).model_dump(mode="json"), arrays


def predictor_of(file):
    predictor.load.cache_clear()
    read = predictor.load(file)
    return dict(read.header), {n: array_facts(getattr(read.network, n)) for n in predictor.Gru.__dataclass_fields__}


class Learned:
    """A learner that keeps what it is given."""

    rounds = 3
    episodes = frames = 0
    seconds: dict[str, float] = {"update": 0.0}  # noqa: RUF012

    def state(self):
        return {"w": np.arange(6, dtype=np.float32), "n": np.array(3)}, {"rng": 2**100, "best": -np.inf}

    def load(self, state):
        self.given = state


def place() -> cache.Place:
    identity = checkpoint.Identity(
        solver="a", version=1, problem="p", size="tiny", params={"n": 1}, scope="network", network="ab" * 32,
        preset="tuned", options={"x": 1}, seed=0,
    )  # fmt: skip
    return cache.Place(identity, {"solver": "x"}, lambda _: None)


def resumed(file):
    """What is gone on from is what was saved, or nothing."""
    here = SimpleNamespace(resume=file, key=place().key, tell=lambda _: None)
    learner = Learned()
    memo = cache.Place.restore(here, learner)
    if memo is not None:
        arrays, facts = learner.given
        assert facts == Learned().state()[1]
        assert [array_facts(v) for v in arrays.values()] == [array_facts(v) for v in Learned().state()[0].values()]
        assert memo.round == 2


def listed(file):
    return instances.recorded_checksums(file.parent.name)


def plain_list(file):
    lines = [line for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    return {name.strip(): digest for digest, name in (line.replace("*", "").split(maxsplit=1) for line in lines)}


def known(file):
    best_known.best_known.cache_clear()
    table = best_known.best_known(file.parent.name)
    return sorted(tuple(map(str, vars(row).values())) for rows in table.values() for row in rows.values())


def plain_known(file):
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline="")))[1:]
    return sorted((*r[:2], *(str(float(x)) for x in r[2:5]), *r[5:]) for r in rows)


def solution_point(file):
    """The point that a solution of the strong model of a slot says."""
    solution = solutions.read(file)
    form = strong_form()
    x = point_of(form, solution.values, complete=solution.complete, where=f"'{file}'")
    return form.decision(x).node.tolist()


def strong_form():
    instance = instances.load("stin-deployment/tiny-000")
    return form_of(STIN, STIN.slot(instance, 0, STIN.start(instance)), "strong", None)


def made_solution(folder, fmt):
    """A solution as a solver writes it: starts have the same formats."""
    form, file = strong_form(), folder / f"{fmt}.sol"
    instance = instances.load("stin-deployment/tiny-000")
    x = start_of(form, STIN.exact(STIN.slot(instance, 0, STIN.start(instance))).decision)
    solutions.write_start(file, zip(column_names(form.model), x.tolist(), strict=True), form.model.value(x), fmt)
    return file.read_bytes()


SUITE = b"""name = "example"
title = "Two baselines"
instances = ["stin-deployment/tiny-00[0-2]", "mine/*.nc"]
seeds = 3

[limits]
seconds = 60.0
memory_gib = 2.0
threads = 1

[[solvers]]
name = "random"

[[solvers]]
name = "genetic"
label = "genetic, 50 members"
options = {population = 50, generations = 3}
instances = ["*/tiny-*"]
seeds = 1
"""


def make(folder: Path) -> dict[str, Target]:
    """All targets; their original files are made in ``folder``."""
    saved = folder / "saved.nc"
    instances.save(saved, STIN.generate("tiny", 5))
    decisions.write(folder / "decisions.nc", STIN, made_decisions(instances.load(saved)))
    decided = (folder / "decisions.nc").read_bytes()
    record = made_record(hashlib.sha256(decided).hexdigest())
    library = files.folder("instances") / STIN.id
    policies = sorted(checkpoint.shipped_files(files.folder("solvers") / "vdn.py", STIN.id, "vdn", "tiny"))
    memo = Memo(2, 1.0, [Point(0, 1, 2, 0.5, float("inf"), 0.0)], None, {"w": np.zeros(3, np.float32)})
    here = place()
    here.file = folder / "r.safetensors"
    here.save(memo, Learned())
    weights = sorted(predictor.FOLDER.glob("*.safetensors"), key=lambda file: file.stat().st_size)

    def results(into):
        for stem in (record.cell.stem, "whole"):
            (into / "results" / "records").mkdir(parents=True, exist_ok=True)
            (into / "results" / "records" / f"{stem}.nc").write_bytes(decided)
        other = record.model_copy(update={"cell": record.cell.model_copy(update={"seed": 1})})
        other = other.model_copy(update={"key": other.cell.key})
        Store(into / "results").write(other, decided)

    def beside(into):
        (into / "mine").mkdir()
        (into / "mine" / "one.nc").write_bytes(saved.read_bytes())

    text = to_json(record).encode()
    place_of_record = f"results/records/{record.cell.stem}.json"
    return {
        "instance": Target("x.nc", saved.read_bytes(), mutations.of_hdf5, instance_arrays, of_instance),
        "decisions": Target("d.nc", decided, mutations.of_hdf5, decision_arrays, of_decisions),
        "record": Target(place_of_record, text, mutations.of_json, record_of, lambda f: json.loads(f.read_bytes())),
        "plan": Target(
            "plan.json", made_plan(record.cell).encode(), mutations.of_json, plan_of,
            lambda f: json.loads(f.read_bytes()),
        ),
        "results": Target(place_of_record, text, mutations.of_json, verified, None, results),
        "suite": Target(
            "s.toml", SUITE, mutations.of_text, suite_of, lambda f: tomllib.loads(f.read_text("utf-8-sig")), beside
        ),
        "sweep": Target(
            "s.toml", (files.folder("sweeps") / "stin-users.toml").read_bytes(), mutations.of_text,
            lambda f: sweep.read(f).content.model_dump(exclude_unset=True),
            lambda f: tomllib.loads(f.read_text("utf-8-sig")),
        ),
        "solver file": Target(
            "s.py", (files.folder("solvers") / "genetic.py").read_bytes().replace(b'"genetic"', b'"other"'),
            mutations.of_text, entries_of,
        ),
        "learned solver file": Target(
            "s.py", (files.folder("solvers") / "maddpg.py").read_bytes().replace(b'"maddpg"', b'"other"'),
            mutations.of_text, entries_of,
        ),
        "checksums": Target(
            f"{STIN.id}/SHA256SUMS", (library / "SHA256SUMS").read_bytes()[:1000].rpartition(b"\n")[0],
            mutations.of_text, listed, plain_list,
        ),
        "best known": Target(
            f"{STIN.id}/best_known.csv", b"\n".join((library / "best_known.csv").read_bytes().splitlines()[:15]),
            mutations.of_text, known, plain_known,
        ),
        "policy": Target("p.safetensors", policies[0].read_bytes(), mutations.of_weights, policy_of, plain_policy),
        "predictor": Target(
            "w.safetensors", weights[0].read_bytes(), mutations.of_weights, predictor_of, plain_weights
        ),
        **{
            f"solution of {fmt}": Target("a.sol", made_solution(folder, fmt), mutations.of_text, solution_point)
            for fmt in ("mst", "cbc", "highs", "cplex")
        },
        "resume": Target("r.resume.safetensors", here.resume.read_bytes(), mutations.of_weights, resumed),
    }  # fmt: skip

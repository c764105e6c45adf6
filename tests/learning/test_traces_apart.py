"""No trace that is trained, validated, taught, tuned or tried on comes from the streams of the frozen library.

What draws is watched: the seeds that networks are generated from, the seed sequences of generators that traces are
drawn with, and the traces themselves.
"""

import contextlib
import functools
import itertools

import numpy as np
import pytest

from dtbench.experiments import demonstrations, fresh
from dtbench.experiments.sweep import OWN_SEEDS
from dtbench.experiments.tables import SolverTable
from dtbench.learning import solver as learned
from dtbench.learning import training
from dtbench.learning.solver import LearnedSolver
from dtbench.learning.training import Validation
from dtbench.library import instances
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem

from ..studies.scripts import script

STIN = problem("stin-deployment")
LEARNED = [name for name, entry in discover().items() if issubclass(load_solver(entry), LearnedSolver)]
PAIRS = [(name, id) for name in LEARNED for id in all_problems() if discover()[name].takes(id)]


def root(rng):
    """What the seed sequence of a generator begins with."""
    entropy = rng.bit_generator.seed_seq.entropy
    return int(entropy if np.ndim(entropy) == 0 else entropy[0])


def traces(instance):
    """Every trace that an instance holds, as bytes of what changes from slot to slot."""
    arrays = [(spec, np.asarray(value)) for _, spec, value in instance.arrays() if spec.dims[:1] == ("time",)]
    arrays = [np.broadcast_to(v, instance.batch_shape + v.shape[v.ndim - len(s.dims) :]) for s, v in arrays]
    return {b"".join(np.ascontiguousarray(v[member]).tobytes() for v in arrays)
            for member in np.ndindex(*instance.batch_shape)}  # fmt: skip


class Watch:
    """Roots of what is drawn while it watches, and the traces."""

    def __init__(self):
        self.roots, self.traces = set(), set()

    def saw(self, root, instance):
        self.roots.add(root)
        self.traces |= traces(instance)
        return instance

    @contextlib.contextmanager
    def on(self, owner, monkeypatch):
        cls = type(owner)
        generate, resample = cls.generate, cls.resample
        with monkeypatch.context() as patch:
            patch.setattr(cls, "generate", lambda s, size, seed, **o: self.saw(seed, generate(s, size, seed, **o)))
            patch.setattr(cls, "resample", lambda s, i, rng, batch=(): self.saw(root(rng), resample(s, i, rng, batch)))
            yield self


@functools.cache
def library(id, size):
    """Seeds and traces of frozen instances."""
    frozen = [instances.load(name) for name in instances.names(id, size)]
    return {instance.seed for instance in frozen}, set().union(*map(traces, frozen))


def check_apart(watch, id, size):
    """Fails if something was drawn from a seed of the library, or is a trace of it."""
    seeds, frozen = library(id, size)
    assert all((watch.roots, watch.traces, seeds, frozen))
    assert not watch.roots & seeds
    assert min(watch.roots) >= OWN_SEEDS
    assert not watch.traces & frozen


def test_seeds_of_the_library_are_below_all_others():
    for id in all_problems():
        assert {instances.load(name).seed for name in instances.names(id)} <= set(range(OWN_SEEDS))


def training_of(name, id, seed=0):
    """Draw what a learner plays first, and what its policies are validated on."""
    owner = problem(id)
    solver = load_solver(discover()[name])(owner, instances.load(instances.names(id, "tiny")[0]), seed=seed)
    env = solver.play_in(3)
    env.reset(), env.reset()
    Validation(owner, solver.template, 3, draw=solver._draw, encoding=solver.encoding).env.reset()


@pytest.mark.parametrize(("name", "id"), PAIRS)
def test_training_and_validation(name, id, monkeypatch):
    watch = Watch()
    with watch.on(problem(id), monkeypatch):
        training_of(name, id, seed=2)
    check_apart(watch, id, "tiny")


def test_a_whole_training_with_its_teacher(monkeypatch):
    """DAgger: traces that are played and answered, of networks of their own; nothing is drawn elsewhere."""
    pytest.importorskip("torch")
    watch = Watch()
    instance = instances.load("stin-deployment/tiny-000")
    options = {"episodes": 4, "parallel": 2, "slots": 2, "hidden": 4, "layers": 1, "traces": 2, "cache": False}
    with watch.on(STIN, monkeypatch):
        solver = load_solver(discover()["imitation"])(STIN, instance, seed=1, **options)
        solver.tell = lambda text: None
        solver.train()
    check_apart(watch, "stin-deployment", "tiny")


@pytest.mark.parametrize("id", list(all_problems()))
def test_demonstrations_and_fresh_traces(id, monkeypatch, tmp_path):
    """Of the library's networks, but other traces; each use has its own seeds.

    Networks are told apart beforehand, by traces that nothing learns from or is scored on.
    """
    owner, table = problem(id), SolverTable(name="random", label="random")
    known = fresh.networks(owner, "tiny")
    for module in (demonstrations, fresh):
        monkeypatch.setattr(module, "networks", lambda owner, size: known)
    taught, tried = Watch(), Watch()
    with taught.on(owner, monkeypatch):
        for seed in (0, 1):
            demonstrations.prepare(owner, "tiny", table, tmp_path / f"d{seed}", count=3, seed=seed)
    with tried.on(owner, monkeypatch):
        fresh.prepare(owner, "tiny", [table], tmp_path / "f", traces=2, seeds=1)
    for watch in (taught, tried):
        check_apart(watch, id, "tiny")
    assert not taught.roots & tried.roots
    assert not taught.traces & tried.traces


def test_uses_have_seeds_of_their_own():
    """No two begin at the same seed: a training with another seed of the agent moves by that seed."""
    generalisation, start, value = (
        script("studies", "generalisation"), script("studies", "start"), script("tuning", "value"),
    )  # fmt: skip
    begun = [
        training.TRAINING_SEED, training.VALIDATION_SEED, fresh.FRESH_SEED, demonstrations.SEED, generalisation.SEED,
        start.SEED, value.TUNING_SEED,
    ]  # fmt: skip
    assert all(abs(a - b) >= OWN_SEEDS for a, b in itertools.combinations(begun, 2))
    assert min(begun) >= OWN_SEEDS
    assert learned.FRESH_SEEDS[0] >= OWN_SEEDS


@pytest.mark.parametrize(
    ("module", "seed", "name", "id"),
    [
        (learned, "TRAINING_SEED", "vdn", "stin-deployment"),
        (learned, "TRAINING_SEED", "mappo", "edge-placement"),
        (training, "VALIDATION_SEED", "vdn", "stin-deployment"),
        (learned, "FRESH_SEEDS", "imitation", "stin-deployment"),
    ],
)
def test_who_draws_from_the_library_is_found(module, seed, name, id, monkeypatch):
    """The same check fails as soon as one of these seeds is the library's."""
    if seed == "VALIDATION_SEED":
        monkeypatch.setattr(Validation.__init__, "__defaults__", (20, 0, None, "agents"))
    else:
        monkeypatch.setattr(module, seed, (0, 10) if seed == "FRESH_SEEDS" else 0)
    watch = Watch()
    with watch.on(problem(id), monkeypatch):
        training_of(name, id)
    with pytest.raises(AssertionError):
        check_apart(watch, id, "tiny")


def test_a_trace_of_the_library_is_found():
    watch = Watch()
    watch.saw(OWN_SEEDS, instances.load("stin-deployment/tiny-001"))
    with pytest.raises(AssertionError):
        check_apart(watch, "stin-deployment", "tiny")

"""Laws of what a problem declares, and of its instances and their files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from dtbench.arrays import specs
from dtbench.core import AnyProblem
from dtbench.errors import DtbenchError
from dtbench.laws.cases import drawn, instance_of
from dtbench.laws.compare import refused, require, require_close
from dtbench.laws.law import Laws, batches, once, sizes
from dtbench.library import instances
from dtbench.params import Params
from dtbench.problems import all_problems

LAWS = Laws()
law = LAWS.law


# Declarations


@law(once)
def declarations(problem: AnyProblem) -> None:
    """Id, title, unit, sense, sizes and exact methods are declared."""
    require(all_problems().get(problem.id) is problem, f"'{problem.id}' is not the registered problem of this id")
    require(problem.id == problem.id.lower(), f"id is '{problem.id}', expected lower case")
    require(problem.title and problem.unit, "title or unit is empty")
    require(problem.sense in ("min", "max"), f"sense is '{problem.sense}', expected 'min' or 'max'")
    missing = {"tiny", "small", "paper", "large"} - set(problem.sizes)
    require(not missing, f"sizes lack {', '.join(sorted(missing))}")
    require(all(isinstance(p, Params) for p in problem.sizes.values()), "a size is no Params")
    require(problem.exactness.methods, "there is no exact method")
    for methods in (problem.exactness.methods, problem.exactness.horizon_methods):
        require(len(set(methods)) == len(methods), "an exact method is listed twice")
    if any(problem.coupled(params) for params in problem.sizes.values()):
        require(problem.exactness.horizon_methods, "slots are coupled, and there is no exact method for horizons")
    require(
        0.0 <= problem.exactness.target_gap <= 1e-2, f"target gap is {problem.exactness.target_gap}, expected 0 to 0.01"
    )


@law(once)
def every_number_has_a_unit_and_a_meaning(problem: AnyProblem) -> None:
    """Every number has a unit and a meaning."""
    instance = instance_of(problem, "tiny")
    state = problem.start(instance)
    for cls in (type(instance), type(state), problem.Slot, problem.Decision):
        for name, spec in specs(cls).items():
            require(spec.unit and spec.doc, f"{cls.__name__}.{name} lacks a unit or a meaning")
    for name, scalar, _ in instance.params.items():
        require(scalar.unit and scalar.doc, f"parameter '{name}' lacks a unit or a meaning")


@law(sizes)
def dimensions_are_declared(problem: AnyProblem, size: str) -> None:
    """Instances have the declared dimensions, types and ranges; dimensions of decisions are an instance's.

    Those of an instance follow from its parameters, so files can be checked; those of a decision are among them, so
    shapes can be.
    """
    instance = instance_of(problem, size)
    declared = dict(problem.dimensions(instance.params))
    require(declared.items() <= instance.dims.items(), f"dimensions are {instance.dims}, declared are {declared}")
    decision = drawn(problem, size)[3]
    require(decision.dims.items() <= instance.dims.items(), f"a decision has {decision.dims}, see {instance.dims}")
    require(isinstance(instance, problem.Instance), f"generate gives {type(instance).__name__}")
    header = (instance.problem, instance.size, instance.seed)
    require(header == (problem.id, size, 1), f"problem, size and seed are {header}, expected {(problem.id, size, 1)}")
    require(instance.batch_shape == (), f"an instance has leading axes {instance.batch_shape}")
    for name, spec, value in instance.arrays():
        kind = {"float": "f", "int": "i", "bool": "b"}[spec.kind]
        require(value.dtype.kind == kind, f"'{name}' holds {value.dtype}, declared is {spec.kind}")
        low, high = (-np.inf if spec.low is None else spec.low), (np.inf if spec.high is None else spec.high)
        require(((value >= low) & (value <= high)).all(), f"'{name}' leaves its range [{low}, {high}]")


# Instances


@law(sizes)
def same_seed_same_instance(problem: AnyProblem, size: str) -> None:
    """The same seed gives the same instance, another seed another trace."""
    one, again, other = (problem.generate(size, seed) for seed in (5, 5, 6))
    differs = []
    for name, spec, value in one.arrays():
        assert_array_equal(value, getattr(again, name), err_msg=name)
        differs += [(value != getattr(other, name)).any()] if "time" in spec.dims else []
    require(any(differs), "two seeds gave the same trace")


@law(sizes)
def files(problem: AnyProblem, size: str) -> None:
    """An instance comes back from its file, and the same seed gives the same file."""
    instance = problem.generate(size, 5)
    with tempfile.TemporaryDirectory() as folder:
        one, again = Path(folder) / "one.nc", Path(folder) / "again.nc"
        instances.save(one, instance)
        instances.save(again, problem.generate(size, 5))
        require(one.read_bytes() == again.read_bytes(), "two files of one seed differ")
        back = instances.load(one)
    require(type(back) is type(instance), f"the file gives {type(back).__name__}")
    require(back.params == instance.params, "parameters differ")
    require((back.problem, back.size, back.seed) == (problem.id, size, 5), "problem, size or seed differ")
    for name, _, value in instance.arrays():
        assert_array_equal(getattr(back, name), value, err_msg=name)


@law(once)
def unknown_sizes_and_parameters_arerefused(problem: AnyProblem) -> None:
    """Unknown sizes and parameters are refused."""
    refused(DtbenchError, "unknown size", lambda: problem.generate("huge", 0))
    refused(DtbenchError, "unknown parameter", lambda: problem.generate("tiny", 0, no_such_parameter=1))


@law(batches)
def resample_draws_fresh_traces(problem: AnyProblem, batch: tuple[int, ...]) -> None:
    """Resampling draws fresh traces of the declared shape, each of a batch another one."""
    instance = instance_of(problem, "tiny")
    rng = np.random.default_rng(0)
    one, following = (problem.resample(instance, rng, batch) for _ in range(2))
    again = problem.resample(instance, np.random.default_rng(0), batch)
    require(one.batch_shape == batch, f"leading axes are {one.batch_shape}, expected {batch}")
    require(one.dims == instance.dims, f"dimensions are {one.dims}, expected {instance.dims}")
    require(one.params == instance.params, "parameters differ")
    require_close(again, one)
    moving = [name for name, spec, _ in one.arrays() if "time" in spec.dims]
    require(any((getattr(one, n) != getattr(following, n)).any() for n in moving), "two draws gave the same trace")
    spread = one[...]
    members = [spread[index] for index in np.ndindex(*batch)]
    for other in members[1:]:
        differs = any((getattr(members[0], n) != getattr(other, n)).any() for n in moving)
        require(differs, "two members of a batch have the same trace")

"""The instance library: frozen netCDF files, their checksums and best known values; and files of a user's own.

An instance is named ``<problem>/<size>-<number>`` if it is shipped, or by the path of its file. Whatever is read is
checked against the problem's declaration: variables, dimensions, units, kinds, ranges, parameters.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dtbench import files, netcdf
from dtbench.arrays import DTYPES, ArraySpec, specs
from dtbench.core import AnyProblem, Instance
from dtbench.errors import DtbenchError, near
from dtbench.netcdf import Content, Variable
from dtbench.problems import all_problems, problem

CHECKSUMS = "SHA256SUMS"


def names(problem_id: str | None = None, size: str | None = None) -> list[str]:
    """Names of the shipped instances, in order of problem, size (as declared) and number."""
    found = []
    for id, owner in all_problems().items():
        if problem_id in (None, id):
            for each in owner.sizes:
                if size in (None, each):
                    paths = (files.folder("instances") / id).glob(f"{each}-*.nc")
                    found += sorted(f"{id}/{file.stem}" for file in paths)
    return found


def match(pattern: str) -> list[str]:
    """Names of shipped instances that match a glob, ``"stin-deployment/tiny-*"``; case matters."""
    return [name for name in names() if fnmatch.fnmatchcase(name, pattern)]


def path_of(name: str | Path) -> Path:
    """The file of a shipped instance, or the path itself if ``name`` ends in ``.nc``.

    Raises
    ------
    DtbenchError
        If there is no such instance; the message offers near names.
    """
    if str(name).endswith(".nc"):
        if not Path(name).is_file():
            raise DtbenchError(f"instance file '{name}' does not exist.")
        return Path(name)
    if name not in names():
        raise DtbenchError(
            f"unknown instance '{name}'.{near(str(name), names())} `dtbench list instances` shows all; a file of your "
            "own ends in '.nc'."
        )
    return files.folder("instances") / f"{name}.nc"


def sha256_of(name: str | Path) -> str:
    """Checksum of an instance's file."""
    return hashlib.sha256(path_of(name).read_bytes()).hexdigest()


def recorded_checksums(problem_id: str) -> dict[str, str]:
    """File name -> checksum, from the problem's ``SHA256SUMS``."""
    file = files.folder("instances") / problem_id / CHECKSUMS
    if not file.is_file():
        return {}
    rows = (line.split(maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name.strip().lstrip("*"): digest for digest, name in rows}


def load(name: str | Path) -> Instance:
    """Read and check an instance.

    Raises
    ------
    DtbenchError
        If the file is changed (its checksum differs from the library's), truncated, foreign, incomplete, or holds a
        value that cannot be; the message names file, field and value.
    """
    path = path_of(name)
    shipped = not str(name).endswith(".nc")
    if shipped:
        check_checksum(path)
    return from_content(netcdf.read(path), path, name=str(name) if shipped else path.name)


def check_checksum(path: Path) -> None:
    """Compare a shipped file with the library's list.

    Raises
    ------
    DtbenchError
        If it is not listed, or differs.
    """
    listed = recorded_checksums(path.parent.name).get(path.name)
    if listed is None:
        raise DtbenchError(f"'{path}' is not listed in {CHECKSUMS}: not an instance of this library.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != listed:
        raise DtbenchError(
            f"'{path}' differs from its checksum in {CHECKSUMS}: the file was changed or damaged. Restore it (from "
            "git, or by installing again); to use an instance of your own, copy it elsewhere and name it by its path."
        )


def save(path: Path, instance: Instance) -> None:
    """Write an instance to a netCDF file."""
    netcdf.write(path, to_content(instance))


def to_content(instance: Instance) -> Content:
    """An instance as variables, attributes and a group of parameters."""
    owner = problem(instance.problem)
    scalars, texts = {}, {}
    for name, spec, value in instance.params.items():
        if isinstance(value, str):
            texts[name] = value
        else:
            scalars[name] = Variable((), netcdf.stored(value), spec.unit, spec.doc)
    header = {
        "title": f"{owner.title}: instance of dtbench",
        "problem": instance.problem,
        "size": instance.size,
        "seed": np.int64(instance.seed),
        "generator_version": np.int64(owner.library.generator_version),
        "source": f"{owner.paper.authors} ({owner.paper.year}), {owner.paper.title}",
    }
    return Content(netcdf.variables_of(instance), header, {"parameters": Content(scalars, texts)})


def from_content(content: Content, path: Path, name: str) -> Instance:
    """Build an instance from what a file holds.

    Raises
    ------
    DtbenchError
        On anything that is not as the problem declares it.
    """
    header = content.attributes
    for key in ("problem", "size", "seed", "generator_version"):
        if key not in header:
            raise DtbenchError(f"'{path}': attribute '{key}' is missing; this is not an instance of dtbench.")
    try:
        owner = problem(str(header["problem"]))
        owner.params(str(header["size"]))
    except DtbenchError as error:
        raise DtbenchError(f"'{path}': {error}") from None
    version = owner.library.generator_version
    if header["generator_version"] != version:
        raise DtbenchError(
            f"'{path}': generator version is {header['generator_version']}, expected {version}; "
            "generate it again with `dtbench generate`."
        )
    params = _params(owner, content, path, str(header["size"]))
    instance_class: type[Instance] = owner.Instance
    sizes = dict(owner.dimensions(params))
    arrays = {n: _checked(path, n, s, content.variables, sizes) for n, s in specs(instance_class).items()}
    foreign = sorted(set(content.variables) - set(arrays) - set(sizes))
    if foreign:
        raise DtbenchError(f"'{path}': unknown variable '{foreign[0]}'. Expected: {', '.join(arrays)}.")
    return instance_class(
        problem=owner.id, size=str(header["size"]), seed=int(header["seed"]), params=params, name=name, **arrays
    )


def _params(owner: AnyProblem, content: Content, path: Path, size: str) -> Any:
    if "parameters" not in content.groups:
        raise DtbenchError(f"'{path}': group 'parameters' is missing.")
    group = content.groups["parameters"]
    default = owner.params(size)
    for name, spec, _ in default.items():
        given = group.variables.get(name)
        if given is None and name not in group.attributes:
            raise DtbenchError(f"'{path}': parameter '{name}' is missing.")
        if given is not None and given.unit != spec.unit:
            raise DtbenchError(f"'{path}': parameter '{name}' is in '{given.unit}', expected '{spec.unit}'.")
    values = {n: v.values.item() for n, v in group.variables.items()} | dict(group.attributes)
    try:
        return default.replace(values)
    except DtbenchError as error:
        raise DtbenchError(f"'{path}': {error}") from None


def _checked(path: Path, name: str, spec: ArraySpec, variables: Mapping[str, Variable], sizes: dict[str, int]) -> Any:
    """One variable, if it is what the declaration says; lengths of dimensions are collected in ``sizes``."""
    where = f"'{path}': variable '{name}'"
    if name not in variables:
        raise DtbenchError(f"{where} ({spec.doc}) is missing.")
    given = variables[name]
    if given.dims != spec.dims:
        raise DtbenchError(f"{where} has dimensions {given.dims}, expected {spec.dims}.")
    for dim, length in zip(spec.dims, given.values.shape, strict=True):
        if sizes.setdefault(dim, length) != length:
            raise DtbenchError(f"{where} has {length} along '{dim}', expected {sizes[dim]}.")
    if given.unit != spec.unit:
        raise DtbenchError(f"{where} is in '{given.unit}', expected '{spec.unit}'.")
    kind = np.dtype(np.int8 if spec.kind == "bool" else DTYPES[spec.kind])
    if given.values.dtype != kind:
        raise DtbenchError(f"{where} holds {given.values.dtype}, expected {kind}.")
    if not np.isfinite(given.values).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(given.values))[0])
        raise DtbenchError(f"{where} is {given.values[index]} at {index}, expected finite numbers.")
    low, high = (0, 1) if spec.kind == "bool" else (spec.low, spec.high)
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    wrong = (given.values < low) | (given.values > high)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DtbenchError(f"{where} is {given.values[index]} at {index}, expected [{low:g}, {high:g}] {spec.unit}.")
    values = given.values.astype(DTYPES[spec.kind], copy=False)
    values.setflags(write=False)  # frozen: a solver that writes into an instance gets an error
    return values

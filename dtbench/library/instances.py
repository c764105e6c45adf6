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
from dtbench.errors import DtbenchError, near, shown
from dtbench.netcdf import Content, Variable
from dtbench.outside import read_checksums
from dtbench.problems import all_problems, problem

CHECKSUMS = "SHA256SUMS"
HEADER: Mapping[str, type] = {"problem": str, "size": str, "seed": int, "generator_version": int}
WORDS = {str: "a text", int: "a whole number"}
CHANGES_MEANING = ("scale_factor", "add_offset", "_Unsigned")  # what is stored is not what is meant
MISSING = ("_FillValue", "missing_value")  # stands for no value


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


def is_shipped(name: str) -> bool:
    """Whether this is the name of a shipped instance."""
    id, _, stem = name.partition("/")
    owner = all_problems().get(id)
    known = owner is not None and stem.rpartition("-")[0] in owner.sizes and "/" not in stem
    return known and (files.folder("instances") / f"{name}.nc").is_file()


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
    if not is_shipped(str(name)):
        raise DtbenchError(
            f"unknown instance '{name}'.{near(str(name), names())} `dtbench list instances` shows all; a file of your "
            "own ends in '.nc'."
        )
    return files.folder("instances") / f"{name}.nc"


def sha256_of(name: str | Path) -> str:
    """Checksum of an instance's file."""
    return hashlib.sha256(path_of(name).read_bytes()).hexdigest()


def recorded_checksums(problem_id: str) -> dict[str, str]:
    """File name -> checksum, from the problem's ``SHA256SUMS``; empty if there is none.

    Raises
    ------
    DtbenchError
        If it is damaged; the message names file and line.
    """
    file = files.folder("instances") / problem_id / CHECKSUMS
    if not file.is_file():
        return {}
    return read_checksums(file)


def load(name: str | Path, *, known: bool = False, whole: bool = False) -> Instance:
    """Read and check an instance.

    Parameters
    ----------
    name
        In the library, or the path of a file that ends in ``.nc``.
    known
        Whether the file was read and checked before, as its checksum says: then it is read in this process.
    whole
        Whether units are checked also in files whose checksum says that they were.

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
    known = known or shipped
    described = whole or not known
    content = netcdf.read(path, known=known, described=described)
    return from_content(content, path, str(name) if shipped else path.name, described=described)


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
    header = netcdf.header(
        f"{owner.title}: instance of dtbench",
        f"Size {instance.size}, seed {instance.seed}: network, trace of {instance.horizon} slots, and parameters.",
        problem=instance.problem,
        size=instance.size,
        seed=netcdf.whole(instance.seed),
        generator_version=netcdf.whole(owner.library.generator_version),
        source=f"{owner.paper.authors} ({owner.paper.year}), {owner.paper.title}",
    )
    return Content(netcdf.variables_of(instance), header, {"parameters": Content(scalars, texts)})


def from_content(content: Content, path: Path, name: str, *, described: bool = True) -> Instance:
    """Build an instance from what a file holds; ``described``: with units and meaning, which are checked then.

    Raises
    ------
    DtbenchError
        On anything that is not as the problem declares it.
    """
    header = content.attributes
    for key, kind in HEADER.items():
        if key not in header:
            raise DtbenchError(f"'{path}': attribute '{key}' is missing; this is not an instance of dtbench.")
        whole = isinstance(header[key], float) and header[key].is_integer()  # R has no integers of 64 bit
        if not isinstance(header[key], kind) and not (kind is int and whole):
            raise DtbenchError(f"'{path}': attribute '{key}' is {shown(header[key])}; expected {WORDS[kind]}.")
    try:
        owner = problem(header["problem"])
        owner.params(header["size"])
    except DtbenchError as error:
        raise DtbenchError(f"'{path}': {error}") from None
    version = owner.library.generator_version
    if header["generator_version"] != version:
        raise DtbenchError(
            f"'{path}': generator version is {header['generator_version']}, expected {version}; "
            "generate it again with `dtbench generate`."
        )
    params = _params(owner, content, path, header["size"], described)
    instance_class: type[Instance] = owner.Instance
    sizes = dict(owner.dimensions(params))
    arrays = {n: _checked(path, n, s, content.variables, sizes, described) for n, s in specs(instance_class).items()}
    foreign = sorted(set(content.variables) - set(arrays) - set(sizes))
    if foreign:
        raise DtbenchError(f"'{path}': unknown variable '{foreign[0]}'. Expected: {', '.join(arrays)}.")
    return instance_class(
        problem=owner.id, size=header["size"], seed=int(header["seed"]), params=params, name=name, **arrays
    )


def _params(owner: AnyProblem, content: Content, path: Path, size: str, described: bool) -> Any:
    if "parameters" not in content.groups:
        raise DtbenchError(f"'{path}': group 'parameters' is missing.")
    group = content.groups["parameters"]
    default = owner.params(size)
    for name, spec, _ in default.items():
        given = group.variables.get(name)
        if given is None and name not in group.attributes:
            raise DtbenchError(f"'{path}': parameter '{name}' is missing.")
        if given is not None and name in group.attributes:
            raise DtbenchError(f"'{path}': parameter '{name}' is a variable and an attribute; expected one of them.")
        if given is not None and described and given.unit != spec.unit:
            raise DtbenchError(f"'{path}': parameter '{name}' is in '{given.unit}', expected '{spec.unit}'.")
        if given is not None and given.values.size != 1:
            raise DtbenchError(f"'{path}': parameter '{name}' has shape {given.values.shape}; expected one number.")
        if given is not None:
            _check_meaning(f"'{path}': parameter '{name}'", given)
    values = {n: v.values.item() for n, v in group.variables.items() if v.values.size == 1} | dict(group.attributes)
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise DtbenchError(f"'{path}': parameter '{name}' is {shown(value)}; expected one number or text.")
    try:
        return default.replace(values)
    except DtbenchError as error:
        raise DtbenchError(f"'{path}': {error}") from None


def _checked(
    path: Path, name: str, spec: ArraySpec, variables: Mapping[str, Variable], sizes: dict[str, int], described: bool
) -> Any:
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
    if described and given.unit != spec.unit:
        raise DtbenchError(f"{where} is in '{given.unit}', expected '{spec.unit}'.")
    if given.values.dtype != np.float64 and (spec.kind == "float" or given.values.dtype.kind == "f"):
        kind = np.dtype(np.int8 if spec.kind == "bool" else DTYPES[spec.kind])
        raise DtbenchError(f"{where} holds {given.values.dtype}, expected {kind}.")
    _check_meaning(where, given)
    if not np.isfinite(given.values).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(given.values))[0])
        raise DtbenchError(f"{where} is {given.values[index]} at {index}, expected finite numbers.")
    low, high = (0, 1) if spec.kind == "bool" else (spec.low, spec.high)
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    wrong = (given.values < low) | (given.values > high)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DtbenchError(f"{where} is {given.values[index]} at {index}, expected [{low:g}, {high:g}] {spec.unit}.")
    if spec.kind != "float":  # integers that another program wrote as real numbers, or without a sign
        broken = (given.values != np.trunc(given.values)) | (np.abs(given.values.astype(np.float64)) >= 2.0**63)
        if broken.any():
            index = tuple(int(i) for i in np.argwhere(broken)[0])
            raise DtbenchError(f"{where} is {given.values[index]} at {index}, expected whole numbers of 64 bit.")
    values = given.values.astype(DTYPES[spec.kind], copy=False)
    values.setflags(write=False)  # frozen: a solver that writes into an instance gets an error
    return values


def _check_meaning(where: str, given: Variable) -> None:
    """Refuse attributes by which other programs read other numbers than those that are stored."""
    for name in CHANGES_MEANING:
        if name in given.attributes:
            raise DtbenchError(f"{where} has the attribute '{name}'; write plain numbers instead.")
    for name in MISSING:
        mark = given.attributes.get(name)
        if isinstance(mark, int | float) and (given.values == mark).any():
            raise DtbenchError(
                f"{where} is {mark} somewhere, which '{name}' says is no value; expected numbers everywhere."
            )

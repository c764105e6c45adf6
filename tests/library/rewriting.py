"""Instances as the netCDF C library writes them: what R, MATLAB, Julia and netCDF4-python make of a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np


def rewrite(
    source: Path,
    target: Path,
    *,
    endian: str = "native",
    unlimited: str = "",
    kind: Callable[[Any], Any] = lambda values: values.dtype,
    scalars: tuple[str, ...] = (),
    attributes: bool = False,
    **storage: Any,
) -> None:
    """Copy all groups, dimensions, variables and attributes of a file.

    ``kind`` chooses the type of a variable's numbers, ``scalars`` are the dimensions of single numbers, ``storage``
    is passed to ``createVariable``. With ``attributes``, texts are written as lists of one text (``NC_STRING``).
    """
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(target, "w") as new:
        old.set_auto_maskandscale(False)

        def copy(one: Any, other: Any) -> None:
            for name, value in one.__dict__.items():
                _attribute(other, name, value, attributes)
            for name, dim in one.dimensions.items():
                other.createDimension(name, None if name == unlimited else len(dim))
            if scalars and one.parent is not None:
                other.createDimension(scalars[0], 1)
            for name, given in one.variables.items():
                values = given[...]
                dims = given.dimensions or (scalars if one.parent is not None else ())
                options = storage if dims else {}
                order = {"big": ">", "little": "<", "native": "="}[endian]
                dtype = np.dtype(kind(values)).newbyteorder(order)
                made = other.createVariable(name, dtype, dims, endian=endian, **options)
                made.set_auto_maskandscale(False)
                made[...] = values
                for key in given.ncattrs():
                    _attribute(made, key, given.getncattr(key), attributes)
            for name, group in one.groups.items():
                copy(group, other.createGroup(name))

        copy(old, new)


def _attribute(item: Any, name: str, value: Any, strings: bool) -> None:
    if strings and isinstance(value, str):
        item.setncattr_string(name, [value])
    else:
        item.setncattr(name, value)

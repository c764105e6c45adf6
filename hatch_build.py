"""Puts solvers, and the policies that the suites `quick` and `small` play, into the wheel.

`dtbench-policies` has the other ones.

Which policies those are is listed in pyproject.toml, `tool.dtbench`; a test holds the list against the suites.
"""

import fnmatch
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CHECKPOINTS = "checkpoints"


def in_wheel(root: Path) -> dict[str, str]:
    """Files of `solvers` that the wheel holds -> where they lie in it."""
    listed = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dtbench"]["policies"]
    found = {}
    for file in sorted((root / "solvers").rglob("*")):
        name = file.relative_to(root / "solvers")
        if not file.is_file() or "__pycache__" in name.parts:
            continue
        policy = name.parts[0] == CHECKPOINTS and file.suffix == ".safetensors"
        if not policy or any(fnmatch.fnmatch("/".join(name.parts[1:]), pattern) for pattern in listed):
            found[str(file)] = f"dtbench/_data/solvers/{name.as_posix()}"
    return found


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling for a wheel, not for one that points at the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files."""
        if version != "editable":
            build_data["force_include"].update(in_wheel(Path(self.root)))

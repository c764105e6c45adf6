"""Virtual environments of the peers: one for each family, of pinned versions, with this dtbench beside them.

python studies/peers/environments.py [marl sb3 mobile search models] [--again]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = ROOT / ".venv-peers"
FAMILIES = ("marl", "sb3", "mobile", "search", "models")


def requirements(family: str) -> dict[str, str]:
    """The pinned packages of a family, by their names in lower case."""
    lines = (HERE / "requirements" / f"{family}.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {name.strip().lower(): version.strip() for name, version in pins}


def python(family: str) -> Path:
    """The interpreter of a family's environment."""
    folder = HOME / family / ("Scripts" if os.name == "nt" else "bin")
    return folder / ("python.exe" if os.name == "nt" else "python")


def make(family: str) -> None:
    """Create the environment of a family, and install its peers and dtbench with the versions of constraints.txt."""
    folder = HOME / family
    shutil.rmtree(folder, ignore_errors=True)
    venv.EnvBuilder(with_pip=True).create(folder)
    wanted = ["-r", str(HERE / "requirements" / f"{family}.txt"), "-c", str(ROOT / "constraints.txt"), "-e", str(ROOT)]
    subprocess.run([python(family), "-m", "pip", "install", "--quiet", *wanted], check=True)  # noqa: S603


def main() -> None:
    """Make the environments that are named, or all; those that exist stay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--again", action="store_true", help="make those anew that exist")
    given = parser.parse_args()
    unknown = sorted(set(given.families) - set(FAMILIES))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; expected {', '.join(FAMILIES)}.")
    for family in given.families or FAMILIES:
        if python(family).exists() and not given.again:
            print(f"{family}: exists", file=sys.stderr)
            continue
        make(family)
        print(f"{family}: {python(family)}", file=sys.stderr)


if __name__ == "__main__":
    main()

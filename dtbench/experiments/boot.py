"""What the interpreter of a zygote runs first: ``python -P boot.py SOCKET PATH``, PATH a list as JSON.

Only the interpreter's own folders are looked at before this: neither the current folder nor ``PYTHONPATH`` hides a
module of the standard library or an installed package. The runner's other folders come after them. The dtbench that
runs here is the runner's, from the folder that this file lies in.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path


def main() -> None:
    """Import this dtbench and serve."""
    sys.path += [folder for folder in json.loads(sys.argv[2]) if folder not in sys.path]
    package = Path(__file__).resolve().parents[1]
    spec = importlib.util.spec_from_file_location(
        package.name, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"'{package}' is not a package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[package.name] = module
    spec.loader.exec_module(module)
    from dtbench.experiments import zygote

    zygote.serve(int(sys.argv[1]), sys.argv[3])


main()

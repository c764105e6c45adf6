"""One side of a pair with one seed, in this process, on one thread; prints a line of JSON.

python -m studies.peers.one PAIR SIDE SEED [--set NAME=VALUE ...]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import importlib.metadata
import importlib.util
import json
import random
import tomllib
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from studies.peers.cost import Cost
from studies.peers.environments import requirements
from studies.peers.settings import OURS, Pair, pairs


def measured(pair: Pair, side: str, seed: int) -> dict[str, Any]:
    """What it cost and reached, with the versions of the libraries beside it."""
    own = side == OURS and pair.solver  # then nothing of the peers is imported, which would count as our memory
    adapter: Any = importlib.import_module(f"studies.peers.{'ours' if own else pair.adapter}")
    seed_everything(seed)
    cost = Cost()
    with threadpool_limits(limits=1):
        reached = adapter.run(pair, side, seed, cost)
    versions = installed(OURS, "numpy", *requirements(pair.family))
    return {
        "pair": pair.name, "side": side, "seed": seed, "cpu": cost.cpu,
        **{f"cpu_{name}": seconds for name, seconds in cost.parts.items()},
        "base_mb": cost.base_mb, "peak_mb": cost.peak_mb, **reached,
        "versions": " ".join(f"{name}=={version}" for name, version in versions.items()),
    }  # fmt: skip


def installed(*names: str) -> dict[str, str]:
    """Versions of the packages that this environment has."""
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def seed_everything(seed: int) -> None:
    """Seed what libraries draw from; torch, where it is installed, also gets one thread."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  peers draw from it
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)


def main() -> None:
    """Play one side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pair")
    parser.add_argument("side")
    parser.add_argument("seed", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, as TOML has it")
    given = parser.parse_args()
    pair = pairs()[given.pair]
    changed = tomllib.loads("\n".join(given.set))
    pair = dataclasses.replace(pair, settings={**pair.settings, **changed})
    print(json.dumps(measured(pair, given.side, given.seed)))


if __name__ == "__main__":
    main()

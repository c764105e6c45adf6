"""The shipped problems' ids, sizes and horizons: what can be named before a problem's package is imported.

Whoever adds a size to a shipped problem adds it here; a test holds this table against the problems.
"""

from __future__ import annotations

from collections.abc import Mapping

HORIZONS: Mapping[str, Mapping[str, int]] = {
    "dnt-spectrum": {"tiny": 8, "small": 20, "paper": 30, "paper9": 30, "large": 30, "city": 10},
    "edge-migration": {"tiny": 4, "small": 20, "paper": 25, "large": 50, "city": 10},
    "edge-placement": {"tiny": 10, "small": 20, "paper": 25, "large": 10, "city": 5},
    "mec-synchronization": {
        "tiny": 10, "small": 40, "paper": 200, "large": 100, "city": 5,
        "closed-tiny": 10, "closed-small": 40, "closed-paper": 200,
    },
    "satellite-offloading": {"tiny": 20, "small": 20, "paper": 20, "large": 10, "city": 5},
    "stin-deployment": {"tiny": 10, "small": 20, "paper": 50, "large": 20, "city": 5},
}  # fmt: skip

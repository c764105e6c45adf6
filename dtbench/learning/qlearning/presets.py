"""Settings of action-value learners, problem by problem; VDN, IQL and QMIX start from them."""

from __future__ import annotations

from collections.abc import Mapping

from dtbench.learning.options import Scalar

PAPER: Mapping[str, Mapping[str, Scalar]] = {
    "stin-deployment": {
        "episodes": 1000, "validate_every": 20, "hidden": 64, "memory": 64, "share": False, "parallel": 1,
        "updates": 8, "batch": 8, "length": 8, "buffers": "agent", "capacity": 500, "warmup": 16, "target_every": 10,
        "gamma": 0.9, "learning_rate": 1e-4, "exploring": 0.5, "reward_scale": 10.0,
    },
    "dnt-spectrum": {
        "env": "obs=paper,predictor=gru", "episodes": 750, "validate_every": 3, "hidden": 128, "memory": 128,
        "share": False, "parallel": 10, "updates": 100, "batch": 32, "length": 0, "capacity": 500, "warmup": 0,
        "target_every": 50, "gamma": 0.2, "learning_rate": 1e-4, "exploring": 0.6,
    },
}  # fmt: skip

TUNED_STIN: Mapping[str, Scalar] = {
    "episodes": 4800, "validate_every": 10, "hidden": 64, "layers": 2, "memory": 0, "share": True,
    "parallel": 16, "updates": 60, "batch": 128, "length": 1, "capacity": 400, "warmup": 32, "gamma": 0.0,
    "learning_rate": 2e-3, "last_rate": 0.05, "exploring": 0.25, "last_epsilon": 0.01,
}  # fmt: skip

TUNED_DNT: Mapping[str, Scalar] = {
    "env": "obs=twin,reward=objective", "episodes": 16000, "validate_every": 8, "traces": 60, "hidden": 16, "layers": 1,
    "memory": 0, "share": False, "parallel": 64, "updates": 60, "batch": 640, "length": 1, "capacity": 12800,
    "warmup": 64, "target_every": 128, "gamma": 0.7, "learning_rate": 2e-3, "last_rate": 0.05, "exploring": 0.4,
    "last_epsilon": 0.1, "reward_scale": 0.1,
}  # fmt: skip

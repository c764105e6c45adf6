"""Settings of MAPPO and HAPPO, problem by problem."""

from __future__ import annotations

from collections.abc import Mapping

from dtbench.learning.options import Scalar

PAPER_MEC: Mapping[str, Scalar] = {  # 150 episodes of 5000 slots, one after the other
    "env": "y0=zero,n_frames=50,observation=paper,reward=xi", "episodes": 150, "parallel": 1, "traces": 5,
    "apart": "cc", "chained": True, "critic": "agent", "target": "td0",
}  # fmt: skip

PAPER: Mapping[str, Mapping[str, Scalar]] = {
    "*": {"episodes": 1000, "parallel": 20},
    "mec-synchronization": PAPER_MEC,
    "satellite-offloading": {"env": "obs=paper"},
    "dnt-spectrum": {"env": "obs=paper,predictor=gru", "gamma": 0.2},
    "edge-placement": {"gamma": 0.7},
    "edge-migration": {"gamma": 0.7},
}  # fmt: skip

TUNED: Mapping[str, Mapping[str, Scalar]] = {
    "*": {
        "episodes": 2000, "parallel": 20, "gamma": 0.0, "epochs": 5, "entropy": 0.003, "actor_rate": 2e-3,
        "critic_rate": 2e-3, "anneal": True,
    },
    "satellite-offloading": {
        "encoding": "strict", "env": "obs=ordered", "episodes": 30000, "parallel": 25, "minibatches": 4, "entropy": 0.0,
        "actor_rate": 1e-3, "critic_rate": 1e-3, "mean": 0.7, "deviation": 0.1, "scope": "size", "validate_every": 40,
    },
    "edge-migration": {
        "episodes": 1600, "gamma": 0.7, "entropy": 0.0, "actor_rate": 5e-3, "critic_rate": 1e-3,
        "hidden": "64,32", "deviation": 0.15, "by_entry": True, "validate_every": 5, "scope": "size",
    },
}  # fmt: skip

TUNED_DNT: Mapping[str, Scalar] = {
    "env": "obs=twin,reward=objective", "episodes": 16000, "parallel": 80, "traces": 60, "gamma": 0.2, "epochs": 8,
    "entropy": 0.001, "hidden": "64",
}  # fmt: skip

TUNED_MEC: Mapping[str, Scalar] = {
    "episodes": 500, "parallel": 5, "minibatches": 4, "validate_every": 10, "entropy": 0.0, "actor_rate": 1e-2,
    "hidden": "64,32", "mean": 0.45, "deviation": 0.12, "apart": "cc", "credit": "own", "scope": "size",
    "env": "power_action=margin,reward=difference,observation=cell",
}  # fmt: skip

TUNED_PLACEMENT: Mapping[str, Scalar] = {
    "encoding": "hybrid", "episodes": 1600, "parallel": 40, "epochs": 4, "entropy": 0.0, "actor_rate": 3e-3,
    "hidden": "32,32", "deviation": 0.05, "by_entry": True, "validate_every": 5,
}  # fmt: skip

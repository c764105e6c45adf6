"""Whether a method keeps failures of ``mec-synchronization`` at or below eps, in the closed loop of queues.

    python studies/reliability.py happo mappo greedy silent [--seeds 3] [--traces 3] [--frames 50] [--centre]

Users and base stations of a trained policy act on queues that their own failures have made; twins go to the nearest
server at the start of each frame, for every method alike. With ``--centre`` agents are those of the size
``closed-paper``, which were trained in the closed loop (and are now, if there are none yet), and their control centre
places twins; rules place them as they do. Told is the second half of the horizon, when queues have
found their level, as means over fresh traces and training seeds: the energy [J] per user and slot beside the failure
ratio (an energy means something only at an equal failure ratio), that of the worst user, the share of users whose ratio
is above eps by more than 0.01, the mean queue, and how much it still grows per slot: failures above eps are that.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.envs import TEMPLATE_SEED
from dtbench.library import instances
from dtbench.plugins.discovery import discover, find, load_solver
from dtbench.problems import problem
from dtbench.problems.mec_synchronization.instance import MecInstance
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot

MEC: Any = problem("mec-synchronization")
FRESH_SEED = 20_000  # of networks: above those of the library, below those of training
COLUMNS = ("energy", "failure_ratio", "worst", "above_eps", "queue", "growth")
SLACK = 0.01  # of a ratio over some thousand slots

Decide = Callable[[MecSlot], MecDecision]


def method(
    name: str, seed: int, closed: MecInstance, *, centre: bool = False, size: str = "closed-paper", **options: Any
) -> Decide:
    """What a solver does in a slot of the closed loop, its twins at the nearest servers or, with ``centre``, its own.

    With it, ``size`` is what agents that learn are of. ``options`` are the solver's.
    """
    entry = find(name, discover())
    cls: Any = load_solver(entry)
    learned = entry.trains
    known: Any = closed
    if learned:
        known = MEC.generate(size, TEMPLATE_SEED) if centre else instances.load("mec-synchronization/paper-000")
    agent = cls(MEC, known, seed=seed, **options)
    if learned:
        agent.train()

    def decide(slot: MecSlot) -> MecDecision:
        if centre:
            placed: MecDecision = MEC.repair(slot, agent.decide(slot))
            return placed
        host = np.where(slot.hosts_open[..., None], slot.access, slot.host)
        there = replace(slot, host=host) if learned else slot
        repaired: MecDecision = MEC.repair(slot, replace(agent.decide(there), host=host))
        return repaired

    return decide


def second_half(closed: MecInstance, decide: Decide) -> dict[str, float]:
    """What the columns say, of one trace."""
    state, failed, energy, queue = MEC.start(closed), [], [], []
    for t in range(closed.horizon):
        slot = MEC.slot(closed, t, state)
        decision = decide(slot)
        outcome = MEC.evaluate(slot, decision)
        state = MEC.advance(slot, decision)
        if t >= closed.horizon // 2:
            failed.append(outcome.metrics["failed"])
            energy.append(float(outcome.metrics["mean_energy"]))
            queue.append(slot.queue)
    ratio = np.mean(failed, axis=0)
    return {
        "energy": float(np.mean(energy)),
        "failure_ratio": float(ratio.mean()),
        "worst": float(ratio.max()),
        "above_eps": float((ratio > closed.params.eps + SLACK).mean()),
        "queue": float(np.mean(queue)),
        "growth": float(np.mean(queue[-1] - queue[0]) / len(queue)),
    }


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+", help="solvers of mec-synchronization")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of agents that learn")
    parser.add_argument("--traces", type=int, default=3)
    parser.add_argument("--frames", type=int, default=50, help="of 100 slots each")
    parser.add_argument("--centre", action="store_true", help="agents of the closed loop, whose centre places twins")
    given = parser.parse_args()
    print(f"{'method':16}" + "".join(f"{name:>15}" for name in COLUMNS), flush=True)
    for name in given.methods:
        rows = []
        for seed in range(given.seeds if find(name, discover()).trains else 1):
            for trace in range(given.traces):
                closed = MEC.generate("closed-paper", FRESH_SEED + trace, n_frames=given.frames)
                rows.append(second_half(closed, method(name, seed, closed, centre=given.centre)))
        print(f"{name:16}" + "".join(f"{np.mean([r[c] for r in rows]):15.4g}" for c in COLUMNS), flush=True)


if __name__ == "__main__":
    main()

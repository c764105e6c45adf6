"""Quick completion of sets of served users: shares of servers and wires, and least powers, for many sets at once.

The program of :mod:`.convex`, solved by its optimality conditions and without proof. Powers are the least ones of the
uplink times, so shares are all that is open. With ``m_k = -dE / dt_k``, what a second of uplink time is worth to user
k, the best shares of a server are in proportion to ``sqrt(m_k D_k C_k)``, those of a wire to ``sqrt(m_k D_k)``. A step
is a damped Newton step on these conditions that leaves out how one user's shares change another's ``m``; where the
energy does not fall, a shorter one is tried from the best point so far.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.candidates import MOST, Candidates

SHORTER, LONGER = 0.3, 2.0  # factors of a step's length after one that failed, and one that did not
FARTHEST = 1.0  # change of a logarithm in one step


@dataclass(frozen=True, eq=False)
class Completed:
    """What serving sets takes: energy (R,) [E_0], infinite where no powers were found, and of each member (R, n).

    ``power`` [W], ``cpu`` and ``wire`` as shares of the server and of the wire, 0 for others than members.
    """

    energy: Array
    power: Array
    cpu: Array
    wire: Array

    def __getitem__(self, rows: IntArray) -> Completed:
        """Some of the sets."""
        return Completed(self.energy[rows], self.power[rows], self.cpu[rows], self.wire[rows])

    def put(self, rows: IntArray, other: Completed) -> None:
        """Replace some of the sets."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(other, f.name)


class Pool:
    """Members that share servers, or wires: (R, n, n), whether two members are at the same one."""

    def __init__(self, mine: BoolArray, group: IntArray) -> None:
        self.mine = mine
        self.same = (mine[:, :, None] & mine[:, None, :] & (group[:, :, None] == group[:, None, :])).astype(float)
        self.shared = bool((self.same.sum(axis=-1) > 1.0).any())

    def total(self, value: Array) -> Array:
        """Sums over the pool of each member (R, n); 1 for others than members."""
        return np.asarray(np.matmul(value[:, None, :], self.same)[:, 0, :]) + ~self.mine

    def scaled(self, weight: Array) -> Array:
        """Weights (R, n) in proportion, so that they add up to 1 in every pool; 1 for others than members."""
        part = np.where(self.mine, weight, 0.0)
        return np.where(self.mine, part, 1.0) / self.total(part)

    def direction(self, share: Array, wanted: Array, stiff: Array) -> Array:
        """Change of log shares (R, n) towards ``wanted`` log shares, with which the sums stay."""
        missing = np.where(self.mine, wanted - np.log(share), 0.0) / stiff
        soft = np.where(self.mine, share, 0.0)
        level = self.total(soft * missing) / self.total(soft / stiff)
        return np.where(self.mine, missing - level / stiff, 0.0)


def complete(candidates: Candidates, member: BoolArray, steps: int) -> Completed:
    """The least energy of sets (R, n) of the candidates (R, n) of as many slots, nearly.

    Parameters
    ----------
    candidates
        With one leading axis.
    member
        The sets; valid candidates only.
    steps
        Points that are looked at. The first has shares in proportion to what each member needs at least, on the average
        3 % above the least energy of sets worth serving at size `paper`.
    """
    search = Shares(candidates, member)
    for _ in range(steps - 1):
        search.look()
        search.move()
    search.look()
    return search.best()


class Shares:
    """The state of the search for shares."""

    def __init__(self, candidates: Candidates, member: BoolArray) -> None:
        p = candidates.params
        self.candidates, self.member, self.wired = candidates, member, member & candidates.remote
        self.work, self.wire = candidates.work / p.f_max, candidates.bits / p.w_link
        self.exponent = np.log(2.0) * candidates.bits / p.bandwidth
        self.servers = Pool(member, candidates.server)
        self.links = Pool(self.wired, candidates.link)
        self.on_wire = self.links.scaled(np.ones(member.shape))
        left = candidates.deadline - np.where(self.wired, self.wire / self.on_wire, 0.0)
        self.on_cpu = self.servers.scaled(self.work / np.maximum(left, 1e-3 * candidates.deadline))
        self.kept = (self.on_cpu, self.on_wire, np.zeros(member.shape))
        self.towards = (np.zeros(member.shape), np.zeros(member.shape))
        self.energy, self.length = np.full(len(member), np.inf), np.ones(len(member))

    def look(self) -> None:
        """Energy and prices of time at the present shares; the best point is kept, with its direction."""
        candidates, p = self.candidates, self.candidates.params
        cpu_time = np.where(self.member, self.work / self.on_cpu, 0.0)
        wire_time = np.where(self.wired, self.wire / self.on_wire, 0.0)
        time = candidates.deadline - cpu_time - wire_time
        possible = ~self.member | (time * MOST > self.exponent)
        time = np.where(possible & self.member, time, candidates.deadline)
        rate = self.exponent / time
        growth = np.expm1(rate)
        theta = np.where(self.member, growth / candidates.gain, 0.0)
        matrix = -theta[:, :, None] * candidates.cross
        matrix[:, np.arange(candidates.count), np.arange(candidates.count)] = 1.0
        inverse = np.linalg.inv(matrix)
        power = np.matmul(inverse, (theta * p.noise)[:, :, None])[:, :, 0]
        spent = np.where(self.member, time, 0.0)
        weight = np.matmul(spent[:, None, :], inverse)[:, 0, :]
        fine = (possible & (~self.member | ((power >= 0.0) & (power <= p.p_max)))).all(axis=-1)
        energy = np.where(fine, (power * spent).sum(axis=-1) / p.e0, np.inf)
        if not fine.all():  # as if nobody disturbed anybody, until there are powers
            alone = ~fine[:, None] & np.isinf(self.energy)[:, None]
            power, weight = np.where(alone, theta * p.noise, power), np.where(alone, spent, weight)
        better = (energy < self.energy) | np.isinf(self.energy)
        self.length = np.minimum(np.where(better, LONGER, SHORTER) * self.length, 1.0)
        self.energy = np.where(better, energy, self.energy)
        towards = self._direction(time, rate, growth, power, weight, cpu_time, wire_time)
        rows = better[:, None]
        new, old = (self.on_cpu, self.on_wire, power), self.kept
        self.kept = tuple(np.where(rows, one, other) for one, other in zip(new, old, strict=True))  # type: ignore[assignment]
        self.towards = tuple(np.where(rows, one, other) for one, other in zip(towards, self.towards, strict=True))  # type: ignore[assignment]

    def _direction(
        self, time: Array, rate: Array, growth: Array, power: Array, weight: Array, cpu_time: Array, wire_time: Array
    ) -> tuple[Array, Array]:
        """Changes of log shares (R, n), of servers and of wires."""
        fade = growth / (1.0 + growth)
        speed = rate / (time * fade)  # -d log gamma / d t
        gained = np.maximum(weight * speed - 1.0, 1e-12)
        worth = np.maximum(power * gained, 1e-300)  # m = -dE / dt
        bend = weight * speed * (2.0 / time - speed / (1.0 + growth)) - speed
        falls = np.maximum(speed + bend / gained, 0.0)  # -d log m / d t, of the own time
        stiff = 1.0 + 0.5 * falls * (cpu_time + wire_time)
        cpu = self.servers.direction(self.on_cpu, 0.5 * np.log(worth * self.work), stiff)
        if not self.links.shared:
            return cpu, np.zeros(cpu.shape)
        return cpu, self.links.direction(self.on_wire, 0.5 * np.log(worth * self.wire), stiff)

    def move(self) -> None:
        """From the best point so far along its direction."""
        length = self.length[:, None]
        cpu, wire = (np.exp(np.clip(length * step, -FARTHEST, FARTHEST)) for step in self.towards)
        self.on_cpu = self.servers.scaled(self.kept[0] * cpu)
        if self.links.shared:
            self.on_wire = self.links.scaled(self.kept[1] * wire)

    def best(self) -> Completed:
        """The best point."""
        cpu, wire, power = self.kept
        found = np.isfinite(self.energy)[:, None] & self.member
        return Completed(
            self.energy, np.where(found, power, 0.0), np.where(found, cpu, 0.0),
            np.where(found & self.wired, wire, 0.0),
        )  # fmt: skip

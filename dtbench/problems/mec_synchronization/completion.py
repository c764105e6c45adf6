"""Quick completion of sets of served users: shares of servers and wires, and least powers, of many sets at once.

It solves the program of :mod:`.convex` by its optimality conditions, and proves nothing. Powers are the least ones for
the uplink times, so only shares are open. With ``m_k = -dE / dt_k``, what a second of uplink time is worth to user k,
the best shares of a server are in proportion to ``sqrt(m_k D_k C_k)``, those of a wire to ``sqrt(m_k D_k)``. A step is
a Newton step on these conditions, but for how one user's shares change another's ``m``; if the energy does not fall, a
shorter one is tried from the best point so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.candidates import MOST, Candidates

SHORTER, LONGER = 0.3, 2.0  # factors of a step's length after one that failed, and after one that did not
FARTHEST = 1.0  # change of a logarithm in one step
LEAST_LEFT = 1e-3  # of a deadline, for a first share
TINY = 1e-300  # keeps logarithms finite


@dataclass(frozen=True, eq=False)
class Completed:
    """What serving sets takes: energy (R,) [E_0], infinite where no powers were found, and of each user (R, n).

    ``power`` [W]; ``cpu`` and ``wire`` as shares of the server and of the wire. 0 for others than members.
    """

    energy: Array
    power: Array
    cpu: Array
    wire: Array

    def __getitem__(self, rows: IntArray) -> Completed:
        """Some of the sets."""
        return Completed(self.energy[rows], self.power[rows], self.cpu[rows], self.wire[rows])

    @classmethod
    def join(cls, parts: Sequence[Completed]) -> Completed:
        """All sets of several, one after the other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def put(self, rows: IntArray, other: Completed) -> None:
        """Replace some of the sets."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(other, f.name)


class Pool:
    """Members (R, n) that share something, each group for itself: processors of a server, or rates of a wire."""

    def __init__(self, mine: BoolArray, group: IntArray) -> None:
        self.mine = mine
        same = mine[:, :, None] & mine[:, None, :] & (group[:, :, None] == group[:, None, :])
        self.same = same.astype(np.float64)
        self.shared = bool((self.same.sum(axis=-1) > 1.0).any())  # by anybody

    def total(self, value: Array) -> Array:
        """Sums (R, n) over the group of each member, of values that are 0 for others; 1 for others than members."""
        return np.asarray(np.matmul(value[:, None, :], self.same)[:, 0, :]) + ~self.mine

    def scaled(self, weight: Array) -> Array:
        """Shares (R, n) in proportion to weights; 1 for others than members."""
        part = np.where(self.mine, weight, 0.0)
        return np.where(self.mine, part, 1.0) / self.total(part)

    def direction(self, share: Array, wanted: Array, stiff: Array) -> Array:
        """Change (R, n) of the logarithms of shares towards ``wanted``, up to a constant, that keeps their sum."""
        missing = np.where(self.mine, wanted - np.log(share), 0.0) / stiff
        soft = np.where(self.mine, share, 0.0)
        level = self.total(soft * missing) / self.total(soft / stiff)
        return np.where(self.mine, missing - level / stiff, 0.0)


@dataclass(frozen=True, eq=False)
class Point:
    """Shares of servers and wires, powers [W], and the changes of the logarithms of shares that come next; (R, n)."""

    cpu: Array
    wire: Array
    power: Array
    cpu_step: Array
    wire_step: Array

    def unless(self, better: BoolArray, other: Point) -> Point:
        """``other`` where ``better`` (R,), else this."""
        which = better[:, None]
        return Point(*(np.where(which, getattr(other, f.name), getattr(self, f.name)) for f in fields(self)))


def complete(candidates: Candidates, member: BoolArray, points: int) -> Completed:
    """The least energy, nearly, of sets (R, n) of candidates (R, n): one set in each row.

    Parameters
    ----------
    candidates
        With one leading axis.
    member
        The sets; valid candidates only.
    points
        That are looked at. At the first one, shares are in proportion to what each member needs at least.
    """
    shares = Shares(candidates, member)
    best = shares.look(*shares.first(), leads_on=points > 1)
    energy, length = shares.energy, np.ones(len(member))
    for left in reversed(range(points - 1)):
        there = shares.look(*shares.moved(best, length), leads_on=left > 0)
        better = (shares.energy < energy) | np.isinf(energy)  # without powers, each step leads on
        best, energy = best.unless(better, there), np.where(better, shares.energy, energy)
        length = np.minimum(np.where(better, LONGER, SHORTER) * length, 1.0)
    found = np.isfinite(energy)[:, None] & member
    power, cpu, wire = (np.where(found, v, 0.0) for v in (best.power, best.cpu, best.wire))
    return Completed(energy, power, cpu, np.where(candidates.remote, wire, 0.0))


class Shares:
    """The shares of sets (R, n): what they lead to, and what to change."""

    def __init__(self, candidates: Candidates, member: BoolArray) -> None:
        p = candidates.params
        self.candidates, self.member, self.wired = candidates, member, member & candidates.remote
        self.work, self.bits = candidates.work / p.f_max, candidates.bits / p.w_link
        self.exponent = np.log(2.0) * candidates.bits / p.bandwidth
        self.servers, self.links = Pool(member, candidates.server), Pool(self.wired, candidates.link)
        self.users = np.arange(candidates.count)
        self.energy: Array = np.full(len(member), np.inf)  # (R,) [E_0], of the point last looked at

    def first(self) -> tuple[Array, Array]:
        """Equal shares of wires; of servers, in proportion to what the deadline needs without an uplink."""
        wire = self.links.scaled(np.ones(self.member.shape))
        left = self.candidates.deadline - np.where(self.wired, self.bits / wire, 0.0)
        return self.servers.scaled(self.work / np.maximum(left, LEAST_LEFT * self.candidates.deadline)), wire

    def moved(self, at: Point, length: Array) -> tuple[Array, Array]:
        """Shares of servers and wires (R, n) after steps of a length (R,)."""
        cpu, wire = (
            share * np.exp(np.minimum(np.maximum(length[:, None] * step, -FARTHEST), FARTHEST))
            for share, step in ((at.cpu, at.cpu_step), (at.wire, at.wire_step))
        )
        return self.servers.scaled(cpu), self.links.scaled(wire) if self.links.shared else at.wire

    def look(self, cpu: Array, wire: Array, *, leads_on: bool) -> Point:
        """The point of shares (R, n), without steps to others unless it ``leads_on``; sets :attr:`energy`."""
        c, p, member = self.candidates, self.candidates.params, self.member
        spent = np.where(member, self.work / cpu, 0.0) + np.where(self.wired, self.bits / wire, 0.0)
        time = c.deadline - spent
        enough = ~member | (time * MOST > self.exponent)
        time = np.where(enough & member, time, c.deadline)
        growth = np.expm1(self.exponent / time)
        theta = np.where(member, growth / c.gain, 0.0)
        matrix = -theta[:, :, None] * c.cross
        matrix[:, self.users, self.users] = 1.0
        asked, used = theta * p.noise, np.where(member, time, 0.0)
        power = np.asarray(np.linalg.solve(matrix, asked[:, :, None])[:, :, 0], dtype=np.float64)
        fine = (enough & (~member | ((power >= 0.0) & (power <= p.p_max)))).all(axis=-1)
        self.energy = np.where(fine, (power * used).sum(axis=-1) / p.e0, np.inf)
        if not leads_on:
            return Point(cpu, wire, power, np.zeros(cpu.shape), np.zeros(wire.shape))
        turned = np.swapaxes(matrix, -1, -2)
        weight = np.asarray(np.linalg.solve(turned, used[:, :, None])[:, :, 0], dtype=np.float64)  # dE / d(asked)
        if not fine.all():  # as if nobody disturbed anybody
            alone = ~fine[:, None]
            power, weight = np.where(alone, asked, power), np.where(alone, used, weight)

        fade = growth / (1.0 + growth)
        speed = self.exponent / (time**2 * fade)  # -d log theta / dt
        paid = np.maximum(weight * speed - 1.0, 1e-12)
        worth = np.maximum(power * paid, TINY)  # m
        bend = weight * speed * (2.0 / time - speed / (1.0 + growth)) - speed  # -d paid / dt
        falls = np.maximum(speed + bend / paid, 0.0)  # -d log m / dt
        stiff = 1.0 + 0.5 * falls * spent
        cpu_step = self.servers.direction(cpu, 0.5 * np.log(worth * self.work), stiff)
        wire_step = np.zeros(wire.shape)
        if self.links.shared:
            wire_step = self.links.direction(wire, 0.5 * np.log(worth * self.bits), stiff)
        return Point(cpu, wire, power, cpu_step, wire_step)

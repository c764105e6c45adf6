"""Who may be served in a slot, and the least powers that serve a set of them in given times.

Rules and searches look at requests only: arrays here are (..., n) with n the largest number of requests in the batch.
For a set S and uplink times t, the least powers solve ``p_k g_k = gamma_k(t_k) (sum_j G_kj p_j + sigma^2)`` with
``gamma_k(t) = 2^(D_k / (B t)) - 1``, from Eqs. (7)-(9).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, pick, rows, spread, take
from dtbench.problems.mec_synchronization.instance import MecParams
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, pick_rows, placement, sums

MOST = 60.0  # bit/s/Hz times ln 2, beyond any link; keeps exponentials finite


@dataclass(frozen=True, eq=False)
class Candidates:
    """Requests whose twins are not on the move, first in each row; ``valid`` is false on what fills the row up.

    ``cross[..., k, j]`` is the gain of user j to the receiver of user k (printed mode: to its own), 0 where j = k.
    """

    params: MecParams
    n_bs: int
    user: IntArray
    valid: BoolArray
    gain: Array
    cross: Array
    bits: Array
    work: Array  # D_k C_k [cycle]
    deadline: Array
    value: Array  # v_k, what a failure costs in units of E_0
    remote: BoolArray
    server: IntArray
    link: IntArray
    lost: Array  # (...,): what requests of migrating users cost, in units of E_0

    @classmethod
    def of(cls, slot: MecSlot, host: npt.NDArray[Any]) -> Self:
        """The candidates of a slot (...,) if twins go to ``host`` (..., K), in force as :func:`placement` says."""
        p, bs = slot.params, slot.n_bs
        host, moving = placement(slot, host)
        shape = np.broadcast_shapes((*slot.batch_shape, slot.n_users), host.shape)
        can = np.broadcast_to(slot.request & (moving == 0), shape)
        count = max(1, int(can.sum(axis=-1).max(initial=0)))
        user = np.argsort(~can, axis=-1, kind="stable")[..., :count]

        def of_user(value: npt.NDArray[Any]) -> Any:
            return take(spread(value, shape), user)

        access, server = of_user(slot.access), of_user(host)
        gains = rows(spread(slot.gain, (*shape, bs)), user)
        gain = pick(gains, access)
        if p.interference == "printed":
            cross = np.broadcast_to(gain[..., None, :], (*gain.shape, count)).copy()
        else:
            cross = rows(np.swapaxes(gains, -1, -2), access)  # (..., k, j): of j to the base station of k
        cross[..., np.arange(count), np.arange(count)] = 0.0
        weight = p.eta * np.broadcast_to(slot.weight, shape)
        return cls(
            params=p, n_bs=bs, user=user, valid=of_user(can), gain=gain, cross=cross, bits=of_user(slot.data_bits),
            work=of_user(slot.data_bits * slot.cycles), deadline=of_user(slot.deadline), value=of_user(weight),
            remote=server != access, server=server, link=access * bs + server,
            lost=np.where(slot.request & (moving > 0), weight, 0.0).sum(axis=-1),
        )  # fmt: skip

    def __getitem__(self, index: Any) -> Self:
        """Index the leading axes."""
        given: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(**{n: v if n in ("params", "n_bs") else v[index] for n, v in given.items()})

    def only(self, keep: IntArray, real: bool = True) -> Self:
        """Some of the candidates (s,) of one slot; with ``real`` false they are all invalid."""
        given: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        new: dict[str, Any] = {n: v if n in ("params", "n_bs", "lost") else v[keep] for n, v in given.items()}
        new["cross"] = self.cross[np.ix_(keep, keep)]
        new["valid"] = self.valid[keep] & real
        return type(self)(**new)

    def some(self, lead: tuple[int, ...], part: slice) -> Self:
        """Members ``part`` of all that leading axes ``lead`` have, in their order, with one leading axis."""
        batch, wide = self.user.ndim - 1, lead or (1,)
        at = np.unravel_index(np.arange(int(np.prod(wide)))[part], wide)
        given: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        new: dict[str, Any] = {
            n: v if n in ("params", "n_bs") else spread(v, wide + v.shape[batch:])[at] for n, v in given.items()
        }
        return type(self)(**new)

    def rows(self, lead: tuple[int, ...]) -> Self:
        """Spread to leading axes ``lead``, then flattened to one."""
        batch = self.user.ndim - 1
        given: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        new: dict[str, Any] = {
            n: v if n in ("params", "n_bs") else spread(v, lead + v.shape[batch:]).reshape(-1, *v.shape[batch:])
            for n, v in given.items()
        }
        return type(self)(**new)

    @property
    def count(self) -> int:
        """n."""
        return int(self.user.shape[-1])

    @property
    def longest(self) -> Array:
        """tb_k (..., n) [s]: the uplink time that a whole server and a whole wire leave."""
        p = self.params
        return self.deadline - self.work / p.f_max - self.remote * self.bits / p.w_link

    def gamma(self, time: Array) -> Array:
        """Least signal-to-noise ratio that sends all bits in ``time``; infinite where there is no time."""
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent = np.log(2.0) * self.bits / (self.params.bandwidth * time)
        return np.where((time > 0.0) & (exponent < MOST), np.expm1(np.clip(exponent, 0.0, MOST)), np.inf)

    def alone(self) -> Array:
        """Least energy (..., n) [E_0] of each user alone with server and wire to itself; infinite if out of reach."""
        time = self.longest
        power = self.gamma(time) * self.params.noise / self.gain
        reach = self.valid & (power <= self.params.p_max)
        return np.where(reach, np.where(reach, power, 0.0) * time / self.params.e0, np.inf)

    def shares(self, member: BoolArray, cpu: Array, wire: Array) -> tuple[Array, Array]:
        """Processor [cycle/s] and wire [bit/s] of each member in proportion to weights (..., n)."""
        p, on_wire = self.params, member & self.remote
        given = []
        for mine, weight, group, count, capacity in (
            (member, cpu, self.server, self.n_bs, p.f_max),
            (on_wire, wire, self.link, self.n_bs**2, p.w_link),
        ):
            part = np.where(mine, weight, 0.0)
            whole = pick_rows(sums(part, group, count), group, part.shape)
            given.append(capacity * part / np.where(mine, whole, 1.0))
        return given[0], given[1]

    def uplink(self, member: BoolArray, cpu: Array, wire: Array) -> Array:
        """Uplink time (..., n) [s] that shares leave until the deadline; 0 for others than members."""
        left = self.deadline - self.work / np.where(member, cpu, 1.0)
        on_wire = member & self.remote
        left = left - np.where(on_wire, self.bits / np.where(on_wire, wire, 1.0), 0.0)
        return np.where(member, left, 0.0)

    def least(self, member: BoolArray, time: Array, over: float = 0.0) -> tuple[Array, BoolArray]:
        """Least powers (..., n) [W] of members in given times, and whether (...,) they exist within P_max.

        Powers that pass P_max by a relative ``over`` at most, which is rounding, are cut there.
        """
        p, limit = self.params, self.params.p_max * (1.0 + over)
        theta = np.where(member, self.gamma(time) / self.gain, 0.0)
        possible = np.asarray((theta * p.noise <= limit).all(axis=-1))
        theta = np.where(possible[..., None], theta, 0.0)
        matrix = np.eye(self.count) - theta[..., :, None] * self.cross
        power = np.linalg.solve(matrix, (theta * p.noise)[..., None])[..., 0]
        inside = ~member | ((power >= 0.0) & (power <= limit))  # all positive: the Neumann series converges
        attainable = np.asarray(possible & inside.all(axis=-1))
        return np.where(attainable[..., None] & member, np.minimum(power, p.p_max), 0.0), attainable

    def energy(self, power: Array, time: Array) -> Array:
        """Energy (...,) of powers in times, in units of E_0."""
        return np.asarray((power * time).sum(axis=-1) / self.params.e0)

    def decision(self, slot: MecSlot, host: IntArray, member: BoolArray, *shares: Array) -> MecDecision:
        """The decision with powers, wires and processors (..., n) of members; everybody else is silent."""
        lead = member.shape[:-1]
        user = np.broadcast_to(self.user, member.shape)
        wholes = []
        for value in shares:
            whole = np.zeros((*lead, slot.n_users))
            np.put_along_axis(whole, user, np.where(member, value, 0.0), axis=-1)
            wholes.append(whole)
        placed = np.broadcast_to(placement(slot, host)[0], (*lead, slot.n_users))
        return MecDecision(power=wholes[0], wire=wholes[1], cpu=wholes[2], host=placed)

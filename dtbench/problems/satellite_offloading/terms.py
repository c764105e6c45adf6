"""The numbers of one slot that exact methods work with: channels decoupled, and bounds in closed form.

Channels enter the objective, C6 and C7 only through ``u = T_up`` and ``w = N P_hover u + E_com``: a few points (u, w)
stand for all channel vectors. What is left, with n = max_j N_j and T = T_train, is

    min beta (T + g n + const) + c_E E_cmp + (c_T u_p + c_E w_p),  T + g n <= cap_p,

with c_T = (1 - mu) / T_max, c_E = mu / E_max, beta = c_T + c_E N P_hover, g = log2(M) omega / r_inter.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.problems.satellite_offloading.model import TOLERANCE, OffloadingSlot


@dataclass(frozen=True)
class Terms:
    """One slot (no leading axes); N UAVs, M satellites, P points of channels.

    Attributes
    ----------
    work
        a_ij (N, M) [s].
    rate_cost
        k_j = c_E alpha_j f_j^3 (M,) [1/s]: E_cmp counts ``k_j sum_i a_ij rho_i^2``.
    c_t, c_e, beta
        [1/s], [1/J], [1/s].
    per_uav
        g [s].
    const
        T_down + T_block + log2(M_g) D_B / r_inter [s].
    u, w, channels
        (P,) [s], (P,) [J], (P, N), by rising u and falling w.
    cap
        (P,) [s]: limit of T + g n, from C6 and C7.
    parallel, pooled
        The reading of (7) and of (14).
    """

    work: Array
    rate_cost: Array
    c_t: float
    c_e: float
    beta: float
    per_uav: float
    const: float
    u: Array
    w: Array
    channels: IntArray
    cap: Array
    deadline: float
    energy_limit: float
    hover: float
    parallel: bool
    pooled: bool

    @property
    def n_uav(self) -> int:
        """N."""
        return len(self.work)

    @property
    def n_sat(self) -> int:
        """M."""
        return int(self.work.shape[-1])

    @property
    def identical(self) -> bool:
        """Whether all satellites are equal."""
        same = (self.work == self.work[:, :1]).all() and (self.rate_cost == self.rate_cost[0]).all()
        return bool(same)

    @property
    def printed(self) -> bool:
        """Whether (7) and (14) are read as printed, the only reading with no closed form."""
        return not (self.parallel or self.pooled)

    @property
    def point_cost(self) -> Array:
        """c_T u + c_E w (P,)."""
        return self.c_t * self.u + self.c_e * self.w

    @classmethod
    def of(cls, slot: OffloadingSlot, *, relaxed: bool = False) -> Terms:
        """The numbers of a slot.

        ``relaxed`` widens the limits and the capacity by the referee's tolerance, and takes off what the small epsilon
        of (7) can save: no decision that the referee calls feasible is below an optimum under these numbers.
        """
        p = slot.params
        slack = 1.0 + (1.01 * TOLERANCE if relaxed else 0.0)
        hover = slot.n_uav * p.p_hover
        c_t, c_e = (1.0 - p.mu) / p.t_norm, p.mu / p.e_norm
        const = slot.t_down + float(slot.t_block) + slot.block_spread
        u, w, channels = channel_points(slot, hover)
        deadline, energy = float(slot.deadline) * slack, float(slot.energy_limit) * slack
        cap = np.minimum(deadline - u, (energy - w) / hover) - const
        work = np.asarray(slot.work, dtype=float)
        rate_cost = c_e * np.asarray(slot.power)
        if relaxed:
            # With r = (rho + eps) / full: sum r <= 1, T counts a / (full r), and E_cmp at least
            # a (full r - eps)^2 >= a full^2 r^2 (1 - 2 eps / rho), where rho >= least as a / rho <= cap.
            full = slack + slot.n_uav * p.eps
            least = work.min() / max(float(cap.max()), 1e-9)
            work = work / full
            rate_cost = rate_cost * full**3 * max(0.0, 1.0 - 2.0 * p.eps / least)
        return cls(
            work=work, rate_cost=rate_cost, c_t=c_t, c_e=c_e, beta=c_t + c_e * hover, per_uav=slot.model_delay,
            const=const, u=u, w=w, channels=channels, cap=cap, deadline=deadline, energy_limit=energy, hover=hover,
            parallel=p.train_delay == "max", pooled=p.energy_model == "pooled",
        )  # fmt: skip

    def floors(self, load: Array, root: Array, square: Array, longest: Array) -> tuple[Array, Array]:
        """Least T_train and the work K of E_cmp ~ K / T^2 of each satellite, (..., M) each.

        ``load`` A_j = sum a, ``root`` P_j = sum sqrt(a), ``square`` sum a^3 and ``longest`` max a (..., M) over the
        UAVs of a satellite. As printed, K = A^3 is a lower bound: it ignores the capacity (C2).
        """
        if self.parallel:
            return np.maximum(load, longest), load**3 if self.pooled else square
        return root**2, load * root**4 if self.pooled else load**3

    def value(self, least: Array, energy: Array, fullest: Array) -> tuple[Array, Array, IntArray]:
        """Objective (...,), T (...,) [s] and channel point (...,) at the best T; inf where no point's cap holds it.

        Parameters
        ----------
        least
            (...,) [s]: T >= least.
        energy
            (...,): K = sum_j k_j K_j; beta T + K / T^2 is minimised.
        fullest
            (...,): n.
        """
        limit = self.cap - self.per_uav * fullest[..., None]
        best = np.maximum(least, np.cbrt(2.0 * energy / self.beta))[..., None]
        time = np.maximum(np.minimum(best, limit), least[..., None])
        total = self.beta * (time + self.const + self.per_uav * fullest[..., None]) + self.point_cost
        total = np.where(time <= limit, total + energy[..., None] / time**2, np.inf)
        point = total.argmin(axis=-1)
        chosen = point[..., None]
        return (
            np.take_along_axis(total, chosen, axis=-1)[..., 0],
            np.take_along_axis(time, chosen, axis=-1)[..., 0],
            point,
        )

    def closed(self, here: Array) -> tuple[Array, Array, IntArray]:
        """Objective, T and point of associations ``here`` (..., N, M) of 0 and 1; a lower bound where as printed."""
        if self.parallel:
            work = self.work * here
            square, longest = (work**3).sum(axis=-2), work.max(axis=-2)
        load, root, count = np.moveaxis(self.sums(here), -1, 0)
        return self.of_sums(load, root, square if self.parallel else load, longest if self.parallel else load, count)

    def sums(self, here: Array) -> Array:
        """sum a, sum sqrt(a) and N_j of associations ``here`` (..., N, M), as (..., M, 3), by one product."""
        n, m = here.shape[-2:]
        return np.asarray(here.reshape(*here.shape[:-2], n * m) @ self._columns).reshape(*here.shape[:-2], m, 3)

    @cached_property
    def _columns(self) -> Array:
        """What each pair adds to the sums of its satellite, (N M, 3 M)."""
        columns = np.zeros((self.n_uav, self.n_sat, self.n_sat, 3))
        own = np.arange(self.n_sat)
        columns[:, own, own] = np.stack([self.work, np.sqrt(self.work), np.ones(self.work.shape)], axis=-1)
        return columns.reshape(self.n_uav * self.n_sat, -1)

    def of_sums(
        self, load: Array, root: Array, square: Array, longest: Array, count: Array
    ) -> tuple[Array, Array, IntArray]:
        """As :meth:`closed`, of what :meth:`floors` takes, and N_j (..., M)."""
        least, energy = self.floors(load, root, square, longest)
        return self.value(least.max(axis=-1), (self.rate_cost * energy).sum(axis=-1), count.max(axis=-1))

    def bound(self) -> float:
        """A lower bound that costs O(N M): all loads as if they could be divided at will; inf where infeasible."""
        bits = self.work[:, 0]  # a at satellite 0; the others differ by a factor
        factor = self.work[0] / self.work[0, 0]
        spread_root = (np.sqrt(bits).sum() / (1.0 / np.sqrt(factor)).sum()) ** 2
        spread_load = bits.sum() / (1.0 / factor).sum()
        weight = self.rate_cost * factor**3
        energy = bits.sum() ** 3 / (1.0 / np.sqrt(weight)).sum() ** 2 if weight.min() > 0.0 else 0.0
        least = max(spread_load, (bits * factor.min()).max()) if self.parallel else spread_root
        if self.parallel and not self.pooled:
            energy = max(0.0, float(weight.min() * (bits**3).sum()))
        fullest = -(-self.n_uav // self.n_sat)
        return float(self.value(np.array(least), np.array(energy), np.array(float(fullest)))[0])


def channel_points(slot: OffloadingSlot, hover: float) -> tuple[Array, Array, IntArray]:
    """The channel vectors that no other beats in both u [s] and w [J]: u (P,), w (P,), channels (P, N).

    For every u that an upload can take, by rising u: the fewest channels that meet it, and what is left one by one
    where the sum of uploads falls most (it is separable and convex, so this is optimal). ``hover`` is N P_hover [W].
    """
    n_channel = slot.params.n_channel
    alone = np.asarray(slot.data_bits / slot.rate)
    most = n_channel - slot.n_uav + 1
    tried = np.unique(alone[:, None] / np.arange(1, most + 1))

    def needed(u: float) -> IntArray:
        return np.maximum(np.ceil(alone / u - 1e-9), 1.0).astype(np.int64)

    first = bisect_left(range(len(tried)), True, key=lambda k: int(needed(float(tried[k])).sum()) <= n_channel)
    points: list[tuple[float, float, IntArray]] = []
    for u in tried[first:].tolist():
        if points and hover * u >= points[-1][1]:
            break
        channels = needed(u)
        give(channels, alone, n_channel - int(channels.sum()))
        upload = alone / channels
        energy = hover * float(upload.max()) + slot.params.p_tx * float(upload.sum())
        if not points or energy < points[-1][1]:
            points.append((float(upload.max()), energy, channels))
    u_points, w_points, vectors = zip(*points, strict=True)
    return np.array(u_points), np.array(w_points), np.array(vectors)


def give(channels: IntArray, alone: Array, left: int) -> None:
    """Give ``left`` channels more (N,), one by one, where the sum of uploads ``alone / channels`` falls most."""
    held, longest = channels.tolist(), alone.tolist()
    falls = [a / k - a / (k + 1) for a, k in zip(longest, held, strict=True)]
    for _ in range(left):
        most = falls.index(max(falls))
        held[most] += 1
        falls[most] = longest[most] / held[most] - longest[most] / (held[most] + 1)
    channels[:] = held

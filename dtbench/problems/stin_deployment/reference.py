"""The paper's own model of one slot in Pyomo, Eq. (13), as portable as it is slow.

Names follow Tao et al. (2025): ``deploy[i, k]`` is lambda_ij with k = 0 the own device, 1..J the end-side devices and
J + 1 the cloud. Two products make the model quadratic, both linearised here without big constants of our choosing:

- a device that hosts n_j twins needs ``sum_i n_j w_ij lambda_ij = sum_i w_ij lambda_ij + sum_{i<m} (w_ij + w_mj)
  lambda_ij lambda_mj`` under the even split, and ``(sum_i sqrt(w_ij) lambda_ij)^2 = sum_i w_ij lambda_ij + sum_{i<m}
  2 sqrt(w_ij w_mj) lambda_ij lambda_mj`` under the optimal one: each product is a variable ``both[i, m, j]``;
- a cloud user's latency depends on how many share the band: ``cloud_delay[i] >= q_i(n)`` if i is there and n are.

Links that are dead, or on which one user alone waits longer than all do together on their own devices, are left out of
the index sets: no optimum uses them, and their costs would spoil the numerics.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyomo.environ as pyo

from dtbench.arrays import BoolArray
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, cloud_latency, cloud_table


def useful(slot: StinSlot) -> BoolArray:
    """(I, K): links on which a user alone does not wait longer than all do together on their own devices."""
    alone = np.concatenate([slot.own[:, None], slot.link + slot.load, cloud_latency(slot, 1)[:, None]], axis=1)
    return np.asarray(alone <= slot.own.sum())


def terms(slot: StinSlot) -> int:
    """About how many terms :func:`build` writes: those of each product, and of users by numbers in the cloud."""
    hosted = useful(slot).sum(axis=0)
    pairs = (hosted[1:-1] * (hosted[1:-1] - 1) // 2).sum()
    return int(3 * hosted.sum() + 4 * pairs + 2 * hosted[-1] ** 2)


def build(slot: StinSlot) -> pyo.ConcreteModel:
    """The model of one slot (no leading axes), blocks in the paper's order.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Objective ``total_delay`` [s]; :func:`decision` reads the placement back once it is solved.
    """
    n_users, n_end = slot.n_users, slot.n_end
    cloud = n_end + 1
    link, load, table = slot.link, slot.load, cloud_table(slot)

    m = pyo.ConcreteModel(name="stin_deployment")
    m.users = pyo.RangeSet(0, n_users - 1, doc="I, users")
    m.devices = pyo.RangeSet(1, n_end, doc="end-side devices")
    m.nodes = pyo.RangeSet(0, cloud, doc="J, compute nodes: own device, end-side devices, cloud")
    m.choices = pyo.Set(
        initialize=[(int(i), int(k)) for i, k in np.argwhere(useful(slot))], doc="pairs with a useful link"
    )
    m.deploy = pyo.Var(m.choices, domain=pyo.Binary, doc="lambda_ij, Eqs. (11), (13b)")

    def deployed(i: int, k: int) -> pyo.Var | int:
        return m.deploy[i, k] if (i, k) in m.choices else 0

    _device_delay(m, slot.params.split, link, load)
    _cloud_delay(m, slot.params.sat_share, table)

    local = slot.own
    m.total_delay = pyo.Objective(
        expr=sum(float(local[i]) * m.deploy[i, 0] for i in m.users)  # Eq. (1)
        + sum(m.device_delay[j] for j in m.devices)  # Eqs. (3)-(5)
        + sum(m.cloud_delay[i] for i in m.users),  # Eqs. (6)-(10)
        sense=pyo.minimize,
        doc="Eqs. (12), (13a)",
    )
    m.one_node = pyo.Constraint(m.users, rule=lambda m, i: sum(deployed(i, k) for k in m.nodes) == 1, doc="Eq. (13c)")

    def capacity(m: pyo.ConcreteModel, j: int) -> object:
        hosted = [deployed(i, j) for i in m.users if (i, j) in m.choices]
        return sum(hosted) <= int(slot.cap_end[j - 1]) if hosted else pyo.Constraint.Skip

    m.capacity = pyo.Constraint(m.devices, rule=capacity, doc="Eq. (13d)")
    # Eq. (13e): both splits hand out exactly F_j, so the compute constraint is part of Eq. (4) and always tight.
    return m


def _device_delay(m: pyo.ConcreteModel, split: str, link: np.ndarray, load: np.ndarray) -> None:
    """Delay of all users of an end-side device, Eqs. (3)-(5), with the products of the split linearised."""
    hosted = {j: [i for i in m.users if (i, j) in m.choices] for j in m.devices}
    pairs = {j: list(combinations(hosted[j], 2)) for j in m.devices}
    m.pairs = pyo.Set(
        initialize=[(i, n, j) for j in m.devices for i, n in pairs[j]], dimen=3, doc="two users and a device"
    )
    m.both = pyo.Var(m.pairs, bounds=(0, 1), doc="lambda_ij lambda_mj")
    m.product = pyo.Constraint(
        m.pairs,
        rule=lambda m, i, n, j: m.both[i, n, j] >= m.deploy[i, j] + m.deploy[n, j] - 1,
        doc="Eq. (4), linearised product",
    )

    def shared(i: int, n: int, j: int) -> float:
        first, second = load[i, j - 1], load[n, j - 1]
        return float(first + second if split == "even" else 2 * np.sqrt(first * second))

    def delay(m: pyo.ConcreteModel, j: int) -> object:
        alone = sum(float(link[i, j - 1] + load[i, j - 1]) * m.deploy[i, j] for i in hosted[j])
        return alone + sum(shared(i, n, j) * m.both[i, n, j] for i, n in pairs[j])

    m.device_delay = pyo.Expression(m.devices, rule=delay, doc="Eqs. (3)-(5), summed over the device's users")


def _cloud_delay(m: pyo.ConcreteModel, sat_share: str, table: np.ndarray) -> None:
    """Delay of each user in the cloud, Eqs. (6)-(10); the band's share depends on how many are there."""
    cloud = m.nodes.last()
    there = [i for i in m.users if (i, cloud) in m.choices]
    if sat_share == "all" or not there:
        m.cloud_delay = pyo.Expression(
            m.users,
            rule=lambda m, i: float(table[1, i]) * m.deploy[i, cloud] if i in there else 0.0,
            doc="Eqs. (6)-(10)",
        )
        return
    m.counts = pyo.RangeSet(0, len(there), doc="number of users in the cloud")
    m.on_band = pyo.Var(m.counts, domain=pyo.Binary, doc="1 if exactly so many users share the band")
    m.cloud_delay = pyo.Var(m.users, domain=pyo.NonNegativeReals, doc="L_ic if the user is in the cloud, else 0")
    m.one_count = pyo.Constraint(expr=sum(m.on_band[n] for n in m.counts) == 1, doc="Eq. (6), users on the band")
    m.count_users = pyo.Constraint(
        expr=sum(n * m.on_band[n] for n in m.counts) == sum(m.deploy[i, cloud] for i in there),
        doc="Eq. (6), users on the band",
    )
    m.cloud_level = pyo.Constraint(
        there,
        pyo.RangeSet(1, len(there)),
        rule=lambda m, i, n: m.cloud_delay[i] >= float(table[n, i]) * (m.deploy[i, cloud] + m.on_band[n] - 1),
        doc="Eqs. (6)-(10)",
    )


def decision(model: pyo.ConcreteModel) -> StinDecision:
    """The placement that a solved model holds."""
    n_users = len(model.users)
    node = np.zeros(n_users, dtype=np.int64)
    for (i, k), variable in model.deploy.items():
        if variable.value > 0.5:
            node[i] = k
    return StinDecision(node=node)

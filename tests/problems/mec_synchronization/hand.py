"""The hand example of the problem's definition: two users, two base stations, twins at home; and random slots."""

import numpy as np

from dtbench.problems import problem
from dtbench.problems.mec_synchronization.instance import MecParams
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, MecState

MEC = problem("mec-synchronization")


def hand_slot(*, request=(True, True), queue=(10.0, 10.0), host=(0, 1), moving=(0, 0), start=True, **params) -> MecSlot:
    """g = [[2e-8, 4e-9], [5e-9, 1e-8]], D = (20, 16) kbit, C = (600, 650), tau = (14, 12) ms; m = (0, 1)."""
    return MecSlot(
        params=MecParams(n_users=2, n_bs=2, **params),
        bs_xy=np.array([[0.0, 0.0], [1000.0, 0.0]]),
        cycles=np.array([600.0, 650.0]),
        user_xy=np.array([[100.0, 0.0], [900.0, 0.0]]),
        request=np.array(request),
        data_bits=np.array([20000.0, 16000.0]),
        deadline=np.array([0.014, 0.012]),
        gain=np.array([[2e-8, 4e-9], [5e-9, 1e-8]]),
        queue=np.array(queue),
        queue_frame=np.array(queue),
        host=np.array(host),
        moving=np.array(moving),
        frame_start=np.array(start),
        phase=np.array(0.0),
    )


def hand_decision(power=(6.031199e-3, 1.090551e-2), wire=(0.0, 0.0), cpu=(10e9, 10e9), host=(0, 1)) -> MecDecision:
    """The optimum of the hand example."""
    return MecDecision(power=np.array(power), wire=np.array(wire), cpu=np.array(cpu), host=np.array(host))


def slots_of(size="tiny", seed=0, **overrides):
    """All slots of an instance along a leading axis; in the closed protocol with random queues, hosts, migrations."""
    instance = MEC.generate(size, seed, **overrides)
    rng, shape = np.random.default_rng(seed), (instance.horizon, instance.dims["user"])
    state = MecState(
        queue=rng.uniform(0.0, 30.0, shape),
        queue_frame=rng.uniform(0.0, 30.0, shape),
        host=rng.integers(0, instance.dims["bs"], shape),
        moving=rng.integers(0, 3, shape) * (rng.random(shape) < 0.2),
    )
    return MEC.slot(instance, np.arange(instance.horizon), state)


def random_decision(slots, seed, spread=1.5):
    """Powers and shares beyond their ranges too, hosts anywhere: mostly infeasible."""
    rng, p = np.random.default_rng(seed), slots.params
    shape = (*slots.batch_shape, slots.n_users)
    real = [rng.uniform(-0.2, spread, shape) * top for top in (p.p_max, p.w_link, p.f_max)]
    return MecDecision(
        power=real[0], wire=real[1], cpu=real[2], host=rng.integers(-1, slots.n_bs + 1, shape),
    )  # fmt: skip

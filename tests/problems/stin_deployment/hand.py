"""The hand example of the problem's definition: 3 users, 1 end-side device."""

import numpy as np

from dtbench.problems.stin_deployment.instance import StinParams
from dtbench.problems.stin_deployment.model import StinSlot


def hand_slot(*, cap: int = 2, **params) -> StinSlot:
    """f = (1, 2, 8) GHz, mu = (100, 80, 120), D = (8, 12, 10) Mbit, F = 16 GHz, r_end = (100, 80, 50) Mbit/s."""
    return StinSlot(
        params=StinParams(n_users=3, n_end=1, w_sat=20e6, **params),
        cycles_per_bit=np.array([100.0, 80.0, 120.0]),
        f_local=np.array([1e9, 2e9, 8e9]),
        f_end=np.array([16e9]),
        cap_end=np.array([cap]),
        end_xy=np.array([[0.0, 0.0]]),
        user_xy=np.array([[30.0, 40.0], [0.0, 10.0], [6.0, 8.0]]),
        data_bits=np.array([8e6, 12e6, 10e6]),
        r_end=np.array([[100e6], [80e6], [50e6]]),
        g_us=np.array([4e-12, 5e-12, 3e-12]),
        r_sc=np.array(2e9),
        d_us=np.array(600e3),
        d_sc=np.array(650e3),
        prev_node=np.zeros(3, dtype=np.int64),
        prev_count=np.zeros(3, dtype=np.int64),
    )

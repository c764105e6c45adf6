"""What benchmarks of trainings share."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture
def one_thread():
    """One thread of torch and of BLAS, so that CPU time is the time of one core."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        yield
    torch.set_num_threads(threads)

"""Random numbers of tests, by seed."""

import torch


def source(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def drawn(rows, width, seed):
    """(rows, width) uniform in [0, 1)."""
    return torch.rand(rows, width, generator=source(seed))

"""What a training asks of the C library: memory that is freed stays with the process.

An update makes and frees arrays of the same sizes again and again. The GNU C library gives large ones back to the
system each time; to get them anew costs a fault per page, up to a third of an update.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # numbers of mallopt's parameters, malloc.h
LARGEST = 32 * 2**20  # bytes: the library refuses more
KEPT = 2**30


@cache
def keep_freed_memory() -> bool:
    """Keep arrays of up to 32 MiB, 1 GiB in all, once they are freed; False where the C library cannot do that."""
    if sys.platform != "linux":
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    return bool(set_option(MMAP_THRESHOLD, LARGEST) and set_option(TRIM_THRESHOLD, KEPT))

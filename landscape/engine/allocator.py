"""Telling the C library to keep the memory it was given.

A network on a CPU asks for the same large blocks at every layer. glibc hands such blocks back to
the system as soon as they are free, and the page faults of getting them again can take most of the
time of a forward pass.
"""

import ctypes
import functools
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEEP_BELOW = 2**30  # bytes; a convolution's scratch memory is far smaller


@functools.cache
def keep_memory() -> bool:
    """Make glibc serve large blocks from memory it keeps; once per process, for all threads.

    Returns:
        Whether the C library is one that takes the hint.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP_BELOW) and mallopt(M_TRIM_THRESHOLD, KEEP_BELOW))

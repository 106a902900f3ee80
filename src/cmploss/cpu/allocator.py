"""Memory that one training step on a CPU frees and the next one needs again."""

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of <malloc.h>


def keep_freed_memory() -> bool:
    """Make this process keep freed memory for its next step; false if the system's library is not glibc.

    glibc returns large freed blocks to the system, which fills each page with zeros when the process needs it again: up
    to a quarter of a step on long texts. After this call the process keeps its peak memory until
    :func:`return_freed_memory`. ``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1`` in the environment has the same effect
    (see mallopt(3)).
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def return_freed_memory() -> bool:
    """Return unused memory of this process to the system; false if its library is not glibc."""
    if _is_glibc():
        ctypes.CDLL(None).malloc_trim(0)
    return _is_glibc()


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"

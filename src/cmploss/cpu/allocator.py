"""Memory that a training step on a CPU frees and the next one asks for again."""

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of <malloc.h>


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for its next step.

    glibc gives large freed blocks back to the system, which fills each page with zeros when they are asked for again:
    on long texts that is up to a quarter of a step. From this call on the whole process keeps them, and so holds the
    most that it needed until :func:`return_freed_memory`. The environment variables ``MALLOC_MMAP_MAX_=0
    MALLOC_TRIM_THRESHOLD_=-1`` do the same; another allocator, such as a preloaded jemalloc, is not touched.

    Returns:
        Whether the system's library is glibc, the only one that can be told so.

    Source: mallopt(3) of the Linux manual.
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def return_freed_memory() -> bool:
    """Give the system all memory that this process keeps without a use; whether that could be asked for (glibc)."""
    if _is_glibc():
        ctypes.CDLL(None).malloc_trim(0)
    return _is_glibc()


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"

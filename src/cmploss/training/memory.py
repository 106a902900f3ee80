"""Memory of training: keeping freed memory for the next step on a CPU, and the peak of a run."""

import ctypes
import platform
from contextlib import suppress
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of <malloc.h>


def keep_freed_memory() -> bool:
    """Make this process keep freed memory for its next step. Returns false if the C library is not glibc.

    glibc returns large freed blocks to the system, which fills each page with zeros when the process needs it again.
    This takes up to a quarter of a step on long texts. After this call the process keeps its peak memory until
    :func:`return_freed_memory`. ``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1`` in the environment has the same effect
    (see mallopt(3)).
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def return_freed_memory() -> bool:
    """Return unused memory of this process to the system. Returns false if the C library is not glibc."""
    if _is_glibc():
        ctypes.CDLL(None).malloc_trim(0)
    return _is_glibc()


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak of a GPU, or else of the process (Linux), so that earlier runs do not count."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        return_freed_memory()
        with suppress(OSError):  # not on Linux, or not allowed: the peak then includes earlier runs
            _CLEAR.write_text("5")  # resets VmHWM, see proc(5)


def peak_memory_mb(device: torch.device) -> float:
    """Largest memory of a GPU, or else of the process, since the last reset in MiB; nan if it is not reported."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if not _STATUS.exists():
        return float("nan")
    lines = _STATUS.read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))

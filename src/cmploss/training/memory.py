"""Peak memory of one run, without earlier runs of the process."""

from contextlib import suppress
from pathlib import Path

import torch

from cmploss.cpu import return_freed_memory

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak_memory() -> None:
    """Of the GPU where there is one, else of the process (Linux), without memory of earlier runs."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        return_freed_memory()
        with suppress(OSError):  # not on Linux, or not allowed: the peak then includes earlier runs
            _CLEAR.write_text("5")  # resets VmHWM, see proc(5)


def peak_memory_mb() -> float:
    """Largest memory since the last reset in MiB; nan if the system does not report it."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if not _STATUS.exists():
        return float("nan")
    lines = _STATUS.read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))

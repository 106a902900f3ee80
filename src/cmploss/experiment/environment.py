"""The environment of a run: versions, machine and commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "transformers", "accelerate", "datasets", "cmploss")


def environment() -> dict[str, Any]:
    """Describe the machine, the versions and the commit of the working directory; never raises.

    Returns:
        ``python`` and one entry per package in :data:`PACKAGES` (version, None if not installed), ``platform``,
        ``cpus`` (logical), ``torch_threads``, ``device`` (name of the accelerator, else of the CPU), ``git_commit`` and
        ``git_dirty``: whether a *tracked* file differs from the commit. Both are None outside a repository.
    """
    import torch

    commit, dirty = _git()
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "device": _device(),
        "git_commit": commit,
        "git_dirty": dirty,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> str:
    from cmploss.devices import accelerator_name

    if accelerator := accelerator_name():
        return accelerator
    try:  # only Linux names the CPU model here; platform.processor() is empty or "x86_64"
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _git() -> tuple[str | None, bool | None]:
    # one call for both; no optional locks, so that parallel runs never wait for each other
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None, None
    lines = done.stdout.decode(errors="replace").splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), "(initial)")
    if commit == "(initial)":  # a repository without a commit
        return None, None
    return commit, any(not line.startswith("#") for line in lines)

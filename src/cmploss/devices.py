"""The choice of device, and the name of the GPU."""

import os

import torch

from cmploss.errors import UserError


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """The device for every model: ``name`` (as in ``"cuda:1"``), else the accelerator if there is one, else the CPU.

    ``ACCELERATE_USE_CPU=true`` in the environment means the CPU, as it does for the Trainer.
    """
    if name is None:
        if os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes", "on", "y", "t"):
            return torch.device("cpu")
        return _accelerator() or torch.device("cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        reason = str(error).partition("\n")[0]
        raise UserError(f"device {str(name)!r} cannot be used ({reason}); give cpu, cuda or mps") from error


def autocast_kinds() -> tuple[str, ...]:
    accelerator = _accelerator()
    return ("cpu",) if accelerator is None else ("cpu", accelerator.type)


def accelerator_name() -> str | None:
    """Name of the GPU; None if there is none, or torch does not know its name."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` calls them."""
    count = torch.cuda.device_count()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (given.split(",") if given else [str(number) for number in range(count)])[:count]


def set_threads(number: int) -> None:
    torch.set_num_threads(number)


def _accelerator() -> torch.device | None:
    return torch.accelerator.current_accelerator(check_available=True)

"""Random numbers that can be replayed without changing the state of other generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def draw_seed() -> int:
    """A new seed from torch's CPU generator, different on every process of a distributed run.

    It advances the generator by one draw. So a run is reproducible from its seed, and a resumed run continues exactly
    from its saved generator state.
    """
    seed = int(torch.randint(2**62, ()).item())
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        # Trainer seeds every rank alike; different rows must not share their masks across ranks.
        seed = (seed + torch.distributed.get_rank() * 0x9E3779B97F4A7C15) % 2**62
    return seed


@contextmanager
def seeded(seed: int, model: nn.Module) -> Iterator[None]:
    """Seed the generators of the CPU and of every device that holds ``model``; restore their states on exit."""
    generators = _generators(model)
    states = [generator.get_state() for generator in generators]
    try:
        reseed(seed, model)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def reseed(seed: int, model: nn.Module) -> None:
    """Seed these generators."""
    for generator in _generators(model):
        generator.manual_seed(seed)


def _generators(model: nn.Module) -> list[torch.Generator]:
    # The generators themselves: torch.manual_seed would also queue seeds for devices that are not in use yet.
    generators = [torch.default_generator]
    devices = {parameter.device for parameter in model.parameters()}
    for device in sorted(devices, key=str):
        if device.type == "cpu":
            continue
        if device.type == "cuda":
            generators.append(torch.cuda.default_generators[device.index])
        elif device.type == "mps":
            generators.append(torch.mps._get_default_mps_generator())
        else:
            raise ValueError(f"nested dropout cannot replay random numbers on {device}; use the CPU, CUDA or MPS")
    return generators

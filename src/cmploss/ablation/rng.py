"""Random numbers that can be replayed without disturbing anybody else's."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

WORDS = 2**18  # 64-bit words that one random number generator fills; 2 MB


def draw_seed() -> int:
    """A new seed from torch's CPU generator, different on every process of a distributed run.

    It advances the generator by one draw, so that a run is reproducible from the seed it started with and continues
    exactly where its saved RNG state left off.
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
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


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


class Rows(NamedTuple):
    """Some rows of a batch: their indices ``(rows,)``, and how many rows the batch has."""

    indices: Tensor
    batch: int


class RandomBits:
    """16 random bits per element for every application of dropout in a pass, the same for all passes of one seed.

    The bits of a smaller tensor are the first ones of a larger one, so that one draw also serves views of many lengths.

    Args:
        seed: An integer ≥ 0.
        keep: Keep what was drawn for further passes, 2 bytes per element, rather than draw the same again.

    Attributes:
        leading: The sizes of the first dimension that dropout was applied to, and 0 for a dropout that was not ours.
    """

    def __init__(self, seed: int, *, keep: bool = True):
        self.seed = seed
        self.keep = keep
        self.leading: set[int] = set()
        self._drawn: dict[int, Tensor] = {}

    def draw(self, number: int, shape: Sequence[int], rows: Rows | None = None) -> Tensor:
        """Integers uniform on [−2¹⁵, 2¹⁵), which depend on the seed and the number of the application.

        With ``rows`` they are those that these rows have in the whole batch.
        """
        if rows is not None:
            return self.draw(number, (rows.batch, *shape[1:]))[rows.indices]
        self.leading.add(shape[0] if shape else 0)
        drawn, size = self._drawn.get(number), prod(shape)
        if drawn is None or drawn.numel() < size:
            drawn = self._fresh(number, size)
        if self.keep:
            self._drawn[number] = drawn
        return drawn[:size].view(*shape)

    def _fresh(self, number: int, size: int) -> Tensor:
        words = np.empty(-(-size // 4), np.uint64)
        starts = range(0, len(words), WORDS)

        def fill(start: int) -> None:
            seed = np.random.SeedSequence(self.seed, spawn_key=(number, start))
            part = words[start : start + WORDS]
            part[:] = np.random.SFC64(seed).random_raw(len(part))

        if len(starts) == 1:
            fill(0)
        else:
            with ThreadPoolExecutor(torch.get_num_threads()) as threads:  # drawing releases Python's lock
                list(threads.map(fill, starts))
        return torch.from_numpy(words.view(np.int16)[:size])

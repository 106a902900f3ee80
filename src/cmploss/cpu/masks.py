"""Dropout masks on the CPU: random bits, drawn once by all threads for all passes of a step, and their thresholds."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

BLOCK = 2**19  # elements of a block; 2 MB in float32, so that a few of them stay in the cache
WORDS = 2**18  # 64-bit words that one random number generator fills; 2 MB


class Rows(NamedTuple):
    """Some rows of a batch: their indices ``(rows,)`` in ascending order, and how many rows the batch has."""

    indices: Tensor
    batch: int

    def of(self, tensor: Tensor) -> Tensor:
        """These rows of a tensor; a view where they follow one another."""
        first, last = int(self.indices[0]), int(self.indices[-1])
        return tensor[first : last + 1] if last - first + 1 == len(self.indices) else tensor[self.indices]


class RandomBits:
    """16 random bits per element for every application of dropout in a pass, the same for all passes of one seed.

    A smaller tensor gets the first bits of a larger one, so one draw serves views of different lengths. With ``keep``
    they stay in memory for further passes (2 bytes per element). ``leading`` has the sizes of the first dimension of
    all tensors with dropout, and 0 if some dropout call did not use these bits.
    """

    def __init__(self, seed: int, *, keep: bool = True):
        self.seed = seed
        self.keep = keep
        self.leading: set[int] = set()
        self._drawn: dict[int, Tensor] = {}

    def draw(self, number: int, shape: Sequence[int], rows: Rows | None = None) -> Tensor:
        """Integers uniform on [−2¹⁵, 2¹⁵), which depend on the seed and the number of the dropout call.

        With ``rows``, the integers of these rows in the whole batch.
        """
        if rows is not None:
            return rows.of(self.draw(number, (rows.batch, *shape[1:])))
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


class Threshold(NamedTuple):
    """A dropout rate as a threshold on random bits, and the scale of the kept elements."""

    least: int
    scale: float

    @classmethod
    def of(cls, p: float) -> "Threshold":
        """The rate ``p`` in [0, 1), rounded to a multiple of 2⁻¹⁶."""
        dropped = min(round(p * 2**16), 2**16 - 1)
        return cls(dropped - 2**15, 2**16 / (2**16 - dropped))


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """Scores and probabilities need single precision at least."""
    return torch.promote_types(dtype, torch.float32)


def mask_of(drawn: Tensor, threshold: Threshold, dtype: torch.dtype) -> Tensor:
    """The scaled mask ``M``: 0 where dropped, else the scale."""
    return (drawn >= threshold.least).to(compute_dtype(dtype)) * threshold.scale


def drop(values: Tensor, bits: Tensor, threshold: Threshold, *, out: Tensor) -> Tensor:
    """``M ∘ values`` without the scale, in one pass over memory; ``bits`` have the dtype of ``values``."""
    # The gradient of a threshold function is 0 where its input is at most the threshold, and elsewhere passed on. The
    # public functions for this need a boolean mask and six times as long.
    torch.ops.aten.threshold_backward.grad_input(values, bits, threshold.least - 1, grad_input=out)
    return out

"""Dropout masks made from random bits, whatever the rate."""

from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2**19  # elements of a block; 2 MB in float32, so that a few of them stay in the cache


class Threshold(NamedTuple):
    """A dropout rate as what random bits are compared with, and the scale of the elements that are kept."""

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
    """``M ∘ values`` but for the scale, in one pass over memory; ``bits`` are in the type of the values."""
    # The gradient of a threshold function is 0 where its input is at most the threshold, and elsewhere passed on. The
    # public ways to say this take a mask of booleans and six times as long.
    torch.ops.aten.threshold_backward.grad_input(values, bits, threshold.least - 1, grad_input=out)
    return out

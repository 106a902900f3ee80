"""What all losses share: the precision they are computed in, and how losses per example become one number."""

from typing import Literal

import torch
from torch import Tensor

from cmploss.settings import check_option

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")


def wide(values: Tensor) -> Tensor:
    """The values in float32, or wider if they are: losses do not belong in 8 bits of mantissa."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def reduce(losses: Tensor, reduction: Reduction) -> Tensor:
    """Mean or sum over every element of ``losses``, or ``losses`` itself for ``"none"``."""
    check_option("reduction", reduction, REDUCTIONS)
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()

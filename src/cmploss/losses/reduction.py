"""What all losses share: the precision of their computation, and the reduction to one number."""

import torch
from torch import Tensor

from cmploss.choices import REDUCTIONS, Reduction, check_option


def upcast(values: Tensor) -> Tensor:
    """The values in float32, or in their own type if it is wider: bfloat16 is too coarse for losses."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def reduce(losses: Tensor, reduction: Reduction) -> Tensor:
    """Mean or sum over every element of ``losses``, or ``losses`` itself for ``"none"``."""
    check_option("reduction", reduction, REDUCTIONS)
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()

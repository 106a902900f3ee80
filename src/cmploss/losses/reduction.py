"""What all losses share: the precision they are computed in, and how losses per example become one number."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

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


def check_option(name: str, value: str, allowed: Iterable[str]) -> None:
    """Raise a ``ValueError`` that lists the allowed values unless ``value`` is one of them."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; allowed: {', '.join(allowed)}")

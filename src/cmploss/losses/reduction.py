"""The one place that turns losses per example into the number that is returned."""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")


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

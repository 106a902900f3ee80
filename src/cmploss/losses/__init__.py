"""Losses that compare: pure functions of tensors, no model and no configuration."""

from cmploss.losses.comparative import (
    PRIMARIES,
    RANKINGS,
    TARGETS,
    comparative_loss,
    comparison_weights,
    primary_loss,
    ranking_penalty,
    violations,
)
from cmploss.losses.reduction import REDUCTIONS, reduce

__all__ = [
    "PRIMARIES",
    "RANKINGS",
    "REDUCTIONS",
    "TARGETS",
    "comparative_loss",
    "comparison_weights",
    "primary_loss",
    "ranking_penalty",
    "reduce",
    "violations",
]

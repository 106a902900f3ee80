"""Comparative losses and task losses of examples: pure functions of tensors, without models or configuration."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.losses.comparative import (
        RANKINGS,
        TARGETS,
        comparative_loss,
        comparison_weights,
        primary_loss,
        ranking_penalty,
        violations,
    )
    from cmploss.losses.divergences import squared_difference, symmetric_binary_kl, symmetric_kl, uniform_cross_entropy
    from cmploss.losses.loss_over_losses import reformulation_losses
    from cmploss.losses.supervised_contrastive import supervised_contrastive_loss

__all__ = [
    "RANKINGS",
    "TARGETS",
    "comparative_loss",
    "comparison_weights",
    "primary_loss",
    "ranking_penalty",
    "reformulation_losses",
    "squared_difference",
    "supervised_contrastive_loss",
    "symmetric_binary_kl",
    "symmetric_kl",
    "uniform_cross_entropy",
    "violations",
]

import_when_used(__name__)

"""Comparative losses and task losses of examples: pure functions of tensors, without models or configuration."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.losses.comparative import (
        RANKINGS as RANKINGS,
        TARGETS as TARGETS,
        comparative_loss as comparative_loss,
        comparison_weights as comparison_weights,
        primary_loss as primary_loss,
        ranking_penalty as ranking_penalty,
        violations as violations,
    )
    from cmploss.losses.divergences import (
        binary_distillation_loss as binary_distillation_loss,
        distillation_loss as distillation_loss,
        squared_difference as squared_difference,
        symmetric_binary_kl as symmetric_binary_kl,
        symmetric_kl as symmetric_kl,
        uniform_cross_entropy as uniform_cross_entropy,
    )
    from cmploss.losses.loss_over_losses import reformulation_losses as reformulation_losses
    from cmploss.losses.supervised_contrastive import supervised_contrastive_loss as supervised_contrastive_loss

import_when_used(__name__)

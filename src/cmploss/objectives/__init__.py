"""Objectives: (model, batch) -> Outcome. Add one by writing it and giving it a row in ``OBJECTIVES``."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.objectives.base import Objective, Outcome, Passes, PassObjective, outcome_of
    from cmploss.objectives.comparative import Comparative, EqualCompute
    from cmploss.objectives.config import ObjectiveConfig, split_objectives, with_own_settings
    from cmploss.objectives.lol import Feedback
    from cmploss.objectives.multi_sample import MultiSampleDropout
    from cmploss.objectives.named import CHOICES, OBJECTIVES, TERMS, build_objective, is_objective
    from cmploss.objectives.rdrop import LabelSmoothing, RDrop
    from cmploss.objectives.scl import SupervisedContrastive
    from cmploss.objectives.supervised import Supervised
    from cmploss.objectives.task_loss import TaskLoss, split_labels, task_loss_for
    from cmploss.objectives.views import views_of

__all__ = [
    "CHOICES",
    "OBJECTIVES",
    "TERMS",
    "Comparative",
    "EqualCompute",
    "Feedback",
    "LabelSmoothing",
    "MultiSampleDropout",
    "Objective",
    "ObjectiveConfig",
    "Outcome",
    "PassObjective",
    "Passes",
    "RDrop",
    "Supervised",
    "SupervisedContrastive",
    "TaskLoss",
    "build_objective",
    "is_objective",
    "outcome_of",
    "split_labels",
    "split_objectives",
    "task_loss_for",
    "views_of",
    "with_own_settings",
]

import_when_used(__name__)

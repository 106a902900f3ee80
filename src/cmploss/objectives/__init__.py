"""Objectives: (model, batch) -> ObjectiveOutput. To add one, write its class and add a line to ``OBJECTIVES``."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.objectives.base import MultiPassObjective, Objective, ObjectiveOutput
    from cmploss.objectives.comparative import Comparative, EqualCompute, Weighted
    from cmploss.objectives.label_smoothing import LabelSmoothing
    from cmploss.objectives.lol import LoL
    from cmploss.objectives.named import OBJECTIVES, REGULARIZERS, ObjectiveConfig
    from cmploss.objectives.rdrop import RDrop
    from cmploss.objectives.run_plan import PassBatch, objective_output
    from cmploss.objectives.scl import SupervisedContrastive
    from cmploss.objectives.supervised import Regularizer, Supervised
    from cmploss.objectives.task_loss import TaskLoss, split_labels, task_loss_for
    from cmploss.objectives.views import views_of

__all__ = [
    "OBJECTIVES",
    "REGULARIZERS",
    "Comparative",
    "EqualCompute",
    "LabelSmoothing",
    "LoL",
    "MultiPassObjective",
    "Objective",
    "ObjectiveConfig",
    "ObjectiveOutput",
    "PassBatch",
    "RDrop",
    "Regularizer",
    "Supervised",
    "SupervisedContrastive",
    "TaskLoss",
    "Weighted",
    "objective_output",
    "split_labels",
    "task_loss_for",
    "views_of",
]

import_when_used(__name__)

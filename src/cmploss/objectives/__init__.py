"""Objectives: (model, batch) -> Outcome. Add one by writing it and giving it a row in ``OBJECTIVES``."""

from cmploss.objectives.base import Objective, Outcome, outcome_of
from cmploss.objectives.comparative import Comparative, EqualCompute
from cmploss.objectives.feedback import Feedback
from cmploss.objectives.named import OBJECTIVES, ObjectiveConfig, build_objective
from cmploss.objectives.supervised import Supervised
from cmploss.objectives.task_loss import TaskLoss, split_labels, task_loss_for
from cmploss.objectives.views import views_of

__all__ = [
    "OBJECTIVES",
    "Comparative",
    "EqualCompute",
    "Feedback",
    "Objective",
    "ObjectiveConfig",
    "Outcome",
    "Supervised",
    "TaskLoss",
    "build_objective",
    "outcome_of",
    "split_labels",
    "task_loss_for",
    "views_of",
]

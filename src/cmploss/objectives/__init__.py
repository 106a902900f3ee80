"""Objectives: (model, batch) -> ObjectiveOutput. To add one, write its class and add a line to ``OBJECTIVES``."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.objectives.base import (
        MultiPassObjective as MultiPassObjective,
        Objective as Objective,
        ObjectiveOutput as ObjectiveOutput,
    )
    from cmploss.objectives.comparative import (
        Comparative as Comparative,
        EqualCompute as EqualCompute,
        Weighted as Weighted,
    )
    from cmploss.objectives.distill import Distill as Distill
    from cmploss.objectives.label_smoothing import LabelSmoothing as LabelSmoothing
    from cmploss.objectives.lol import LoL as LoL
    from cmploss.objectives.named import (
        OBJECTIVES as OBJECTIVES,
        REGULARIZERS as REGULARIZERS,
        ObjectiveConfig as ObjectiveConfig,
    )
    from cmploss.objectives.raft import Raft as Raft
    from cmploss.objectives.rdrop import RDrop as RDrop
    from cmploss.objectives.run_plan import PassBatch as PassBatch, objective_output as objective_output
    from cmploss.objectives.scl import SupervisedContrastive as SupervisedContrastive
    from cmploss.objectives.self_distill import SelfDistill as SelfDistill
    from cmploss.objectives.supervised import Regularizer as Regularizer, Supervised as Supervised
    from cmploss.objectives.task_loss import (
        TaskLoss as TaskLoss,
        split_labels as split_labels,
        task_loss_for as task_loss_for,
    )
    from cmploss.objectives.views import views_of as views_of

import_when_used(__name__)

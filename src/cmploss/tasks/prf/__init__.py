"""Pseudo-relevance feedback: query reformulators, their training and evaluation."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.prf.prf_config import FeedbackConfig
    from cmploss.tasks.prf.prf_task import ReformulationLoss
    from cmploss.tasks.prf.reformulators import DenseReformulator, DenseSettings, TrainedFeedback, dense_reformulator
    from cmploss.tasks.prf.revisions import FeedbackCollator, FeedbackDataset, FeedbackReader

__all__ = [
    "DenseReformulator",
    "DenseSettings",
    "FeedbackCollator",
    "FeedbackConfig",
    "FeedbackDataset",
    "FeedbackReader",
    "ReformulationLoss",
    "TrainedFeedback",
    "dense_reformulator",
]

import_when_used(__name__)

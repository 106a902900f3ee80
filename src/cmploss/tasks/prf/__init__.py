"""Pseudo-relevance feedback: query reformulators and their training."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.prf.evaluate_prf import Row, evaluate_feedback, more_feedback, over_seeds, record_rows
    from cmploss.tasks.prf.prf_config import FeedbackConfig
    from cmploss.tasks.prf.prf_task import FeedbackRun, FeedbackTask, ReformulatorConfig, check_documents
    from cmploss.tasks.prf.prf_training import RankedQueries, ReformulationLoss, ranked_queries
    from cmploss.tasks.prf.reformulators import DenseReformulator, DenseSettings, dense_reformulator
    from cmploss.tasks.prf.revisions import FeedbackCollator, FeedbackDataset, FeedbackReader
    from cmploss.tasks.prf.seed_groups import TrainedMethod, trained_methods
    from cmploss.tasks.prf.train_reformulator import train_reformulator
    from cmploss.tasks.prf.trained_reformulator import TrainedFeedback

__all__ = [
    "DenseReformulator",
    "DenseSettings",
    "FeedbackCollator",
    "FeedbackConfig",
    "FeedbackDataset",
    "FeedbackReader",
    "FeedbackRun",
    "FeedbackTask",
    "RankedQueries",
    "ReformulationLoss",
    "ReformulatorConfig",
    "Row",
    "TrainedFeedback",
    "TrainedMethod",
    "check_documents",
    "dense_reformulator",
    "evaluate_feedback",
    "more_feedback",
    "over_seeds",
    "ranked_queries",
    "record_rows",
    "train_reformulator",
    "trained_methods",
]

import_when_used(__name__)

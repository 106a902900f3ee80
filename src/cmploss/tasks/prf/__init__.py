"""Pseudo-relevance feedback: query reformulators, their training and evaluation."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.prf.evaluate_prf import Method, ScoredRun, evaluate_methods, records_of
    from cmploss.tasks.prf.prf_config import FeedbackConfig, PrfConfig
    from cmploss.tasks.prf.prf_data import PrfData, RankedQueries, check_documents, load_prf_data, ranked_queries
    from cmploss.tasks.prf.prf_task import PrfTask
    from cmploss.tasks.prf.reformulation_loss import ReformulationLoss
    from cmploss.tasks.prf.reformulators import DenseReformulator, DenseSettings, dense_reformulator
    from cmploss.tasks.prf.revisions import FeedbackCollator, FeedbackDataset, FeedbackReader
    from cmploss.tasks.prf.trained_methods import TrainedRun, trained_runs
    from cmploss.tasks.prf.trained_reformulator import TrainedFeedback

__all__ = [
    "DenseReformulator",
    "DenseSettings",
    "FeedbackCollator",
    "FeedbackConfig",
    "FeedbackDataset",
    "FeedbackReader",
    "Method",
    "PrfConfig",
    "PrfData",
    "PrfTask",
    "RankedQueries",
    "ReformulationLoss",
    "ScoredRun",
    "TrainedFeedback",
    "TrainedRun",
    "check_documents",
    "dense_reformulator",
    "evaluate_methods",
    "load_prf_data",
    "ranked_queries",
    "records_of",
    "trained_runs",
]

import_when_used(__name__)

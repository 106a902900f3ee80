"""Pseudo-relevance feedback: query reformulators, their training and evaluation."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.tasks.prf.prf_config import FeedbackConfig as FeedbackConfig
    from cmploss.tasks.prf.prf_task import ReformulationLoss as ReformulationLoss
    from cmploss.tasks.prf.reformulators import (
        DenseReformulator as DenseReformulator,
        DenseSettings as DenseSettings,
        TrainedFeedback as TrainedFeedback,
        dense_reformulator as dense_reformulator,
    )
    from cmploss.tasks.prf.revisions import (
        FeedbackCollator as FeedbackCollator,
        FeedbackDataset as FeedbackDataset,
        FeedbackReader as FeedbackReader,
    )

import_when_used(__name__)

"""Measures of predictions, in percent; higher is better."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.measures.answer_scores import (
        CLOSED_ANSWERS,
        best_thresholds,
        exact_match_f1,
    )
    from cmploss.measures.label_scores import MEASURES, Measure, per_class_scores, score

__all__ = [
    "CLOSED_ANSWERS",
    "MEASURES",
    "Measure",
    "best_thresholds",
    "exact_match_f1",
    "per_class_scores",
    "score",
]

import_when_used(__name__)

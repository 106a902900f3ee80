"""Measures of predictions, in percent; higher is better."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.measures.answer_scores import (
        CLOSED_ANSWERS as CLOSED_ANSWERS,
        best_thresholds as best_thresholds,
        exact_match_f1 as exact_match_f1,
    )
    from cmploss.measures.label_scores import (
        MEASURES as MEASURES,
        Measure as Measure,
        per_class_scores as per_class_scores,
        score as score,
    )

import_when_used(__name__)

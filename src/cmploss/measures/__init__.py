"""What predictions are scored by: measures in percent, every one higher is better."""

from cmploss.measures.scores import MEASURES, Measure, per_class_scores, score

__all__ = ["MEASURES", "Measure", "per_class_scores", "score"]

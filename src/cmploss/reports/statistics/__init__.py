"""Statistics of paired results, over seeds and over test examples: pure functions on arrays."""

from cmploss.reports.statistics.effect import EffectSize, effect_size
from cmploss.reports.statistics.examples import paired_measure, paired_over_examples
from cmploss.reports.statistics.permutation import sign_flip_test
from cmploss.reports.statistics.protocol import BestSamples, best_by_validation
from cmploss.reports.statistics.seeds import MIN_PAIRS, PairedDifference, holm, mean_sd, paired_difference

__all__ = [
    "MIN_PAIRS",
    "BestSamples",
    "EffectSize",
    "PairedDifference",
    "best_by_validation",
    "effect_size",
    "holm",
    "mean_sd",
    "paired_difference",
    "paired_measure",
    "paired_over_examples",
    "sign_flip_test",
]

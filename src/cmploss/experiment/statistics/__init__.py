"""Statistics of paired results over seeds and test examples: pure functions of arrays."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.statistics.example_tests import paired_measure, paired_over_examples
    from cmploss.experiment.statistics.family import compare_with_baseline
    from cmploss.experiment.statistics.paired_tests import PairedDifference, cohens_d, holm, mean_sd, sign_flip_test
    from cmploss.experiment.statistics.ranks import rank_test

__all__ = [
    "PairedDifference",
    "cohens_d",
    "compare_with_baseline",
    "holm",
    "mean_sd",
    "paired_measure",
    "paired_over_examples",
    "rank_test",
    "sign_flip_test",
]

import_when_used(__name__)

"""Statistics of paired results, over seeds and over test examples: pure functions on arrays."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.statistics.example_tests import paired_measure, paired_over_examples
    from cmploss.experiment.statistics.paired_tests import (
        MIN_PAIRS,
        PairedDifference,
        cohens_d,
        holm,
        mean_sd,
        paired_difference,
    )
    from cmploss.experiment.statistics.permutation import sign_flip_test

__all__ = [
    "MIN_PAIRS",
    "PairedDifference",
    "cohens_d",
    "holm",
    "mean_sd",
    "paired_difference",
    "paired_measure",
    "paired_over_examples",
    "sign_flip_test",
]

import_when_used(__name__)

"""Statistics of paired results over seeds and test examples: pure functions of arrays."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.statistics.example_tests import (
        paired_measure as paired_measure,
        paired_over_examples as paired_over_examples,
    )
    from cmploss.experiment.statistics.family import compare_with_baseline as compare_with_baseline
    from cmploss.experiment.statistics.paired_tests import (
        PairedDifference as PairedDifference,
        cohens_d as cohens_d,
        holm as holm,
        mean_sd as mean_sd,
        pairs_of as pairs_of,
        sign_flip_test as sign_flip_test,
    )
    from cmploss.experiment.statistics.ranks import rank_test as rank_test

import_when_used(__name__)

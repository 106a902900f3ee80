"""The few-shot protocol of published work, beside the plain mean."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cmploss.errors import UserError
from cmploss.experiment.statistics.paired_tests import mean_sd


@dataclass(frozen=True)
class BestSamples:
    """Test scores of the best training samples, and of all of them.

    Args:
        mean: mean test score of the best samples.
        sd: their sample standard deviation, nan for one.
        keep: how many they are.
        all_mean: mean test score of all samples.
        all_sd: their sample standard deviation.
        n: how many all are.
    """

    mean: float
    sd: float
    keep: int
    all_mean: float
    all_sd: float
    n: int


def best_by_validation(validation: ArrayLike, test: ArrayLike, *, keep: int = 3) -> BestSamples:
    """Mean ± sd of the test scores of the ``keep`` runs with the best validation scores, and of all runs.

    Published few-shot numbers are of this kind (the best 3 of 10 training samples). They answer what one gets who may
    draw ten training sets and throw seven away, and cannot be compared with a mean over all samples: give both.

    Args:
        validation: Score of each run on the part that chooses; nan is below all others.
        test: Score of each run on the part that is reported, in the same order.
        keep: Runs to keep; of equal validation scores the first are kept.

    Raises:
        UserError: The lengths differ, or there are fewer runs than ``keep``.

    >>> found = best_by_validation([70.0, 90.0, 80.0], [71.0, 86.0, 84.0], keep=2)
    >>> found.mean, round(found.all_mean, 2), found.keep, found.n
    (85.0, 80.33, 2, 3)

    Source: Gunel et al. 2021 (arXiv 2011.01403), section 4.
    """
    chooses, scores = np.asarray(validation, dtype=float), np.asarray(test, dtype=float)
    if chooses.ndim != 1 or chooses.shape != scores.shape or not 1 <= keep <= scores.size:
        raise UserError(
            f"best by validation: got validation scores of shape {chooses.shape}, test scores of shape {scores.shape} "
            f"and keep={keep}; give one of each per run, and at least as many runs as are kept"
        )
    best = np.argsort(-chooses, kind="stable")[:keep]  # nan sorts last
    return BestSamples(*mean_sd(scores[best]), keep, *mean_sd(scores), scores.size)

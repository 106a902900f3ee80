"""Runs and test examples as two crossed random factors: an interval that covers other seeds and other examples."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cmploss.errors import UserError
from cmploss.experiment.statistics.family import FamilyDifference


def example_variance(values: ArrayLike, baseline: ArrayLike) -> float:
    """The part of the variance of a mean difference that comes from the choice of the test examples.

    With the difference d of run pair s on example i, ``d[s, i] = μ + a[s] + b[i] + e[s, i]`` and S × n differences,
    the variance of their mean is σ²a/S + σ²b/n + σ²e/(S n). The first and the last part are what a test over seeds
    sees. The second is estimated by the method of moments, from the mean squares of a two-way analysis of variance:
    ``max(MS_example − MS_residual, 0) / (S n)``.

    Args:
        values: Score of each example in each run, ``(runs, examples)``.
        baseline: Those of the baseline, of the same shape, paired by run.

    Returns:
        A variance in the squared unit of the scores.

    Raises:
        UserError: The shapes differ, or there are fewer than two runs or examples.

    Examples:
        >>> example_variance([[1, 1, 0, 0], [1, 1, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]])  # both runs agree
        0.08333333333333333

    References: Searle, Casella and McCulloch 1992, "Variance components", chapter 4.
    """
    ours, theirs = np.asarray(values, dtype=float), np.asarray(baseline, dtype=float)
    if ours.ndim != 2 or ours.shape != theirs.shape or min(ours.shape) < 2:
        raise UserError(
            f"crossed interval: got shapes {ours.shape} and {theirs.shape}; give both as (runs, examples), two of each"
        )
    gaps = ours - theirs
    runs, examples = gaps.shape
    of_example = gaps.mean(0)
    residuals = gaps - of_example - gaps.mean(1, keepdims=True) + gaps.mean()
    between = runs * float(((of_example - gaps.mean()) ** 2).sum()) / (examples - 1)
    residual = float((residuals**2).sum()) / ((runs - 1) * (examples - 1))
    return float(max(between - residual, 0.0) / (runs * examples))


def crossed_interval(difference: FamilyDifference, variance: float) -> tuple[float, float]:
    """The interval of a difference over seeds and test examples.

    The variance over seeds e² becomes e² + v, with ν (1 + v/e²)² degrees of freedom in place of ν. The level of a
    single comparison is as for the interval over seeds, so the correction for several rows stays too. The interval
    is never narrower than the one over seeds.

    Args:
        difference: A row with its interval over seeds.
        variance: What :func:`example_variance` found for that row.

    Returns:
        Lower and upper end; nan where there is no interval over seeds.

    References: for readers and cases, Hillis 2007, "A comparison of denominator degrees of freedom methods for
    multiple observer ROC analysis"; the degrees of freedom are Satterthwaite's with the seed part alone as random.
    """
    half, error, df = difference.high - difference.mean, difference.error, difference.df
    if not (error > 0 and half > 0):
        return math.nan, math.nan
    growth = 1 + variance / error**2
    level = stats.t.sf(half / error, df)
    wide = max(half, float(stats.t.isf(level, df * growth**2)) * error * math.sqrt(growth))
    return difference.mean - wide, difference.mean + wide

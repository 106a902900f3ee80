"""Statistics over seeds: pure functions on arrays."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import ttest_rel

from cmploss.errors import UserError

MIN_PAIRS = 5  # a paired t test over fewer seeds has next to no power
_ROUNDING = 1e-9  # differences this close, relative to the values, differ by floating-point error only


@dataclass(frozen=True)
class PairedDifference:
    """The mean of paired differences with its interval, in the unit of the values.

    Args:
        mean: mean difference, positive if the values are above the baseline.
        low: lower end of the confidence interval, nan for one pair.
        high: upper end of the confidence interval, nan for one pair.
        p: two-sided p-value of the paired t test, None where there is no test.
        n: number of pairs.
    """

    mean: float
    low: float
    high: float
    p: float | None
    n: int


def mean_sd(values: ArrayLike) -> tuple[float, float]:
    """Mean and sample standard deviation.

    sd = √(Σ (x − mean)² / (n − 1)), nan for n = 1; both are nan for n = 0.

    >>> mean_sd([1.0, 2.0, 3.0])
    (2.0, 1.0)
    """
    array = np.asarray(values, dtype=float)
    return (
        float(array.mean()) if array.size > 0 else math.nan,
        float(array.std(ddof=1)) if array.size > 1 else math.nan,
    )


def paired_difference(
    values: ArrayLike, baseline: ArrayLike, *, confidence: float = 0.95, min_n_for_p: int = MIN_PAIRS
) -> PairedDifference:
    """Mean difference of pairs with its t interval and the paired t test.

    With dᵢ = valuesᵢ − baselineᵢ: mean(d) ± t(n − 1) · sd(d) / √n, and p of the two-sided test of
    mean(d) = 0. It assumes that the differences of seeds are roughly normal.

    If all differences are equal, sd(d) = 0 and t = mean(d) / 0 is undefined: there is no interval (an
    interval of width 0 would claim certainty), and p is 1 if the value is 0 (nothing speaks against
    equality), else None.

    Args:
        values: one number per pair.
        baseline: the other number of each pair, in the same order.
        confidence: level of the interval.
        min_n_for_p: with fewer pairs p is None.

    Raises:
        UserError: the lengths differ, or there is no pair.

    >>> found = paired_difference([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])  # 2 ± 4.303 · 1 / √3
    >>> found.mean, round(found.low, 3), round(found.high, 3), found.p, found.n
    (2.0, -0.484, 4.484, None, 3)
    """
    ours, theirs = np.asarray(values, dtype=float), np.asarray(baseline, dtype=float)
    if ours.ndim != 1 or ours.shape != theirs.shape or ours.size == 0:
        raise UserError(
            f"paired difference: got values of shape {ours.shape} and a baseline of shape {theirs.shape}; "
            "give two lists of the same length, at least one pair"
        )
    difference = ours - theirs
    mean, n = float(difference.mean()), difference.size
    if n == 1:
        return PairedDifference(mean, math.nan, math.nan, None, n)
    negligible = _ROUNDING * max(np.abs(ours).max(), np.abs(theirs).max())
    if np.ptp(difference) <= negligible:
        mean = 0.0 if abs(mean) <= negligible else mean
        low, high, p = math.nan, math.nan, math.nan if mean else 1.0
    else:
        test = ttest_rel(ours, theirs)
        interval = test.confidence_interval(confidence)
        low, high, p = float(interval.low), float(interval.high), float(test.pvalue)
    return PairedDifference(mean, low, high, None if n < min_n_for_p or math.isnan(p) else p, n)

"""How large a paired difference is beside its scatter."""

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import chi2, nct

from cmploss.experiment.statistics.paired_tests import constant_difference, mean_sd, pairs

_FAR = 1000.0


@dataclass(frozen=True)
class EffectSize:
    """Cohen's d of paired differences, in standard deviations of the differences.

    Args:
        d: the effect size, positive if the values are above the baseline; nan where it is undefined.
        low: lower end of the confidence interval, nan where there is none.
        high: upper end of the confidence interval, nan where there is none.
        n: number of pairs.
    """

    d: float
    low: float
    high: float
    n: int


def effect_size(values: ArrayLike, baseline: ArrayLike, *, confidence: float = 0.95) -> EffectSize:
    """Cohen's d_z of pairs with its exact interval.

    With dᵢ = valuesᵢ − baselineᵢ: d_z = mean(d) / sd(d), and t = d_z · √n follows the noncentral t distribution with
    n − 1 degrees of freedom and noncentrality δ · √n. The ends of the interval are those δ under which the t that
    was found is at the upper or lower (1 − confidence) / 2 of its distribution.

    d_z grows with the correlation of the pairs: it says how sure a difference is from seed to seed, not how many
    points it has. It is not corrected for the bias of small n. It is undefined for one pair, and where all
    differences are equal.

    Args:
        values: one number per pair.
        baseline: the other number of each pair, in the same order.
        confidence: level of the interval.

    Raises:
        UserError: the lengths differ, or there is no pair.

    >>> found = effect_size([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])  # differences 1, 2, 3: 2 / 1
    >>> found.d, round(found.low, 2), round(found.high, 2), found.n
    (2.0, -0.14, 4.11, 3)

    Source: Cohen 1988; the interval as in Steiger and Fouladi 1997.
    """
    ours, theirs = pairs(values, baseline)
    n = ours.size
    mean, sd = mean_sd(ours - theirs)
    if n == 1 or constant_difference(ours, theirs) or math.isnan(sd):
        return EffectSize(math.nan, math.nan, math.nan, n)
    t, root = mean / sd * math.sqrt(n), math.sqrt(n)
    tail = (1 - confidence) / 2
    return EffectSize(mean / sd, _noncentrality(t, n - 1, 1 - tail) / root, _noncentrality(t, n - 1, tail) / root, n)


def _noncentrality(t: float, df: int, below: float) -> float:
    """The noncentrality under which a share ``below`` of the distribution lies below t."""
    if t < 0:
        return -_noncentrality(-t, df, 1 - below)
    if t > _FAR:  # scipy's distribution function fails there, and Z in (Z + δ) / √(χ² / df) no longer counts
        return t * math.sqrt(chi2.isf(below, df) / df)
    width = 1.0
    while not _share_below(t, df, t - width) > below > _share_below(t, df, t + width):
        width *= 2
    return float(brentq(lambda delta: _share_below(t, df, delta) - below, t - width, t + width))


def _share_below(t: float, df: int, delta: float) -> float:
    """P(T ≤ t) for t from 0; scipy gives nan where it is 0 or 1 in double precision."""
    share = float(nct.cdf(t, df, delta))
    return float(delta < 0) if math.isnan(share) else share

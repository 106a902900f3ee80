"""Means, paired differences, permutation tests over signs, and corrected p-values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmploss.errors import UserError

RESAMPLES = 10_000
_ROUNDING = 1e-9  # numbers this close, relative to the values, differ by floating-point error only


@dataclass(frozen=True)
class PairedDifference:
    """The mean of paired differences with its interval, in the unit of the values.

    Args:
        mean: mean difference, positive if the values are above the baseline.
        low: lower end of the confidence interval, nan if there is none.
        high: upper end of the confidence interval, nan if there is none.
        p: two-sided p-value of the paired test, None if there is no test.
        n: number of pairs: seeds, or test examples.
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


def pairs_of(values: Mapping[Any, float], baseline: Mapping[Any, float]) -> list[tuple[float, float]]:
    """The pairs of scores of two rows on the seeds that both have, without undefined scores.

    >>> pairs_of({0: 80.0, 1: float("nan"), 2: 82.0}, {0: 79.0, 1: 81.0})
    [(80.0, 79.0)]
    """
    pairs = [(values[block], baseline[block]) for block in sorted(values) if block in baseline]
    return [pair for pair in pairs if not any(map(math.isnan, pair))]


def cohens_d(values: ArrayLike, baseline: ArrayLike) -> float:
    """Standardised effect size of pairs, Cohen's d_z: mean(d) / sd(d) of the differences d = values − baseline.

    It grows with the correlation of the pairs and is not corrected for the bias of few pairs. nan for one pair, and
    if all differences are equal.

    Raises:
        UserError: if the lengths differ, or there is no pair.

    >>> cohens_d([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])  # differences 1, 2, 3
    2.0

    References: Cohen 1988, "Statistical power analysis for the behavioral sciences".
    """
    ours, theirs = np.asarray(values, dtype=float), np.asarray(baseline, dtype=float)
    if ours.ndim != 1 or ours.shape != theirs.shape or ours.size == 0:
        raise UserError(
            f"paired values: got values of shape {ours.shape} and a baseline of shape {theirs.shape}; "
            "give two lists of the same length, at least one pair"
        )
    mean, sd = mean_sd(ours - theirs)
    return math.nan if ours.size == 1 or constant_difference(ours, theirs) else mean / sd


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction of the p-values of several tests.

    With m tests and the k-th smallest p-value (k from 0): p(k) becomes max over i ≤ k of min(1, (m − i) · p(i)).
    It controls the family-wise error rate under any dependence of the tests.

    Args:
        p_values: one per test; None if there was no test, which stays None and is not counted.

    >>> holm([0.25, 0.125, None, 0.75])
    [0.5, 0.375, None, 0.75]

    References: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    tests = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for done, (p, place) in enumerate(tests):
        largest = max(largest, min(1.0, (len(tests) - done) * p))
        corrected[place] = largest
    return corrected


def sign_flip_test(differences: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p-value of the hypothesis that paired differences are as often positive as negative.

    If the two systems are exchangeable, the sign of every difference is random. p is the share of the 2ⁿ choices of
    signs whose sum is at least as far from 0 as the observed sum. The test does not assume a distribution, but p cannot
    be below 2 / 2ⁿ: .0625 for 5 seeds.

    If 2ⁿ > ``resamples``, that many choices are drawn, and p = (1 + number of extreme draws) / (1 + number of draws).

    Args:
        differences: one per pair.
        resamples: largest number of choices of signs.
        seed: seed of the draws.

    Returns:
        p, or nan if a difference is.

    Raises:
        UserError: if there are no differences, or they are not a list of numbers.

    >>> sign_flip_test([1.0, 2.0, 3.0])  # + + + and − − − of 8 choices
    0.25
    """
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or values.size == 0:
        raise UserError(f"sign-flip test: got differences of shape {values.shape}; give a list of at least one")
    if np.isnan(values).any():
        return float("nan")
    if values.size < 63 and 2**values.size <= resamples:
        choices = np.arange(2**values.size)[:, None] >> np.arange(values.size)
        sums = (1 - 2 * (choices & 1)) @ values
        return float(np.mean(extreme(sums, values.sum(), np.abs(values).sum())))
    random = np.random.RandomState(seed)  # its stream is the same in every version of numpy
    sums = np.array([(1 - 2 * random.randint(2, size=values.size)) @ values for _ in range(resamples)])
    return share(extreme(sums, values.sum(), np.abs(values).sum()))


def extreme(found: ArrayLike, observed: float, scale: float) -> NDArray[np.bool_]:
    """Which values are at least as far from 0 as the observed one, except for rounding at that scale."""
    return np.abs(found) >= abs(observed) - _ROUNDING * scale


def share(is_extreme: ArrayLike) -> float:
    """p from drawn permutations; the observed one is included, so that p is never 0."""
    drawn = np.asarray(is_extreme)
    return (1 + int(drawn.sum())) / (1 + drawn.size)


def constant_difference(values: NDArray[np.float64], baseline: NDArray[np.float64]) -> bool:
    """Whether all pairs differ by the same amount, except for rounding."""
    largest = max(np.abs(values).max(), np.abs(baseline).max())
    return bool(np.ptp(values - baseline) <= _ROUNDING * largest)

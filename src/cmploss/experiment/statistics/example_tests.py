"""Two systems on the same test examples: bootstrap intervals and permutation tests.

The trained models are fixed. So an interval covers other test sets for these models, and not other seeds, which
:func:`compare_with_baseline` covers.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

from cmploss.errors import UserError
from cmploss.experiment.statistics.paired_tests import (
    RESAMPLES,
    PairedDifference,
    constant_difference,
    extreme,
    share,
    sign_flip_test,
)

Measure = Callable[[NDArray[Any], NDArray[Any]], float]


def paired_over_examples(
    values: ArrayLike, baseline: ArrayLike, *, resamples: int = RESAMPLES, confidence: float = 0.95, seed: int = 0
) -> PairedDifference:
    """Mean difference of two systems on the same examples, with a bootstrap interval and a permutation test.

    With dᵢ the difference of example i, averaged over seeds: mean(d); percentiles of the mean of n examples drawn with
    replacement; and :func:`sign_flip_test` of d. Seeds are averaged first, because several runs on one example are not
    several examples.

    Args:
        values: Score of each example, ``(examples,)``, or of each example in each run, ``(seeds, examples)``.
        baseline: Scores of the other system, of the same shape.
        resamples: Number of bootstrap samples, and largest number of permutations.
        confidence: Level of the interval.
        seed: Of the resampling.

    Returns:
        The difference in the unit of the scores, with n = examples. If all examples differ by the same amount there is
        no interval: a width of 0 would claim certainty. If a score is nan, all values are nan and p is None.

    Raises:
        UserError: If the shapes differ, or there are no examples.

    Examples:
        Correct answers of two systems on eight examples; the first is better on three and worse on none:

        >>> found = paired_over_examples([1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0])
        >>> found.mean, found.low, found.high, found.p, found.n
        (0.375, 0.0, 0.75, 0.25, 8)

    References: Efron and Tibshirani 1993; for language models Berg-Kirkpatrick et al. 2012.
    """
    ours, theirs = _runs(np.asarray(values, dtype=float), np.asarray(baseline, dtype=float))
    ours, theirs = ours.mean(0), theirs.mean(0)
    difference = ours - theirs
    mean, n = float(difference.mean()), difference.size
    p = sign_flip_test(difference, resamples=resamples, seed=seed)
    if math.isnan(p):
        return PairedDifference(math.nan, math.nan, math.nan, None, n)
    if constant_difference(ours, theirs):
        return PairedDifference(mean, math.nan, math.nan, p, n)
    drawn = bootstrap(
        (difference,),
        np.mean,
        n_resamples=resamples,
        batch=500,
        confidence_level=confidence,
        method="percentile",
        rng=seed,
    )
    low, high = drawn.confidence_interval
    return PairedDifference(mean, float(low), float(high), p, n)


def paired_measure(
    predictions: ArrayLike,
    baseline: ArrayLike,
    labels: ArrayLike,
    measure: Measure,
    *,
    resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Difference of a measure that is not a mean over examples (F1, a correlation), with an interval and a test.

    The measure is averaged over seeds before the difference. Interval: the measure is computed again on examples drawn
    with replacement, the same for both systems and all seeds. Test (approximate randomisation): it is computed again
    with the predictions of random examples swapped between the systems, in all seeds at once; p = (1 + number of
    extreme permutations) / (1 + number of permutations).

    Args:
        predictions: ``(examples,)`` or ``(seeds, examples)``.
        baseline: Predictions of the other system, of the same shape.
        labels: ``(examples,)``.
        measure: ``measure(predictions, labels)`` of one run, e.g. ``cmploss.measures.MEASURES["f1"]``.
        resamples: Number of bootstrap samples and of permutations; each takes 2 × seeds calls of ``measure``.
        confidence: Level of the interval.
        seed: Of the resampling.

    Returns:
        The difference in the unit of the measure, with n = examples. If the measure is nan, also on a resample, there
        is no interval, and p is None.

    Raises:
        UserError: The shapes differ, or there are no examples.

    Examples:
        >>> def f1(predictions, labels):
        ...     return 200 * float((predictions * labels).sum()) / max(1, (predictions + labels).sum())
        >>> found = paired_measure([1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], f1, resamples=100)
        >>> found.mean, found.n  # 100 · (2·2 / 5 − 2·1 / 4)
        (30.0, 4)

    References: Noreen 1989, "Computer-intensive methods for testing hypotheses".
    """
    ours, theirs = _runs(np.asarray(predictions), np.asarray(baseline))
    truth = np.asarray(labels)
    n = ours.shape[1]
    if truth.shape != (n,):
        raise UserError(f"paired measure: got {n} predictions and labels of shape {truth.shape}; give one label each")

    def gap(first: NDArray[Any], second: NDArray[Any], rows: NDArray[np.int_]) -> float:
        return float(
            np.mean([measure(run[rows], truth[rows]) for run in first])
            - np.mean([measure(run[rows], truth[rows]) for run in second])
        )

    every = np.arange(n)
    found, random = gap(ours, theirs, every), np.random.RandomState(seed)
    drawn = [gap(ours, theirs, random.randint(0, n, size=(n,))) for _ in range(resamples)]
    swaps = [random.randint(0, 2, size=(n,)).astype(bool) for _ in range(resamples)]
    swapped = [gap(np.where(swap, theirs, ours), np.where(swap, ours, theirs), every) for swap in swaps]
    if np.isnan([found, *drawn, *swapped]).any():
        return PairedDifference(found, math.nan, math.nan, None, n)
    scale = max(abs(found), *np.abs(swapped))
    tail = 50 * (1 - confidence)
    low, high = (math.nan, math.nan) if np.ptp(drawn) == 0 else np.percentile(drawn, [tail, 100 - tail])
    return PairedDifference(found, float(low), float(high), share(extreme(swapped, found, scale)), n)


def _runs(values: NDArray[Any], baseline: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as ``(seeds, examples)``."""
    if values.ndim not in (1, 2) or values.shape != baseline.shape or values.size == 0:
        raise UserError(
            f"paired over examples: got shapes {values.shape} and {baseline.shape}; "
            "give both as (examples,) or (seeds, examples), at least one example"
        )
    return np.atleast_2d(values), np.atleast_2d(baseline)

"""Permutation tests of paired differences."""

import numpy as np
from numpy.typing import ArrayLike

from cmploss.errors import UserError

RESAMPLES = 10_000
CLOSE = 1e-9  # relative: sums in another order differ by rounding


def sign_flip_test(differences: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p-value of the hypothesis that paired differences are as often positive as negative.

    If the two systems are exchangeable, every difference may have had the other sign. p is the share of the 2ⁿ
    choices of signs whose sum is at least as far from 0 as the one found. It assumes nothing about the shape of the
    distribution, but cannot be below 2 / 2ⁿ: .0625 for 5 seeds.

    Where 2ⁿ > ``resamples``, that many choices are drawn, and p = (1 + the extreme ones) / (1 + all).

    Args:
        differences: one per pair.
        resamples: choices of signs at most.
        seed: of the draws.

    Returns:
        p, or nan if a difference is.

    Raises:
        UserError: no differences, or not a list of numbers.

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
    random = np.random.RandomState(seed)  # its stream is frozen: a report gives the same p with any numpy
    sums = np.array([(1 - 2 * random.randint(2, size=values.size)) @ values for _ in range(resamples)])
    return share(extreme(sums, values.sum(), np.abs(values).sum()))


def extreme(found: ArrayLike, observed: float, scale: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which values are at least as far from 0 as the observed one, but for rounding at that scale."""
    return np.abs(found) >= abs(observed) - CLOSE * scale


def share(is_extreme: ArrayLike) -> float:
    """p of drawn permutations: the observed one counts as drawn, so that p is never 0."""
    drawn = np.asarray(is_extreme)
    return (1 + int(drawn.sum())) / (1 + drawn.size)

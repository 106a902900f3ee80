"""Wrong labels."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmploss.errors import UserError


def symmetric_flips(classes: int) -> NDArray[np.float64]:
    """Flips to every other class, each as likely.

    >>> symmetric_flips(3).tolist()
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    return (1 - np.eye(classes)) / (classes - 1)


def pair_flips(classes: int) -> NDArray[np.float64]:
    """Flips of each class to the next one, of the last to the first: the hardest confusion at one rate.

    >>> pair_flips(3).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

    References: Han et al. 2018, "Co-teaching" (arXiv 1804.06872), where it is called pair flipping.
    """
    return np.roll(np.eye(classes), 1, axis=1)


def noisy_labels(
    labels: ArrayLike, rate: float, flips: NDArray[np.float64], *, order: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Labels of which an exact share is wrong.

    The first ``⌊rate · n + ½⌋`` examples of ``order`` get another label. What a label becomes does not depend on the
    rate, so what is wrong at one rate is wrong in the same way at every higher one.

    Args:
        labels: Class ids ``(examples,)``.
        rate: Share of wrong labels in [0, 1].
        flips: ``flips[a, b]`` is the probability that a wrong label of class a becomes b, ``(classes, classes)``: rows
            sum to 1, and the diagonal is 0.
        order: A random order of the examples, such as that of :func:`cmploss.tasks.text.subsample.example_order`, which
            gives every class its share of wrong labels.
        seed: Of what the labels become.

    Returns:
        Class ids ``(examples,)``.

    Raises:
        UserError: ``flips`` is no such matrix, or ``rate`` is out of range.

    Example:
        >>> noisy_labels([0, 1, 2, 0], 0.5, pair_flips(3), order=np.array([3, 1, 0, 2]), seed=0).tolist()
        [0, 2, 2, 1]
    """
    clean = np.asarray(labels)
    _check(flips, clean, rate)
    # The array seeds another stream than the number alone, which examples and their order are drawn with.
    uniform = np.random.RandomState([seed, 1]).random_sample(len(clean))
    wrong = order[: math.floor(rate * len(clean) + 0.5)]
    found = clean.astype(np.int64)
    for row in wrong:
        upto = np.cumsum(flips[clean[row]])
        found[row] = np.searchsorted(upto / upto[-1], uniform[row], side="right")
    return found


def _check(flips: NDArray[np.float64], labels: NDArray[Any], rate: float) -> None:
    if not 0 <= rate <= 1:
        raise UserError(f"label noise: the rate {rate} is out of range; give a number from 0 to 1")
    classes = len(flips)
    right = (
        flips.shape == (classes, classes)
        and classes > 1
        and (flips >= 0).all()
        and not flips.diagonal().any()
        and np.allclose(flips.sum(1), 1)
    )
    if not right:
        raise UserError(
            f"label noise: flips of shape {flips.shape} must be a square matrix of at least two classes, without "
            "negative numbers, with a diagonal of 0 and rows that sum to 1"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise UserError(
            f"label noise: labels from {labels.min()} to {labels.max()} have no flips; give a larger matrix"
        )

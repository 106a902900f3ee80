"""Wrong labels."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


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

    ``flips[a, b]`` is the probability that a wrong label of class a becomes b; ``order`` is a random order of the
    examples, such as :func:`cmploss.tasks.text.subsample.example_order`, which gives every class its share of wrong
    labels.

    Example:
        >>> noisy_labels([0, 1, 2, 0], 0.5, pair_flips(3), order=np.array([3, 1, 0, 2]), seed=0).tolist()
        [0, 2, 2, 1]
    """
    clean = np.asarray(labels)
    # The array seeds another stream than the number alone, which examples and their order are drawn with.
    uniform = np.random.RandomState([seed, 1]).random_sample(len(clean))
    wrong = order[: math.floor(rate * len(clean) + 0.5)]
    found = clean.astype(np.int64)
    for row in wrong:
        upto = np.cumsum(flips[clean[row]])
        found[row] = np.searchsorted(upto / upto[-1], uniform[row], side="right")
    return found

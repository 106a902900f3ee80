"""Measures of classification and regression in percent, fast enough to be computed anew on many resamples."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from cmploss.errors import UserError

Array = NDArray[Any]
Measure = Callable[[Array, Array], float]
"""``measure(predictions, labels)`` in percent, higher is better; both arrays are ``(examples,)``."""


def _accuracy(predictions: Array, labels: Array) -> float:
    return 100 * float(metrics.accuracy_score(labels, predictions))


def _f1(predictions: Array, labels: Array) -> float:
    counts = _confusion(predictions, labels)
    if len(counts) > 2:
        raise UserError(f"measure f1 is of class 1 among two, and there are {len(counts)} classes; take f1_macro")
    return 100 * float(_f1_of_classes(counts)[1])


def _f1_macro(predictions: Array, labels: Array) -> float:
    counts = _confusion(predictions, labels)
    return 100 * float(_f1_of_classes(counts)[counts.sum(0) + counts.sum(1) > 0].mean())


def _f1_of_classes(counts: Array) -> Array:
    """2 · hits / (labels + predictions) of each class, 0 of one that is in neither."""
    return np.asarray(2 * counts.diagonal() / np.maximum(1, counts.sum(0) + counts.sum(1)))


def _matthews(predictions: Array, labels: Array) -> float:
    counts = _confusion(predictions, labels)
    said, true, every = counts.sum(0), counts.sum(1), counts.sum()
    spread = (every**2 - said @ said) * (every**2 - true @ true)
    return 100 * float((every * counts.trace() - said @ true) / np.sqrt(spread)) if spread else 0.0


def _confusion(predictions: Array, labels: Array) -> Array:
    """Number of examples by label and prediction ``(classes, classes)``, at least two classes."""
    ids = np.stack([labels, predictions]).astype(np.int64)
    size = max(2, int(ids.max()) + 1)
    return np.bincount(size * ids[0] + ids[1], minlength=size * size).reshape(size, size).astype(float)


def _pearson(predictions: Array, labels: Array) -> float:
    return _correlation(predictions, labels) if _vary(predictions, labels) else float("nan")


def _spearman(predictions: Array, labels: Array) -> float:
    if not _vary(predictions, labels):
        return float("nan")
    return _correlation(_ranks(predictions), _ranks(labels))


def _ranks(values: Array) -> Array:
    """Places from 1 in ascending order; equal values share the mean of theirs."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(sizes) - (sizes - 1) / 2)[group])


def _correlation(one: Array, other: Array) -> float:
    return 100 * min(1.0, max(-1.0, float(_direction(one) @ _direction(other))))


def _direction(values: Array) -> Array:
    """What is left of the values without their mean, at length 1."""
    centred = values.astype(float) - values.mean()
    centred /= np.abs(centred).max()  # squares of tiny differences would be 0
    return np.asarray(centred / np.sqrt(centred @ centred))


def _vary(predictions: Array, labels: Array) -> bool:
    """Whether both are finite and neither is constant."""
    return all(bool(np.isfinite(values).all() and (values != values[0]).any()) for values in (predictions, labels))


MEASURES: dict[str, Measure] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "f1_macro": _f1_macro,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}


def score(measures: Sequence[str], predictions: Array, labels: Array) -> dict[str, float]:
    """Each named measure of the predictions, in percent (×100), higher is better.

    ``accuracy``; ``f1`` of class 1 among two classes; ``f1_macro``, the mean F1 of the classes that occur in labels
    or predictions; ``matthews``, ``pearson`` and ``spearman``, the correlations. A class that is never predicted has
    F1 0. With constant predictions or labels ``matthews`` is 0 by definition, while ``pearson`` and ``spearman`` are
    undefined and reported as nan, as they are when a prediction is not finite.

    Args:
        measures: Keys of ``MEASURES``.
        predictions: ``(examples,)``: class ids, or numbers for regression; not logits.
        labels: ``(examples,)``: class ids or numbers.

    Returns:
        Measure → percent, in the order asked for.

    Raises:
        UserError: An unknown measure, ``f1`` of more than two classes, or arrays that are empty or of two lengths.

    Example:
        >>> score(["accuracy", "matthews"], np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))["accuracy"]
        75.0
    """
    unknown = [name for name in measures if name not in MEASURES]
    if unknown:
        raise UserError(f"measure {unknown[0]!r} is unknown; choose from {', '.join(MEASURES)}")
    _check(predictions, labels)
    return {name: MEASURES[name](predictions, labels) for name in measures}


def per_class_scores(predictions: Array, labels: Array, label_names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each class in percent, and its support (the number of examples that have it).

    Args:
        predictions: Class ids ``(examples,)``.
        labels: Class ids ``(examples,)``.
        label_names: Name of each class, by id.

    Returns:
        Label name → ``{"precision", "recall", "f1", "support"}``; a ratio without examples is 0.

    Raises:
        UserError: Arrays that are empty or not of one equal length, or an id without a name.

    Example:
        >>> per_class_scores(np.array([0, 1, 1]), np.array([0, 1, 0]), ["no", "yes"])["yes"]
        {'precision': 50.0, 'recall': 100.0, 'f1': 66.66666666666666, 'support': 1.0}
    """
    _check(predictions, labels)
    ids = range(len(label_names))
    unnamed = set(np.concatenate([predictions, labels]).tolist()) - set(ids)
    if unnamed:
        raise UserError(f"class id {min(unnamed)} has no name among the {len(label_names)} label names")
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=ids, zero_division=0.0
    )
    return {
        name: {
            "precision": 100 * float(precision[i]),
            "recall": 100 * float(recall[i]),
            "f1": 100 * float(f1[i]),
            "support": float(support[i]),
        }
        for i, name in enumerate(label_names)
    }


def _check(predictions: Array, labels: Array) -> None:
    if predictions.ndim != 1 or predictions.shape != labels.shape or not len(labels):
        raise UserError(
            f"predictions {predictions.shape} and labels {labels.shape} must both be (examples,), at least one; "
            "give class ids or numbers, not logits"
        )

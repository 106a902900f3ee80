"""Measures of classification and regression, by scikit-learn and scipy, in percent."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

from cmploss.errors import UserError

Array = NDArray[Any]
Measure = Callable[[Array, Array], float]
"""``measure(predictions, labels)`` in percent, higher is better; both arrays are ``(examples,)``."""
ClassScores = dict[str, dict[str, float]]
"""Class → ``{"precision", "recall", "f1", "support"}``, in percent except for the support."""


def _percent(measure: Callable[..., float], predictions: Array, labels: Array, **options: Any) -> float:
    return 100 * float(measure(labels, predictions, **options))


def _matthews(predictions: Array, labels: Array) -> float:
    if _constant(predictions) or _constant(labels):
        return 0.0  # by definition; scikit-learn agrees, but warns where both are the same constant
    return _percent(metrics.matthews_corrcoef, predictions, labels)


def _correlation(statistic: Callable[[Array, Array], Any], predictions: Array, labels: Array) -> float:
    if _constant(predictions) or _constant(labels) or not np.isfinite([predictions, labels]).all():
        return float("nan")
    with warnings.catch_warnings():
        # An untrained model often predicts nearly constant values; a warning would be noise.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        return 100 * float(statistic(predictions.astype(float), labels.astype(float)).statistic)


def _constant(values: Array) -> bool:
    return bool((values == values[0]).all())


MEASURES: dict[str, Measure] = {
    "accuracy": partial(_percent, metrics.accuracy_score),
    "f1": partial(_percent, metrics.f1_score, pos_label=1, zero_division=0.0),
    "f1_macro": partial(_percent, metrics.f1_score, average="macro", zero_division=0.0),
    "matthews": _matthews,
    "pearson": partial(_correlation, stats.pearsonr),
    "spearman": partial(_correlation, stats.spearmanr),
}


def score(measures: Sequence[str] | Mapping[str, Measure], predictions: Array, labels: Array) -> dict[str, float]:
    """Each named measure of the predictions, in percent (×100), higher is better.

    ``accuracy``; ``f1`` of class 1 among two classes; ``f1_macro``, the mean F1 of the classes that occur in labels
    or predictions; ``matthews``, ``pearson`` and ``spearman``, the correlations. A class that is never predicted has
    F1 0. With constant predictions or labels ``matthews`` is 0 by definition, while ``pearson`` and ``spearman`` are
    undefined and reported as nan, as they are when a prediction is not finite.

    Args:
        measures: Keys of ``MEASURES``, or a mapping from names to measures.
        predictions: ``(examples,)``: class ids, or numbers for regression; not logits.
        labels: ``(examples,)``: class ids or numbers.

    Returns:
        Measure → percent, in the order asked for.

    Raises:
        UserError: For an unknown measure, or arrays that are empty or differ in length.

    Examples:
        >>> score(["accuracy", "matthews"], np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))["accuracy"]
        75.0
    """
    functions = measures if isinstance(measures, Mapping) else MEASURES
    unknown = [name for name in measures if name not in functions]
    if unknown:
        raise UserError(f"measure {unknown[0]!r} is unknown; choose from {', '.join(MEASURES)}")
    _check(predictions, labels)
    return {name: functions[name](predictions, labels) for name in measures}


def per_class_scores(predictions: Array, labels: Array, label_names: Sequence[str]) -> ClassScores:
    """Precision, recall and F1 of each class in percent, and its support (the number of examples that have it).

    Args:
        predictions: Class ids ``(examples,)``.
        labels: Class ids ``(examples,)``.
        label_names: Name of each class, by id.

    Returns:
        Label name → ``{"precision", "recall", "f1", "support"}``; a ratio without examples is 0.

    Raises:
        UserError: For arrays that are empty or differ in length, or an id without a name.

    Examples:
        >>> per_class_scores(np.array([0, 1, 1]), np.array([0, 1, 0]), ["no", "yes"])["yes"]
        {'precision': 50.0, 'recall': 100.0, 'f1': 66.66666666666666, 'support': 1.0}
    """
    _check(predictions, labels)
    unnamed = set(np.concatenate([predictions, labels]).tolist()) - set(range(len(label_names)))
    if unnamed:
        raise UserError(f"class id {min(unnamed)} has no name among the {len(label_names)} label names")
    return per_label_scores(predictions, labels, label_names)


def per_label_scores(predictions: Array, labels: Array, label_names: Sequence[str]) -> ClassScores:
    """As :func:`per_class_scores`; with several labels, arrays ``(examples, labels)`` of 0 and 1."""
    ids = range(len(label_names))
    found = metrics.precision_recall_fscore_support(labels, predictions, labels=ids, zero_division=0.0)
    percent = np.array([[100], [100], [100], [1]]) * np.array(found)
    names = ("precision", "recall", "f1", "support")
    columns = zip(label_names, percent.T.tolist(), strict=True)
    return {label: dict(zip(names, values, strict=True)) for label, values in columns}


def _check(predictions: Array, labels: Array) -> None:
    if predictions.ndim != 1 or predictions.shape != labels.shape or not len(labels):
        raise UserError(
            f"predictions {predictions.shape} and labels {labels.shape} must both be (examples,), at least one; "
            "give class ids or numbers, not logits"
        )

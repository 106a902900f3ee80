"""Linear models on frozen features: reference rows, and initial weights of a head."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""``C`` of logistic regression, ``1/alpha`` of ridge regression: larger is a weaker penalty."""
DEFAULT_STRENGTH = 1.0  # if there are too few examples to choose
FOLDS = 5
CHOSEN_ON = 2000  # most examples for the choice of the strength
ABSENT = -12.0  # the logit of a class without examples: a probability below 1e-5
Features = Any  # an array or sparse matrix (examples, features)


@dataclass(frozen=True)
class LinearModel:
    """``outputs = features · weightᵀ + bias``: logits of classes, or one number."""

    weight: NDArray[np.float64]  # ``(outputs, features)``
    bias: NDArray[np.float64]  # ``(outputs,)``
    strength: float  # Chosen from :data:`STRENGTHS`

    def outputs(self, features: Features) -> NDArray[np.float64]:
        """Outputs ``(examples, outputs)``."""
        return np.asarray(features @ self.weight.T) + self.bias

    def values(self, features: Features) -> NDArray[Any]:
        """Class ids, or numbers, ``(examples,)``."""
        outputs = self.outputs(features)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(-1)


def fit_linear(features: Features, labels: Sequence[Any], classes: int) -> LinearModel:
    """Logistic regression or ridge regression, with a strength chosen by cross-validation.

    The one-standard-error rule (Breiman et al. 1984) takes the strongest penalty whose rate of errors (squared error)
    is within a standard error of the smallest, over up to five folds that keep the shares of classes. A class with one
    example does not take part in the choice, as it cannot be in two folds. The chosen model is fitted to all examples.
    If all examples are of one class, it predicts this class.
    """
    targets = np.asarray(labels)
    if classes and len(set(targets.tolist())) == 1:
        bias = np.where(np.arange(classes) == targets[0], 0.0, ABSENT)
        return LinearModel(np.zeros((classes, features.shape[1])), bias, DEFAULT_STRENGTH)
    strength = _chosen(features, targets, classes)
    fitted = _fitted(features, targets, strength, classes)
    if not classes:
        return LinearModel(fitted.coef_.reshape(1, -1), np.reshape(fitted.intercept_, 1), strength)
    weight, bias = np.zeros((classes, features.shape[1])), np.full(classes, ABSENT)
    if len(fitted.classes_) == 2:  # one logit: half for a class, half against the other
        weight[fitted.classes_] = np.concatenate([-fitted.coef_, fitted.coef_]) / 2
        bias[fitted.classes_] = np.concatenate([-fitted.intercept_, fitted.intercept_]) / 2
    else:
        weight[fitted.classes_], bias[fitted.classes_] = fitted.coef_, fitted.intercept_
    return LinearModel(weight, bias, strength)


def tfidf_model(texts: Sequence[str], labels: Sequence[Any], classes: int) -> Callable[[Sequence[str]], NDArray[Any]]:
    """:func:`fit_linear` on TF-IDF weights of words and pairs of adjacent words: texts → class ids, or numbers.

    Examples:
        >>> predict = tfidf_model(["good film", "bad film", "good", "bad"], [1, 0, 1, 0], 2)
        >>> predict(["a good one", "bad"])
        array([1, 0])
    """
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = fit_linear(vectorizer.fit_transform(texts).tocsr(), labels, classes)
    return lambda given: model.values(vectorizer.transform(given))


def _chosen(features: Features, targets: NDArray[Any], classes: int) -> float:
    rows = np.random.RandomState(0).permutation(len(targets))[:CHOSEN_ON]
    if classes:
        present, counts = np.unique(targets[rows], return_counts=True)
        rows = rows[np.isin(targets[rows], present[counts >= 2])]
        folds = min(FOLDS, *counts[counts >= 2], FOLDS) if (counts >= 2).sum() >= 2 else 0
        splitter: Any = StratifiedKFold
    else:
        folds, splitter = min(FOLDS, len(rows)), KFold
    if folds < 2:
        return DEFAULT_STRENGTH
    losses: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    for train, held_out in splitter(int(folds), shuffle=True, random_state=0).split(rows, targets[rows]):
        for strength, each in losses.items():
            fitted = _fitted(features[rows[train]], targets[rows[train]], strength, classes)
            wrong = fitted.predict(features[rows[held_out]]) - targets[rows[held_out]]
            each += (wrong != 0).tolist() if classes else (wrong**2).tolist()
    means = {strength: np.mean(each) for strength, each in losses.items()}
    best = min(STRENGTHS, key=lambda strength: means[strength])
    most = means[best] + np.std(losses[best]) / len(losses[best]) ** 0.5
    return next(strength for strength in STRENGTHS if means[strength] <= most)


def _fitted(features: Features, targets: NDArray[Any], strength: float, classes: int) -> Any:
    if not classes:
        return Ridge(alpha=1 / strength).fit(features, targets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the weakest penalties need not converge
        return LogisticRegression(C=strength, max_iter=1000).fit(features, targets)

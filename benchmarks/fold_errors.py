"""How often equal methods are told apart by k-fold cross-validation, with and without the correction for resampling.

Each study draws 200 examples of two classes with 20 features, and compares two nearest-centroid classifiers that read
different halves of the features, which are equally informative: in expectation they are equally good. Their scores are
those of a real cross-validation, so the folds depend on one another.

Usage: ``python benchmarks/fold_errors.py [STUDIES]``.
"""

import sys

import numpy as np

from cmploss.experiment.statistics.family import compare_with_baseline
from cmploss.tasks.folds import Folds

EXAMPLES, FEATURES, SHIFT = 200, 20, 0.35
PLANS = ("5", "5x2", "10", "5x4")


def accuracy(features: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Percent of the test rows that are nearest to the centroid of their class in the training rows."""
    centroids = np.stack([features[train][labels[train] == label].mean(0) for label in (0, 1)])
    distances = ((features[test][:, None] - centroids) ** 2).sum(-1)
    return float(100 * (distances.argmin(1) == labels[test]).mean())


def p_values(plan: Folds, seed: int) -> tuple[float, float]:
    """p of the corrected and of the naive test in one study; 1 where all scores are equal."""
    draw = np.random.default_rng(seed)
    labels = np.arange(EXAMPLES) % 2
    features = draw.standard_normal((EXAMPLES, FEATURES)) + SHIFT * (2 * labels[:, None] - 1)
    halves = np.split(np.arange(FEATURES), 2)
    scores: dict[str, dict[int, float]] = {"first": {}, "second": {}}
    ratio = 0.0
    for number in range(plan.blocks):
        train, test = plan[number].rows(EXAMPLES, labels.tolist())
        ratio = len(test) / len(train)
        for name, half in zip(scores, halves, strict=True):
            scores[name][number] = accuracy(features[:, half], labels, train, test)
    found = [compare_with_baseline(scores, "first", test_to_train=each).comparisons["second"] for each in (ratio, 0.0)]
    corrected, naive = (1.0 if each.adjusted is None else each.adjusted for each in found)
    return corrected, naive


def rates(plan: Folds, studies: int) -> tuple[float, float]:
    """Share of studies in which the corrected and the naive test tell the two apart at 5 %."""
    corrected, naive = np.mean([np.less(p_values(plan, seed), 0.05) for seed in range(studies)], axis=0)
    return float(corrected), float(naive)


def main(studies: int = 1000) -> None:
    """Print the table of the documentation."""
    print("| folds | corrected | naive |\n|--:|--:|--:|")
    for text in PLANS:
        corrected, naive = rates(Folds.parse(text), studies)
        print(f"| {text} | {corrected:.1%} | {naive:.1%} |".replace("%", " %"), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

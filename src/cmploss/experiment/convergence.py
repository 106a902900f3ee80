"""Whether the runs of one objective have converged, from their logged losses and predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cmploss.experiment.record import RunRecord

STILL_FALLING = 0.1
"""Share of the total decrease of a loss in the last fifth of training."""
WORTH = 0.02
"""Smallest decrease in the last fifth that counts, as a share of the first loss."""
LEAST_POINTS = 10
"""Smallest number of logged losses of a curve."""


def convergence_marks(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """The reasons why the runs of a row do not count as converged; () if there are none.

    - ``still learning``: in the last fifth of training, the mean loss of the runs falls by more than a tenth of its
      total decrease and by more than 2 % of its first value. This is the validation loss if all runs evaluated it at
      least ten times, else the training loss.
    - ``one class for all``: a run predicts the same class for every example of the evaluation split.
    - ``not above the majority class``: the mean accuracy is at most the mean share of the most frequent class.

    Args:
        runs: The records of one objective under one condition.
    """
    marks = ["still learning"] if still_learning(_curves(runs)) else []
    classes = [each for run in runs if (each := _classes(run)) is not None]
    if not classes:
        return tuple(marks)
    collapsed = sum(len(set(predicted)) == 1 < len(set(labels)) for labels, predicted in classes)
    if collapsed:
        marks.append(f"one class for all examples in {collapsed} of {len(runs)} runs")
    majority = np.mean([np.unique(labels, return_counts=True)[1].max() / len(labels) for labels, _ in classes])
    if np.mean([np.mean(predicted == labels) for labels, predicted in classes]) <= majority:
        marks.append("not above the majority class")
    return tuple(marks)


def still_learning(curves: Sequence[Sequence[float]]) -> bool:
    """Whether some loss curves still fall at the end, on average. They may have different lengths.

    >>> falling = [2.0, 1.95, 1.9, 1.85, 1.8, 1.75, 1.7, 1.65, 1.6, 1.55]
    >>> flat = [2.0, 1.2, 0.7, 0.4, 0.3, 0.25, 0.22, 0.2, 0.2, 0.2]
    >>> still_learning([falling]), still_learning([flat])
    (True, False)
    """
    if min((len(curve) for curve in curves), default=0) < LEAST_POINTS:
        return False
    first, before, last = np.mean([_fifths(curve) for curve in curves], axis=0)
    fall = before - last
    return bool(fall > STILL_FALLING * (first - last) and fall > WORTH * first)


def _fifths(curve: Sequence[float]) -> list[float]:
    """The means of the first, the last but one and the last fifth."""
    fifth = len(curve) // 5
    return [float(np.mean(part)) for part in (curve[:fifth], curve[-2 * fifth : -fifth], curve[-fifth:])]


def _curves(runs: Sequence[RunRecord]) -> list[list[float]]:
    evaluated, trained = (
        [[point[name] for point in run.history if name in point] for run in runs] for name in ("eval_loss", "loss")
    )
    return evaluated if all(len(curve) >= LEAST_POINTS for curve in evaluated) else trained


def _classes(run: RunRecord) -> tuple[Any, Any] | None:
    """Labels and predicted classes of the evaluation split; None for other tasks."""
    found = run.predictions.get(run.benchmark.eval_split or "", {})
    if not run.data.get("label_names") or "labels" not in found or "predictions" not in found:
        return None
    labels, predicted = np.asarray(found["labels"]), np.asarray(found["predictions"])
    return (labels, predicted) if labels.shape == predicted.shape and labels.ndim == 1 and labels.size else None

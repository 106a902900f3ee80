"""F1 of each class, and confusion matrices, over the runs of an objective."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmploss.experiment import RunRecord
from cmploss.reports.table import ComparisonTable, Row

MOST = 12
"""Most classes of a confusion matrix on the page."""


def class_view(table: ComparisonTable) -> dict[str, Any] | None:
    """F1 of each class by objective, and two confusion matrices; None without predicted classes.

    The matrices are those of the baseline and of the other row with the highest mean. Counts are summed over runs.
    """
    counts = {row.objective: found for row in table.rows if (found := _confusion(row, table)) is not None}
    if not counts:
        return None
    names = _names(table)
    others = [row for row in table.rows if row.objective in counts and row.objective != table.baseline]
    best = max(others, key=lambda row: row.mean, default=None)
    shown = [name for name in (table.baseline, best.objective if best else "") if name in counts]
    first = next(row for row in table.rows if row.objective in counts)
    return {
        "names": names,
        "examples": [round(float(number) / len(first.runs)) for number in counts[first.objective].sum(1)],
        "f1": {name: [f"{value:.0f}" for value in f1_of(found)] for name, found in counts.items()},
        "matrices": {name: _cells(counts[name]) for name in shown} if len(names) <= MOST else {},
    }


def f1_of(confusion: NDArray[np.int_]) -> NDArray[np.float64]:
    """F1 of each class in percent; 0 for a class that is neither a label nor predicted.

    Args:
        confusion: Counts ``(labels, predictions)``.

    >>> f1_of(np.array([[3, 1], [0, 4]])).round(1).tolist()
    [85.7, 88.9]
    """
    right = np.diag(confusion)
    all_of = confusion.sum(0) + confusion.sum(1)
    return np.asarray(200 * right / np.maximum(all_of, 1), dtype=np.float64)


def _confusion(row: Row, table: ComparisonTable) -> NDArray[np.int_] | None:
    """Counts ``(labels, predictions)`` over the runs of a row."""
    names, split = _names(table), table.benchmark.eval_split or ""
    found = np.zeros((len(names), len(names)), dtype=int)
    for run in row.runs.values():
        of = run.predictions.get(split, {})
        if not names or "labels" not in of or "predictions" not in of:
            return None
        np.add.at(found, (np.asarray(of["labels"], dtype=int), np.asarray(of["predictions"], dtype=int)), 1)
    return found if row.runs else None


def _names(table: ComparisonTable) -> Sequence[str]:
    runs: list[RunRecord] = [run for row in table.rows for run in row.runs.values()]
    return list(runs[0].data.get("label_names") or ()) if runs else []


def _cells(counts: NDArray[np.int_]) -> list[list[tuple[int, str]]]:
    """Count and share of its class, from 0 to 1, of each cell."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return [
        [(int(count), f"{share:.2f}") for count, share in zip(*of, strict=True)]
        for of in zip(counts, shares, strict=True)
    ]

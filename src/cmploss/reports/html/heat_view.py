"""All comparisons of a page as a heat map: differences from the baseline, and the mean rank of each objective."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from cmploss.reports.table import ComparisonTable, Row


def heat_view(
    rows: Sequence[tuple[str, str, ComparisonTable]], objectives: Sequence[str], *, ranked: bool = True
) -> dict[str, Any]:
    """The heat map for the page.

    Args:
        rows: Name, id on the page, and table of each comparison.
        objectives: The columns; objectives of more comparisons come first.
        ranked: Whether mean ranks are wanted.

    Returns:
        ``rows`` with a cell for each objective: its row of the table and its shade, from −1 to 1, or None. ``ranks``:
        the mean rank (1 is the highest mean) of each objective that all comparisons have, {} below two of them.
        ``shared``: whether these are all objectives.
    """
    in_all = {name: sum(name in [row.objective for row in table.rows] for _, _, table in rows) for name in objectives}
    objectives = sorted(objectives, key=lambda name: -in_all[name])
    found = [{row.objective: row for row in table.rows if not math.isnan(row.mean)} for _, _, table in rows]
    gaps = [row.difference.mean for of in found for row in of.values() if row.difference]
    largest = max((abs(gap) for gap in gaps if math.isfinite(gap)), default=0.0)
    ranks = mean_ranks([{name: row.mean for name, row in of.items()} for of in found], objectives) if ranked else {}
    return {
        "objectives": objectives,
        "ranks": ranks,
        "shared": len(ranks) == len(objectives),
        "rows": [
            {
                "name": name,
                "place": place,
                "baseline": table.baseline,
                "cells": [_cell(of.get(objective), largest) for objective in objectives],
            }
            for (name, place, table), of in zip(rows, found, strict=True)
        ],
    }


def mean_ranks(scores: Sequence[Mapping[str, float]], objectives: Sequence[str]) -> dict[str, float]:
    """Mean rank of every objective that all comparisons have, 1 for the highest score; ties share their ranks.

    >>> mean_ranks([{"a": 80.0, "b": 70.0}, {"a": 60.0, "b": 60.0, "c": 90.0}], ["a", "b", "c"])
    {'a': 1.25, 'b': 1.75}
    """
    shared = [name for name in objectives if all(name in of for of in scores)]
    if len(shared) < 2:
        return {}
    ranks = np.mean([rankdata([-of[name] for name in shared]) for of in scores], axis=0)
    return {name: float(rank) for name, rank in zip(shared, ranks, strict=True)}


def _cell(row: Row | None, largest: float) -> tuple[Row, float] | None:
    if row is None:
        return None
    gap = row.difference.mean if row.difference else 0.0
    return row, gap / largest if largest and math.isfinite(gap) else 0.0

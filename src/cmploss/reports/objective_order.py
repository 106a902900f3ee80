"""The names of objectives: which are baselines, and in what order they stand."""

import re
from collections.abc import Iterable

from cmploss.experiment import RunRecord
from cmploss.experiment.spec import BASELINES

FAMILY = (*BASELINES, "comparative", "scl", "rdrop")


def objectives_of(records: Iterable[RunRecord]) -> list[str]:
    """The objectives of some runs: the baselines first, then the family, then the others as their first runs come."""
    places = {name: place for place, name in enumerate(FAMILY)}
    found = dict.fromkeys(run.name for run in records)
    return sorted(found, key=lambda name: places.get(without_settings(name), len(places)))


def is_baseline(objective: str) -> bool:
    """Whether an objective is one that the others must beat, with whatever settings.

    >>> is_baseline("equal_compute(n_drop=1,n_crop=1)"), is_baseline("comparative"), is_baseline("supervised+scl")
    (True, False, False)
    """
    return without_settings(objective) in BASELINES


def without_settings(objective: str) -> str:
    """The name of an objective alone.

    >>> without_settings("comparative(n_drop=2)+scl(weight=0.5)")
    'comparative+scl'
    """
    return re.sub(r"\([^()]*\)", "", objective)

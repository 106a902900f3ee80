"""In what order objectives are listed."""

from collections.abc import Iterable

from cmploss.experiment import RunRecord
from cmploss.experiment.spec import BASELINES

FAMILY = (*BASELINES, "comparative", "scl", "rdrop")
"""Kinds of objectives with places and colours of their own: the baselines first."""


def objectives_of(records: Iterable[RunRecord]) -> list[str]:
    """The names of the objectives of some runs: the family first, then the others as their first runs come."""
    places = {kind: place for place, kind in enumerate(FAMILY)}
    found: dict[str, str] = {}
    for run in records:
        found.setdefault(run.name, run.objective["kind"])
    return sorted(found, key=lambda name: places.get(found[name], len(places)))

"""The looks at a study: each time its table was made, and with which seeds."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmploss.atomic import read_json, write_json
from cmploss.experiment.record import RunRecord

LOOKS_FILE = "looks.json"


def note_look(folder: Path, seeds: Iterable[int]) -> None:
    """Add a look to ``looks.json`` of a study: when its table was made, with which seeds (or folds).

    A look with seeds that an earlier one had too is not a new one: it could not show anything else.
    """
    looks, now = read_looks(folder), sorted(set(seeds))
    if any(set(now) <= set(look["seeds"]) for look in looks):
        return
    entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "seeds": now}
    write_json(folder / LOOKS_FILE, [*looks, entry])


def read_looks(folder: Path) -> list[dict[str, Any]]:
    """The looks at a study, the first one first; [] for a study of an earlier version."""
    path = folder / LOOKS_FILE
    return read_json(path, lambda found: [_look(**each) for each in found]) if path.exists() else []


def earlier_looks(folder: Path, records: Iterable[RunRecord]) -> int:
    """How often the table of a study was made with fewer seeds than some records have."""
    now = {record.seed for record in records}
    return sum(set(look["seeds"]) < now for look in read_looks(folder))


def _look(at: str, seeds: Iterable[int]) -> dict[str, Any]:
    return {"at": str(at), "seeds": sorted(map(int, seeds))}

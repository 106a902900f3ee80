"""Runs and searches that failed: it is written down why, and the same command tries them again."""

import json
from pathlib import Path

from cmploss.atomic import write_json
from cmploss.studies.jobs import Failed

FAILED_FILE = "failed.json"


def write_failure(folder: Path, failed: Failed) -> None:
    """Write ``failed.json`` into the folder of a run or of a search's trials."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FAILED_FILE, {"error": failed.error, "traceback": failed.traceback.splitlines()})


def clear_failure(folder: Path) -> None:
    """Forget an earlier failure of what is finished."""
    (folder / FAILED_FILE).unlink(missing_ok=True)


def failure_of(folder: Path) -> str | None:
    """The error of what failed in one line, None if it did not."""
    path = folder / FAILED_FILE
    if not path.exists():
        return None
    return str(json.loads(path.read_text(encoding="utf-8"))["error"])

"""Runs that raised an exception: it is written down, and the same command tries them again."""

import json
from pathlib import Path
from typing import Any

from cmploss.studies.folders import claim_folder, write_json
from cmploss.studies.jobs import Failed

FAILED_FILE = "failed.json"


def write_failure(folder: Path, settings: dict[str, Any], failed: Failed) -> None:
    """Write ``failed.json`` into the folder of a run."""
    claim_folder(folder, settings)  # the run may have failed before it did so itself
    write_json(folder / FAILED_FILE, {"error": failed.error, "traceback": failed.traceback.splitlines()})


def clear_failure(folder: Path) -> None:
    """Forget an earlier failure of a run that is finished."""
    (folder / FAILED_FILE).unlink(missing_ok=True)


def failure_of(folder: Path) -> str | None:
    """The error that a run failed with in one line, None if it did not."""
    path = folder / FAILED_FILE
    if not path.exists():
        return None
    return str(json.loads(path.read_text(encoding="utf-8"))["error"])

"""Folders of trained reformulators as feedback methods."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, fingerprint, read_record
from cmploss.experiment.run_dir import RECORD_FILE

BEST_FILE = "run.json"


@dataclass(frozen=True)
class TrainedRun:
    """A reformulator in a folder, and the record of its training."""

    name: str
    folder: Path
    record: RunRecord


def trained_runs(folders: Sequence[Path], taken: Sequence[str] = ()) -> list[TrainedRun]:
    """The reformulators in some folders: of ``retrieve train``, or ``best`` and ``model`` of a study.

    ``NAME-0``, ``NAME-1`` … are the seeds of one method; names in ``taken`` have another meaning.
    """
    runs = [_run_in(folder) for folder in folders]
    seen: dict[str, TrainedRun] = {}
    seeds: dict[tuple[str, int], Path] = {}
    for run in runs:
        if run.name in taken:
            raise UserError(f"--reformulator {run.folder}: the name {run.name!r} is taken; rename the folder")
        other = seeds.setdefault((run.name, run.record.seed), run.folder)
        if other != run.folder or folders.count(run.folder) > 1:
            raise UserError(f"--reformulator: {other} and {run.folder} are both {run.name}, seed {run.record.seed}")
        first = seen.setdefault(run.name, run)
        if _identity(first.record) != _identity(run.record):
            raise UserError(
                f"--reformulator: {first.folder} and {run.folder} are both called {run.name} and differ in more than "
                "their seed; rename one of them"
            )
    return runs


def _run_in(folder: Path) -> TrainedRun:
    if (folder / RECORD_FILE).exists():
        record = read_record(folder / RECORD_FILE)
        return TrainedRun(folder.resolve().name.removesuffix(f"-{record.seed}"), folder, record)
    path = folder.parent / RECORD_FILE  # `model` in a run of a study
    if (folder / BEST_FILE).exists():
        best = json.loads((folder / BEST_FILE).read_text(encoding="utf-8"))
        path = folder.parent / best["run"] / RECORD_FILE
    if not path.exists():
        raise UserError(f"--reformulator {folder}: holds no finished run; give a folder that retrieve train wrote")
    record = read_record(path)
    return TrainedRun(record.name, folder, record)


def _identity(record: RunRecord) -> str:
    return fingerprint(_without_seed({**record.settings, "objective": record.objective}))


def _without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_seed(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name != "seed"
    }

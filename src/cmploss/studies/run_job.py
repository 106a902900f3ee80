"""One run of a study as a job, and the vectors of its examples."""

import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.atomic import writing
from cmploss.errors import UserError
from cmploss.experiment import RunRecord, write_record
from cmploss.experiment.run_dir import MODEL_FOLDER, RESULT_FILE, VECTORS_FILE, flat, settings_in
from cmploss.inference import watched
from cmploss.reports import silhouette
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Advance, progress, run_one
from cmploss.studies.run_tasks import RunTasks
from cmploss.tasks.base import LearningTask, eval_split
from cmploss.tasks.splits import SELECTION_SPLIT

MOST_NAMED = 8
"""Folders named in a note."""

logger = logging.getLogger(__name__)


def tell_of_finished(runs: Iterable[PlannedRun]) -> None:
    """Name the finished runs that lack what an option adds while a run is trained."""
    finished = [run for run in runs if run.finished]
    lacking = {
        "keep_checkpoints": [run for run in finished if run.keep and not (run.folder / MODEL_FOLDER).is_dir()],
        "embeddings": [run for run in finished if run.embed and not (run.folder / VECTORS_FILE).exists()],
        "report_to": [run for run in finished if _trackers(run) not in ("none", _recorded_trackers(run))],
    }
    for option, found in lacking.items():
        if found:
            folders = ", ".join(str(run.folder) for run in found[:MOST_NAMED]) + " …" * (len(found) > MOST_NAMED)
            logger.warning(
                "note: --%s has no effect on finished runs, and %d were trained without it; to train them again, "
                "remove record.json in %s",
                *(option, len(found), folders),
            )


def _trackers(run: PlannedRun) -> Any:
    return run.config.training.get("report_to", "none")


def _recorded_trackers(run: PlannedRun) -> Any:
    """Those that a finished run was trained with."""
    return flat(settings_in(run.folder) or {}).get("training.report_to", "none")


@dataclass(frozen=True)
class RunJob:
    """Train and score one run; its record (``result.json``) and its checkpoint are left in its folder."""

    run: PlannedRun

    @property
    def folder(self) -> Path:
        return self.run.folder

    def do(self, tasks: RunTasks, advance: Advance) -> int:
        """Train and score; the study writes the record, which makes the run finished."""
        config, folder = self.run.config, self.folder
        task = tasks.of(config)
        callbacks = [progress(config, advance)]
        with watched(lambda share: advance(0)):  # scoring is not counted, but time passes
            finished = run_one(config, task, folder, selected_on=SELECTION_SPLIT, callbacks=callbacks)
        record = finished.record
        if self.run.embed:
            record = _with_silhouette(record, finished.model, task, folder)
        shutil.rmtree(folder / MODEL_FOLDER, ignore_errors=True)
        task.save(finished.model, folder / MODEL_FOLDER, record)
        (folder / RESULT_FILE).unlink(missing_ok=True)
        write_record(record, folder / RESULT_FILE)
        return finished.interrupted


def check_classes(task: LearningTask) -> None:
    """Refuse a task without classes, which are the colours of the vectors."""
    if not task.label_names:
        raise UserError(f"--embeddings needs classes, and {task.name} has none; leave the option out")
    split = eval_split(task)
    count, classes = len(task.labels(split)), len(set(task.labels(split)))
    if count < 4 or not 2 <= classes < count:
        raise UserError(
            f"--embeddings: the {split} split of {task.name} has {count} examples of {classes} classes; it must have "
            "at least 4 examples, 2 classes, and fewer classes than examples"
        )


def _with_silhouette(record: RunRecord, model: Any, task: LearningTask, folder: Path) -> RunRecord:
    """The record with the silhouette of the vectors of the evaluation split; the vectors are written to the folder."""
    split = eval_split(task)
    vectors = task.vectors(model, split)
    with writing(folder / VECTORS_FILE) as file:
        np.save(file, vectors.astype(np.float32))
    value = round(silhouette(vectors, np.asarray(task.labels(split))), 4)
    return replace(record, data={**record.data, "silhouette": value})

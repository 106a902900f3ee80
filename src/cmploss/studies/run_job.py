"""One run of a study as a job."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cmploss.experiment import write_record
from cmploss.experiment.run_dir import MODEL_FOLDER, RESULT_FILE
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Advance, progress, run_one
from cmploss.studies.run_tasks import RunTasks
from cmploss.studies.vectors_of_runs import with_silhouette
from cmploss.tasks.splits import SELECTION_SPLIT


@dataclass(frozen=True)
class RunJob:
    """Train and score one run; its record (``result.json``) and its checkpoint are left in its folder."""

    run: PlannedRun

    @property
    def folder(self) -> Path:
        return self.run.folder

    def do(self, tasks: RunTasks, advance: Advance) -> bool:
        """Train and score; the study writes the record, which makes the run finished."""
        run, callbacks = self.run, [progress(self.run.config, advance)]
        task = tasks.of(run.config)
        finished = run_one(run.config, task, run.folder, selected_on=SELECTION_SPLIT, callbacks=callbacks)
        record = finished.record
        if run.embed:
            record = with_silhouette(record, finished.model, task, run.folder)
        shutil.rmtree(run.folder / MODEL_FOLDER, ignore_errors=True)
        task.save(finished.model, run.folder / MODEL_FOLDER, record)
        (run.folder / RESULT_FILE).unlink(missing_ok=True)
        write_record(record, run.folder / RESULT_FILE)
        return finished.interrupted

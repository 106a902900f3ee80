"""One run of a study as a job."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmploss.experiment import write_record
from cmploss.experiment.run_dir import MODEL_FOLDER, RESULT_FILE
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Advance, progress, run_one
from cmploss.studies.run_config import RunConfig
from cmploss.studies.vectors_of_runs import with_silhouette
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT


@dataclass(frozen=True)
class RunJob:
    """Train and score one run; its checkpoint is left in its folder until the best run is chosen.

    Attributes:
        config: The run.
        folder: Its folder, which gets the record under the name ``result.json``.
        embed: Whether the vectors of the reported split are kept.
    """

    config: RunConfig
    folder: Path
    embed: bool = False

    @classmethod
    def of(cls, run: PlannedRun) -> "RunJob":
        """The job of a planned run."""
        return cls(run.config, run.folder, run.embed)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "RunJob":
        """What :meth:`to_dict` wrote."""
        return cls(RunConfig.from_dict(entry["config"]), Path(entry["folder"]), entry["embed"])

    def to_dict(self) -> dict[str, Any]:
        """The job in JSON types."""
        return {"job": "run", "config": self.config.to_dict(), "folder": str(self.folder), "embed": self.embed}

    def do(self, task: LearningTask, advance: Advance) -> bool:
        """Train and score; the study writes the record, which makes the run finished."""
        finished = run_one(
            self.config, task, self.folder, selected_on=SELECTION_SPLIT, callbacks=[progress(self.config, advance)]
        )
        record = finished.record
        if self.embed:
            record = with_silhouette(record, finished.model, task, self.folder)
        shutil.rmtree(self.folder / MODEL_FOLDER, ignore_errors=True)
        task.save(finished.model, self.folder / MODEL_FOLDER, record)
        (self.folder / RESULT_FILE).unlink(missing_ok=True)
        write_record(record, self.folder / RESULT_FILE)
        return finished.interrupted

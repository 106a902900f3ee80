"""One run of a study as a job, and the checkpoint of the best one."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmploss.atomic import write_json
from cmploss.experiment import RunRecord, write_record
from cmploss.experiment.run_dir import BEST_FILE, BEST_FOLDER, MODEL_FOLDER, RESULT_FILE
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import Advance, progress, run_one
from cmploss.studies.vectors_of_runs import with_silhouette
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT

Rank = tuple[float, int]
"""Score on the selection split, and minus the place in the plan: the larger the better, whatever ended first."""


@dataclass(frozen=True)
class RunJob:
    """Train and score one run; its record is left in its folder as ``result.json``.

    Its checkpoint is left there too if it may be the best: ``to_beat`` is the rank of the best run so far.
    """

    run: PlannedRun
    to_beat: Rank | None = None

    @property
    def folder(self) -> Path:
        return self.run.folder

    def do(self, task: LearningTask, advance: Advance) -> bool:
        """Train and score; the study writes the record once the best checkpoint is in its place."""
        run, callbacks = self.run, [progress(self.run.config, advance)]
        finished = run_one(run.config, task, run.folder, selected_on=SELECTION_SPLIT, callbacks=callbacks)
        record = finished.record
        if run.embed:
            record = with_silhouette(record, finished.model, task, run.folder)
        if run.keep or self.to_beat is None or rank_of(run.place, record) > self.to_beat:
            shutil.rmtree(run.folder / MODEL_FOLDER, ignore_errors=True)
            task.save(finished.model, run.folder / MODEL_FOLDER, record)
        (run.folder / RESULT_FILE).unlink(missing_ok=True)
        write_record(record, run.folder / RESULT_FILE)
        return finished.interrupted


def rank_of(place: int, record: RunRecord) -> Rank:
    """The rank of a run; an undefined score is below all others."""
    reached = record.score(SELECTION_SPLIT, record.benchmark.measure)
    return (-math.inf if math.isnan(reached) else reached, -place)


def read_best(folder: Path) -> dict[str, Any] | None:
    """The run whose checkpoint lies in ``best/`` of a study: its objective, seed, score and folder."""
    path = folder / BEST_FOLDER / BEST_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def best_rank(folder: Path, runs: Sequence[PlannedRun]) -> Rank | None:
    best = read_best(folder)
    if best is None:
        return None
    places = [run.place for run in runs if run.folder.relative_to(folder).as_posix() == best.get("run")]
    return (best["score"], -min(places, default=0))


def keep_if_best(folder: Path, runs: Sequence[PlannedRun], run: PlannedRun, record: RunRecord) -> None:
    """Move the checkpoint of a run to ``best/`` if it is better than the one there; otherwise remove it."""
    model, rank, best = run.folder / MODEL_FOLDER, rank_of(run.place, record), best_rank(folder, runs)
    if best is None or rank > best:
        fresh = folder / f"{BEST_FOLDER}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        if run.keep:
            shutil.copytree(model, fresh)
        else:
            model.rename(fresh)
        where = run.folder.relative_to(folder).as_posix()
        write_json(fresh / BEST_FILE, {"objective": record.name, "seed": record.seed, "score": rank[0], "run": where})
        shutil.rmtree(folder / BEST_FOLDER, ignore_errors=True)
        fresh.rename(folder / BEST_FOLDER)
    elif not run.keep:
        shutil.rmtree(model, ignore_errors=True)

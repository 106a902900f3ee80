"""One run of a study as a job, and the checkpoint of the best one."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cmploss.atomic import write_json
from cmploss.experiment import RunRecord
from cmploss.studies.jobs import Advance
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run import run_one
from cmploss.studies.vectors_of_runs import with_silhouette
from cmploss.tasks.base import LearningTask
from cmploss.tasks.splits import SELECTION_SPLIT
from cmploss.training.callbacks import StepProgress

BEST_FOLDER = "best"
BEST_FILE = "run.json"  # in BEST_FOLDER: which run it is
MODEL_FOLDER = "model"  # the checkpoint in the folder of a run

Rank = tuple[float, int]
"""Score on the selection part, and minus the place in the plan: the larger the better, whatever ended first."""


@dataclass(frozen=True)
class Trained:
    """A run whose record is to be written, and whether Ctrl-C came too late to interrupt it."""

    record: RunRecord
    interrupted: bool


@dataclass(frozen=True)
class RunJob:
    """Train and score one run; its checkpoint is left in its folder where it may be the best.

    Attributes:
        run: The run.
        to_beat: The rank of the best run so far, None if there is none.
    """

    run: PlannedRun
    to_beat: Rank | None

    def do(self, task: LearningTask, advance: Advance) -> Trained:
        """Do it; the record is written by whoever asked, once the best checkpoint is in its place."""
        run = self.run
        progress = StepProgress(partial(advance_passes, advance, run.config.passes))
        finished = run_one(run.config, task, run.folder, selected_on=SELECTION_SPLIT, callbacks=[progress])
        record = finished.record
        if run.embed:
            record = with_silhouette(record, finished.model, task, run.folder)
        if run.keep or self.to_beat is None or rank_of(run, record) > self.to_beat:
            shutil.rmtree(run.folder / MODEL_FOLDER, ignore_errors=True)
            task.save(finished.model, run.folder / MODEL_FOLDER, record)
        return Trained(record, finished.interrupted)


def rank_of(run: PlannedRun, record: RunRecord) -> Rank:
    """Where a run stands; an undefined score is below all others."""
    reached = record.score(SELECTION_SPLIT, record.benchmark.measure)
    return (-math.inf if math.isnan(reached) else reached, -run.place)


def read_best(folder: Path) -> dict[str, Any] | None:
    """The run whose checkpoint lies in ``best/`` of a study: its objective, seed, score and folder."""
    path = folder / BEST_FOLDER / BEST_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def best_rank(folder: Path, runs: Sequence[PlannedRun]) -> Rank | None:
    """The rank of the run in ``best/``, None if there is none."""
    best = read_best(folder)
    if best is None:
        return None
    places = [run.place for run in runs if run.folder.relative_to(folder).as_posix() == best.get("run")]
    return (best["score"], -min(places, default=0))


def keep_if_best(folder: Path, runs: Sequence[PlannedRun], run: PlannedRun, record: RunRecord) -> None:
    """Move the checkpoint of a run to ``best/`` if it is better than what lies there; else remove it."""
    model, rank, best = run.folder / MODEL_FOLDER, rank_of(run, record), best_rank(folder, runs)
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


def advance_passes(advance: Advance, passes: int, steps: int) -> None:
    """Tell the passes of some steps."""
    advance(passes * steps)

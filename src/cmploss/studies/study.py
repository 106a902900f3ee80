"""A comparison: several objectives × seeds on one data set."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.models import size_in_words
from cmploss.objectives import OBJECTIVES
from cmploss.records import RunRecord, read_record
from cmploss.reports import ComparisonTable, comparison_table, markdown_report
from cmploss.studies.folders import RECORD_FILE, SETTINGS_FILE, check_folder, in_use, write_json
from cmploss.studies.run import (
    CONTINUE,
    FinishedRun,
    Interrupted,
    check_run,
    finish,
    new_model,
    run_one,
)
from cmploss.studies.settings import RunConfig, StudyConfig, processes, training_size
from cmploss.studies.task import SELECTION_PART, AnyData
from cmploss.studies.tasks import task_for
from cmploss.training.callbacks import StepProgress

BEST_FOLDER = "best"
BEST_FILE = "run.json"  # in BEST_FOLDER: which run it is
REPORT_FILE = "report.md"


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study and its folder."""

    config: RunConfig
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether its record is there."""
        return (self.folder / RECORD_FILE).exists()


class Study:
    """A grid of runs on one data set, before, while and after they are run.

    Its folder holds ``<objective>/seed-<n>/record.json`` for every finished run, ``best/`` and ``report.md``.

    Args:
        data: The data.
        base: What all runs share; its objective, seed and few-shot size are replaced.
        config: Which runs.
        folder: Where they go.

    Raises:
        UserError: For unknown or repeated objectives, or a number of seeds or examples that is out of range.
    """

    def __init__(self, data: AnyData, base: RunConfig, config: StudyConfig, folder: Path):
        if processes() > 1:
            raise UserError("a comparison runs in one process; start it without torchrun (train can use several)")
        self.data = data
        self.folder = folder
        self.objectives = _objectives(config)
        _check_sizes(config, data)
        self.task = task_for(data, base)
        # All objectives of one seed before the next seed, so that an unfinished study is balanced.
        self.runs = [
            PlannedRun(
                replace(base, objective=name, seed=seed, few_shot=config.few_shot), folder / name / f"seed-{seed}"
            )
            for seed in range(config.seeds)
            for name in self.objectives
        ]
        first = self.runs[0].config
        self.examples = training_size(first, data)
        self.steps = first.steps(self.task.examples(first.few_shot, first.seed))

    @property
    def headline(self) -> str:
        """What the study is, in one line."""
        first = self.runs[0].config
        model = f"{Path(first.model_config.model).name} ({size_in_words(new_model(first, self.task))})"
        return (
            f"{self.data.name} · {self.task.description} · {self.examples} training examples · {model} · "
            f"{self.steps} steps · {len(self.runs)} run{'s' if len(self.runs) > 1 else ''}"
        )

    def check(self) -> None:
        """Refuse, before anything is written, what would fail later.

        Raises:
            UserError: If a folder holds another run, an objective or a training option is refused, or the model has
                no dropout to ablate.
        """
        if in_use(self.folder) and not any(self.folder.glob(f"*/*/{SETTINGS_FILE}")):
            raise UserError(f"--output_dir {self.folder} is not empty and holds no study; choose another folder")
        for run in self.runs:
            check_folder(run.folder, run.config.settings(self.task))
        for run in self.runs[: len(self.objectives)]:
            check_run(run.config, self.task, run.folder)

    def records(self) -> list[RunRecord]:
        """The records of the runs that are finished."""
        return [read_record(run.folder / RECORD_FILE) for run in self.runs if run.finished]

    def table(self) -> ComparisonTable:
        """The comparison of the runs that are finished."""
        return comparison_table(self.records(), baseline=self.objectives[0], order=self.objectives)


def run_study(study: Study, advance: Callable[[int], None] = lambda passes: None) -> Iterator[RunRecord]:
    """Run what is not finished yet, and yield each record as soon as it is written.

    The best run by its score on the selection part is kept in ``best/``, a plain checkpoint; ``report.md`` is written
    at the end.

    Args:
        study: The study, already checked.
        advance: Told the passes of every step, to show progress.

    Raises:
        Interrupted: After Ctrl-C, once the running run has written a checkpoint.
    """
    for run in study.runs:
        if run.finished:
            continue
        progress = StepProgress(partial(_advance_passes, advance, run.config.passes))
        finished = run_one(run.config, study.task, run.folder, selected_on=SELECTION_PART, callbacks=[progress])
        _keep_if_best(study, finished)
        finish(run.config, finished.record, run.folder)
        yield finished.record
        if finished.interrupted:
            raise Interrupted(CONTINUE)
    report = markdown_report(study.records(), baseline=study.objectives[0], order=study.objectives)
    (study.folder / REPORT_FILE).write_text(report, encoding="utf-8")


def best_run(study: Study) -> dict[str, Any] | None:
    """The run whose checkpoint lies in ``best/``: its objective, seed and score on the selection part."""
    path = study.folder / BEST_FOLDER / BEST_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _advance_passes(advance: Callable[[int], None], passes: int, steps: int) -> None:
    advance(passes * steps)


def _keep_if_best(study: Study, finished: FinishedRun) -> None:
    best, record, kept = study.folder / BEST_FOLDER, finished.record, best_run(study)
    reached = record.scores[SELECTION_PART][record.measure]
    if kept is not None and not reached > kept["score"]:  # an undefined score beats nothing
        return
    fresh = study.folder / f"{BEST_FOLDER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    study.task.save(finished.model, fresh, record)
    score = -math.inf if math.isnan(reached) else reached
    write_json(fresh / BEST_FILE, {"objective": record.objective, "seed": record.seed, "score": score})
    shutil.rmtree(best, ignore_errors=True)
    fresh.rename(best)


def _objectives(config: StudyConfig) -> tuple[str, ...]:
    names = tuple(name.strip() for name in config.objectives.split(","))
    for name in names:
        if name not in OBJECTIVES:
            raise UserError(f"--objectives: {name!r} is unknown; choose from {', '.join(OBJECTIVES)}")
    if len(set(names)) < len(names):
        raise UserError(f"--objectives {config.objectives} names one twice; name each once")
    return names


def _check_sizes(config: StudyConfig, data: AnyData) -> None:
    if config.seeds < 1:
        raise UserError(f"--seeds {config.seeds} is no number of seeds; give a whole number from 1")
    least, most = max(len(data.label_names), 1), len(data.train)
    if config.few_shot is not None and not least <= config.few_shot <= most:
        raise UserError(
            f"--few_shot {config.few_shot} is out of range: the training part has {most} examples of "
            f"{len(data.label_names)} classes; choose from {least} to {most}"
        )

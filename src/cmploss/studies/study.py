"""A comparison: several objectives × seeds on one data set."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cmploss.errors import UserError
from cmploss.models import save_classifier, size_in_words
from cmploss.objectives import OBJECTIVES
from cmploss.records import RunRecord, read_record, write_record
from cmploss.reports import ComparisonTable, comparison_table, markdown_report
from cmploss.studies.card import model_card
from cmploss.studies.run import (
    RECORD_FILE,
    SETTINGS_FILE,
    EncodedTask,
    FinishedRun,
    check_folder,
    check_run,
    in_use,
    new_model,
    run_one,
)
from cmploss.studies.settings import RunConfig, StudyConfig, training_size
from cmploss.tasks import TaskData
from cmploss.training.callbacks import StepProgress

BEST_FOLDER = "best"
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

    def __init__(self, data: TaskData, base: RunConfig, config: StudyConfig, folder: Path):
        self.data = data
        self.folder = folder
        self.objectives = _objectives(config)
        _check_sizes(config, data)
        self.task = EncodedTask(data, base.model_config.model, base.model_config.max_length)
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
        self.steps = first.steps(self.examples)

    @property
    def headline(self) -> str:
        """What the study is, in one line."""
        first = self.runs[0].config
        classes = f"{len(self.data.label_names)} classes" if self.data.label_names else "regression"
        model = f"{Path(first.model_config.model).name} ({size_in_words(new_model(first, self.data))})"
        return (
            f"{self.data.name} · {classes} · {self.examples} training examples · {model} · "
            f"{self.steps} steps · {len(self.runs)} runs"
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
            check_folder(run.folder, run.config.settings(self.data))
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
        finished = run_one(run.config, study.task, run.folder, callbacks=[progress])
        _keep_if_best(study, finished)
        write_record(finished.record, run.folder / RECORD_FILE)
        yield finished.record
    report = markdown_report(study.records(), baseline=study.objectives[0], order=study.objectives)
    (study.folder / REPORT_FILE).write_text(report, encoding="utf-8")


def best_record(records: list[RunRecord]) -> RunRecord:
    """The run with the best score on the selection part; the first of equals."""
    return max(records, key=_selection_score)


def _advance_passes(advance: Callable[[int], None], passes: int, steps: int) -> None:
    advance(passes * steps)


def _selection_score(record: RunRecord) -> float:
    return record.scores[record.data["selected_on"]][record.measure]


def _keep_if_best(study: Study, finished: FinishedRun) -> None:
    best = study.folder / BEST_FOLDER
    scores = [_selection_score(record) for record in study.records()]
    if best.exists() and scores and _selection_score(finished.record) <= max(scores):
        return
    fresh = study.folder / f"{BEST_FOLDER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    save_classifier(finished.model, finished.tokenizer, fresh, model_card(finished.record))
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


def _check_sizes(config: StudyConfig, data: TaskData) -> None:
    if config.seeds < 1:
        raise UserError(f"--seeds {config.seeds} is no number of seeds; give a whole number from 1")
    least, most = max(len(data.label_names), 1), len(data.train)
    if config.few_shot is not None and not least <= config.few_shot <= most:
        raise UserError(
            f"--few_shot {config.few_shot} is out of range: the training part has {most} examples of "
            f"{len(data.label_names)} classes; choose from {least} to {most}"
        )

"""A comparison: objectives × seeds × conditions on one data set."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, read_record, read_references
from cmploss.experiment.condition import Condition
from cmploss.experiment.folder_lock import locked
from cmploss.experiment.grouping import references_of
from cmploss.experiment.looks import earlier_looks
from cmploss.experiment.run_dir import (
    PILOT_FOLDER,
    RECORD_FILE,
    RESULT_FILE,
    check_folder,
    check_study_folder,
    claim_study_folder,
    clear_session_files,
    failure_of,
)
from cmploss.experiment.spec import ObjectiveSpec, parse_objectives
from cmploss.reports import ComparisonTable, comparison_table
from cmploss.reports.table import baseline_in
from cmploss.studies.backends import do_jobs
from cmploss.studies.best_run import choose_best, keep_best_of_row
from cmploss.studies.executor import AnyJob
from cmploss.studies.hyper_search import SearchJob, check_begun, check_search, check_search_file, searched
from cmploss.studies.outputs import write_noisy_files, write_pages
from cmploss.studies.plan import PlannedRun, check_options, condition_folder, conditions_of, continued, planned_runs
from cmploss.studies.references import write_references
from cmploss.studies.row_folders import check_row_folders
from cmploss.studies.run import Advance, check_run, finish, new_model
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_job import RunJob, check_classes, tell_of_finished
from cmploss.studies.run_tasks import RunTasks
from cmploss.studies.study_config import StudyConfig
from cmploss.studies.training_length import Pilot, find_length, known_length, length_is_open
from cmploss.studies.vary import parse_vary, rows_of
from cmploss.tasks.base import LearningTask
from cmploss.tasks.text.text_vectors import check_encoder


class Study:
    """The runs of a comparison on one task: planned, running or finished.

    Its folder contains ``<objective>/seed-<n>/record.json`` for every finished run (below a folder for each condition
    if there are several), ``best/`` and ``report.md``.

    Args:
        task: What is trained on and scored.
        base: The settings of all runs; objective, seed, few-shot size, noise and perhaps steps are replaced.
        config: Which runs, and how they are executed.
        folder: Folder of the results.
        specs: The objectives; by default those that ``config`` names.

    Attributes:
        task: The task, with a balanced test split if ``config`` says so.
        tasks: The task of each run: another one where the study varies the model, or has folds.
        conditions: Each has a table of its own.
        runs: Every run of every condition.

    Raises:
        UserError: For an option that is refused, or another study to continue from that lacks something.
    """

    def __init__(
        self,
        task: LearningTask,
        base: RunConfig,
        config: StudyConfig,
        folder: Path,
        specs: Sequence[ObjectiveSpec] | None = None,
    ):
        self.config, self.base, self._given_task = config, base, task
        check_options(config, base)
        self.task = task if config.balanced_test is None else task.balanced(config.balanced_test)
        if config.embeddings:
            check_classes(self.task)
        self.folder = folder
        self.specs = parse_objectives(config.objectives) if specs is None else tuple(specs)
        self.tasks = RunTasks(self.task, base.model_config)
        rows = rows_of(self.specs, base, parse_vary(config.vary))
        folds = config.plan_of_folds
        first = rows if folds is None else [replace(row, fold=folds[0]) for row in rows]
        self.objectives = tuple(row.objective for row in rows)
        check_row_folders(self.objectives)
        for spec in self.specs if config.in_processes else ():
            if not spec.importable:
                raise UserError(
                    f"{config.in_processes}: other processes cannot import {spec.name} ({spec.kind}); define it in "
                    "a module, so that it can be pickled, or leave the option out"
                )
        check_search(config.search_trials, rows)
        if config.init_from_study is not None and config.search_trials:
            raise UserError("--init_from_study keeps the settings of the runs; use --search_trials in that study")
        self.open_length = not base.length and length_is_open(base.training, config.steps, self.task)
        self.conditions = conditions_of(config, first, self.tasks, open_length=self.open_length)
        runs = planned_runs(config, rows, self.conditions, folder)
        for run in runs:
            self.tasks.of(run.config).check_run(run.config.spec.kind, run.config.submodels)
        if config.init_from_study is not None:
            earlier = Path(config.init_from_study)
            runs = [replace(run, config=continued(run.config, earlier)) for run in runs]
        self.runs = runs

    def with_known_length(self) -> "Study":
        """The study with the training length that its pilot runs chose, if they are finished."""
        known = known_length(self._pilot, self.tasks.of(self._pilot), self.folder) if self.open_length else None
        return self if known is None else self._of_length(known)

    def with_length(self, done: Callable[[Pilot], None] = lambda pilot: None) -> "Study":
        """The study with a training length that pilot runs choose, if no option gives it; ``done`` gets each."""
        if not self.open_length:
            return self
        with locked(self.folder):
            claim_study_folder(self.folder, grid=len(self.conditions) > 1)
            alone = replace(self.config, jobs=1)  # a pilot run has all threads
            do = partial(do_jobs, task=self.tasks, advance=lambda passes: None, config=alone)
            return self._of_length(find_length(self._pilot, self.tasks.of(self._pilot), self.folder, do, done))

    @property
    def _pilot(self) -> RunConfig:
        """The first run of the baseline on the largest sample."""
        largest = max(self.heads, key=lambda run: run.config.few_shot or math.inf)
        return largest.config

    def _of_length(self, found: RunConfig) -> "Study":
        training = {**self.base.training, "max_steps": found.training["max_steps"]}
        base = replace(self.base, length=found.length, training=training)
        return Study(self._given_task, base, self.config, self.folder, self.specs)

    def check(self) -> None:
        """Refuse, by a ``UserError`` before anything is written, what would fail later.

        It does so if a folder contains another run, an objective or a training option is refused, or the model has no
        dropout to ablate, or no vectors for embeddings.
        """
        check_study_folder(self.folder, grid=len(self.conditions) > 1)
        for run in self.heads if self.config.search_trials else ():
            check_search_file(run, self.tasks.of(run.config))
        for run in self.runs:
            check_begun(run, self.config.search_trials)
            known = self.resolved(run)
            if known is not None:
                check_folder(run.folder, known.config.settings(self.tasks.of(known.config)))
        self._check_shard()
        if self.config.embeddings:
            first = self.runs[0].config
            model = new_model(first, self.tasks.of(first))
            check_encoder(model, f"--embeddings with --model {first.model_config.model}")
        count = len(self.objectives)  # every objective once, and every condition once
        for run in [*self.heads[:count], *self.heads[count::count]]:
            config = replace(run.config, length={"by": "pilot runs"}) if self.open_length else run.config
            check_run(config, self.tasks.of(config))

    def _check_shard(self) -> None:
        shard = self.config.of_shard
        if shard is None or not shard.number:
            return
        searches = [job for job in self.searches() if self.resolved(job.run) is None and not failure_of(job.folder)]
        if self.open_length or searches:
            needed = "the training length that pilot runs choose" if self.open_length else "the settings of the search"
            raise UserError(f"--shard {shard} needs {needed}; give the same command with --shard 0/{shard.count} first")

    @property
    def heads(self) -> list[PlannedRun]:
        """The first run of every objective in every condition."""
        return [run for run in self.runs if run.config.seed == 0]

    @property
    def own_runs(self) -> list[PlannedRun]:
        """The runs that this command trains: all, or those of its shard."""
        return [run for run in self.runs if run.own]

    def resolved(self, run: PlannedRun) -> PlannedRun | None:
        """A run with the settings that the search found; None if the search is not finished."""
        return run if not self.config.search_trials else searched(run, self.config.search_trials)

    def records(self, condition: Condition | None = None) -> list[RunRecord]:
        """The records of the finished runs, of all conditions or of one."""
        runs = [run for run in self.runs if condition in (None, run.condition) and run.finished]
        return [read_record(run.folder / RECORD_FILE) for run in runs]

    def table(self, condition: Condition | None = None) -> ComparisonTable:
        """The comparison of the finished runs of a condition; it may be left out if there is only one.

        Raises:
            UserError: There are several conditions and none is named, or nothing is finished.
        """
        if condition is None and len(self.conditions) > 1:
            count = len(self.conditions)
            raise UserError(f"the study has {count} conditions with a table each; give one of study.conditions")
        records, of = self.records(condition), condition or self.conditions[0]
        found = references_of(read_references(self.folder), records[0].benchmark, of) if records else ()
        order, baseline = self.objectives, baseline_in(records, self.objectives[0])
        looks, margin = earlier_looks(self.folder, records), self.config.margin
        return comparison_table(records, baseline=baseline, order=order, margin=margin, references=found, looks=looks)

    def failures(self) -> dict[str, str]:
        """The error of every search and run that failed, by its folder in the study."""
        folders = [job.folder for job in self.searches()] + [run.folder for run in self.runs]
        found = {folder.relative_to(self.folder).as_posix(): failure_of(folder) for folder in folders}
        return {folder: error for folder, error in found.items() if error is not None}

    @property
    def folders(self) -> dict[Condition, Path]:
        """The folder of every condition."""
        return {condition: condition_folder(self.folder, condition, self.conditions) for condition in self.conditions}

    def searches(self) -> list[SearchJob]:
        """The search of every objective in every condition."""
        trials = self.config.search_trials
        return [SearchJob(run, trials) for run in self.heads if trials]

    def do(self, jobs: Iterable[AnyJob], advance: Advance) -> Iterator[AnyJob]:
        """Do jobs in this process, or each in a process of its own."""
        return do_jobs(jobs, self.tasks, advance, self.config)


def run_study(
    study: Study,
    advance: Advance = lambda passes: None,
    failed: Callable[[PlannedRun, str], None] = lambda run, error: None,
) -> Iterator[RunRecord]:
    """Run everything that is not finished, and yield each record as soon as it is written.

    Each row keeps the checkpoint of its best run until the end. Then the checkpoint of the best row goes to ``best/``
    (see :func:`cmploss.studies.best_run.choose_best`) and ``report.md`` is written. A run that raises an exception, or
    a search that fails or has no trial with a score, gets ``failed.json`` instead of a record, and the others continue.

    Args:
        study: The study, already checked.
        advance: Called with the passes of every step, to show progress.
        failed: Called with every run that failed, and its error in one line.

    Raises:
        UserError: Another process works in the folder of the study.
        Interrupted: After Ctrl-C or SIGTERM, once the runs that are running have written a checkpoint.
    """
    shard = study.config.of_shard
    tell_of_finished(study.own_runs)
    with locked(study.folder, shared=shard is not None and shard.number > 0):
        claim_study_folder(study.folder, grid=len(study.conditions) > 1)
        if shard is None:
            _prepare(study)
        if shard is None or not shard.number:
            _search(study, advance, failed)
        yield from _train(study, advance, failed)
        if shard is None:
            choose_best(study.folder, study.runs, study.task.model_class)
            order, margin = study.objectives, study.config.margin
            write_pages(study.folder, study.folders, study.runs, order, study.tasks, margin)


def _prepare(study: Study) -> None:
    rmtree(study.folder / PILOT_FOLDER, ignore_errors=True)  # of a pilot run that failed
    for run in (each for each in study.runs if each.finished):  # a process that was killed may have left files there
        clear_session_files(run.folder)
    if study.config.write_noisy:
        write_noisy_files(study.tasks, study.runs, study.folders)
    write_references(study.tasks, study.runs, study.folder)


def _search(study: Study, advance: Advance, failed: Callable[[PlannedRun, str], None]) -> None:
    searches = [job for job in study.searches() if study.resolved(job.run) is None]
    for search in study.do(searches, advance) if searches else ():
        error = failure_of(search.folder)
        if error is not None:
            failed(search.run, f"search: {error}")


def _train(study: Study, advance: Advance, failed: Callable[[PlannedRun, str], None]) -> Iterator[RunRecord]:
    with ExitStack() as held:
        for job in study.do(_jobs(study, held), advance):
            error = failure_of(job.folder)
            if error is not None:
                failed(job.run, error)
                continue
            record = read_record(job.folder / RESULT_FILE)
            finish(record, job.folder)
            keep_best_of_row(study.runs, job.run)
            yield record


def _jobs(study: Study, held: ExitStack) -> Iterator[RunJob]:
    """The runs to train; a shard locks each when its turn comes, in case another command takes it too."""
    for run in study.own_runs:
        if study.config.shard is not None and not run.finished:
            held.enter_context(locked(run.folder))
        known = study.resolved(run)
        if known is not None and not run.finished:
            yield RunJob(known)

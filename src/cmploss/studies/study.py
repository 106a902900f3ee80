"""A comparison: objectives × seeds on one data set, in every cell of a grid of sizes, noises and training lengths."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.condition import Condition
from cmploss.experiment.failures import clear_failure, failure_of, write_failure
from cmploss.experiment.run_dir import RECORD_FILE, check_folder, check_study_folder, claim_folder, claim_study_folder
from cmploss.experiment.spec import ObjectiveSpec, parse_objectives
from cmploss.models import size_in_words
from cmploss.reports import ComparisonTable, comparison_table
from cmploss.studies.best import RunJob, best_rank, keep_if_best, read_best
from cmploss.studies.hyper_search import (
    SearchJob,
    check_begun,
    check_search,
    check_search_file,
    searched,
    trials_folder,
)
from cmploss.studies.init_from import continued
from cmploss.studies.jobs import Advance, Failed, Job, Outcome, one_by_one
from cmploss.studies.outputs import write_noisy_files, write_pages
from cmploss.studies.plan import PlannedRun, cell_folder, cells_of, planned_runs
from cmploss.studies.run import CONTINUE, Interrupted, check_run, check_task, finish, new_model
from cmploss.studies.run_config import RunConfig, processes
from cmploss.studies.study_config import StudyConfig, StudyTools
from cmploss.studies.vectors_of_runs import check_classes
from cmploss.studies.workers import in_processes
from cmploss.tasks.base import LearningTask
from cmploss.tasks.text.cls_vectors import check_encoder


class Study:
    """A grid of runs on one data set, before, while and after they are run.

    Its folder holds ``<objective>/seed-<n>/record.json`` for every finished run (below a folder for each cell where
    there are several), ``best/`` and ``report.md``.

    Args:
        task: What is trained on and scored.
        base: What all runs share; its objective, seed, few-shot size, noise and perhaps steps are replaced.
        config: Which runs.
        folder: Where they go.
        tools: What else to do.
        specs: The objectives; by default those that ``config`` names.

    Attributes:
        task: The task, with a balanced test split if ``tools`` say so.
        cells: What is compared: each cell has a table of its own.
        runs: Every run of every cell.

    Raises:
        UserError: For an option that is refused, or another study to continue from that lacks something.
    """

    def __init__(
        self,
        task: LearningTask,
        base: RunConfig,
        config: StudyConfig,
        folder: Path,
        tools: StudyTools | None = None,
        specs: Sequence[ObjectiveSpec] | None = None,
    ):
        if processes() > 1:
            raise UserError("a comparison runs in one process; start it without torchrun (train can use several)")
        self.tools = tools or StudyTools()
        if self.tools.jobs < 1:
            raise UserError(f"--jobs {self.tools.jobs} is no number of processes; give a whole number from 1")
        self.task = task if self.tools.balanced_test is None else task.balanced(self.tools.balanced_test)
        if self.tools.embeddings:
            check_classes(self.task)
        self.folder = folder
        self.specs = parse_objectives(config.objectives) if specs is None else tuple(specs)
        self.objectives = tuple(spec.name for spec in self.specs)
        check_search(self.tools.search_trials, base, self.specs)
        if self.tools.then is not None and self.tools.search_trials:
            raise UserError("--then continues runs as they are; search in the study that it continues")
        check_task(self.specs, self.task)
        self.cells = cells_of(config, base, self.task)
        runs = planned_runs(config, self.specs, self.tools, base, self.cells, folder)
        if self.tools.then is not None:
            runs = [replace(run, config=continued(run.config, Path(self.tools.then))) for run in runs]
        self.runs = runs

    @property
    def headline(self) -> str:
        """What the study is, in one line."""
        first = self.runs[0].config
        model = f"{Path(self.task.model).name} ({size_in_words(new_model(first, self.task))})"
        noises = _listed(cell.noise for cell in self.cells)
        facts = [
            self.task.name,
            self.task.description,
            f"{_listed(cell.train_size or self.task.sizes['train'] for cell in self.cells)} training examples",
            *([] if noises == "none" else [f"noise {noises}"]),
            model,
            f"{_listed(cell.steps for cell in self.cells)} steps",
            f"{len(self.runs)} run{'s' if len(self.runs) > 1 else ''}",
        ]
        return " · ".join(facts)

    def check(self) -> None:
        """Refuse, before anything is written, what would fail later.

        Raises:
            UserError: If a folder holds another run, an objective or a training option is refused, or the model has
                no dropout to ablate, or no vectors for embeddings.
        """
        check_study_folder(self.folder, grid=len(self.cells) > 1)
        for run in self.heads if self.tools.search_trials else ():
            check_search_file(run, self.task)
        for run in self.runs:
            check_begun(run, self.tools.search_trials)
            known = self.resolved(run)
            if known is not None:
                check_folder(run.folder, known.config.settings(self.task))
        if self.tools.embeddings:
            first = self.runs[0].config
            check_encoder(new_model(first, self.task), f"--embeddings with --model {first.model_config.model}")
        # Every objective once, and every cell once.
        count = len(self.objectives)
        for run in [*self.heads[:count], *self.heads[count::count]]:
            check_run(run.config, self.task)

    @property
    def heads(self) -> list[PlannedRun]:
        """The first run of every objective in every cell."""
        return [run for run in self.runs if run.config.seed == 0]

    def resolved(self, run: PlannedRun) -> PlannedRun | None:
        """A run with the settings that were searched for it; None while they are not found."""
        return run if not self.tools.search_trials else searched(run, self.tools.search_trials)

    def records(self, cell: Condition | None = None) -> list[RunRecord]:
        """The records of the runs that are finished, of all cells or of one."""
        runs = [run for run in self.runs if cell in (None, run.cell) and run.finished]
        return [read_record(run.folder / RECORD_FILE) for run in runs]

    def table(self, cell: Condition | None = None) -> ComparisonTable:
        """The comparison of the runs of a cell that are finished; of several cells say which.

        Raises:
            UserError: There are several cells and none is named, or nothing is finished.
        """
        if cell is None and len(self.cells) > 1:
            raise UserError(f"the study has {len(self.cells)} cells with a table each; give one of study.cells")
        return comparison_table(self.records(cell), baseline=self.objectives[0], order=self.objectives)

    def failures(self) -> dict[str, str]:
        """The error of every search and run that failed, by its folder in the study."""
        searches = [trials_folder(run) for run in self.heads] if self.tools.search_trials else []
        folders = [*searches, *(run.folder for run in self.runs)]
        found = {folder.relative_to(self.folder).as_posix(): failure_of(folder) for folder in folders}
        return {folder: error for folder, error in found.items() if error is not None}

    @property
    def folders(self) -> dict[Condition, Path]:
        """The folder of every cell."""
        return {cell: cell_folder(self.folder, cell, self.cells) for cell in self.cells}

    def do(self, jobs: Iterator[Job], advance: Advance) -> Iterator[Outcome]:
        """Do jobs in this process, or in several."""
        if self.tools.jobs == 1:
            return one_by_one(jobs, self.task, advance)
        return in_processes(jobs, self.tools.jobs, self.task, advance)


def run_study(
    study: Study,
    advance: Advance = lambda passes: None,
    failed: Callable[[PlannedRun, str], None] = lambda run, error: None,
) -> Iterator[RunRecord]:
    """Run what is not finished yet, and yield each record as soon as it is written.

    The best run by its score on the selection part is kept in ``best/``, a plain checkpoint; ``report.md`` is written
    at the end. A run that raises an exception has a ``failed.json`` instead of a record, and the others go on; so has
    the search of an objective without a trial that has a score.

    Args:
        study: The study, already checked.
        advance: Told the passes of every step, to show progress.
        failed: Told every run that failed and its error in one line.

    Raises:
        Interrupted: After Ctrl-C, once the runs that are running have written a checkpoint.
    """
    claim_study_folder(study.folder, grid=len(study.cells) > 1)
    if study.tools.write_noisy:
        write_noisy_files(study.task, study.runs, study.folders)
    if study.tools.search_trials:
        trials = study.tools.search_trials
        heads = [run for run in study.heads if study.resolved(run) is None]
        for job, outcome in study.do((SearchJob(run, trials) for run in heads), advance):
            if isinstance(outcome, Failed):
                write_failure(trials_folder(job.run), outcome)
                failed(job.run, f"search: {outcome.error}")
            else:
                clear_failure(trials_folder(job.run))
    ready = (known for run in study.runs if not run.finished and (known := study.resolved(run)) is not None)
    jobs = (RunJob(run, best_rank(study.folder, study.runs)) for run in ready)
    for job, outcome in study.do(jobs, advance):
        run = job.run
        if isinstance(outcome, Failed):
            claim_folder(run.folder, run.config.settings(study.task))  # it may have failed before it did so itself
            write_failure(run.folder, outcome)
            failed(run, outcome.error)
            continue
        keep_if_best(study.folder, study.runs, run, outcome.record)
        finish(run.config, outcome.record, run.folder)
        clear_failure(run.folder)
        yield outcome.record
        if outcome.interrupted and study.tools.jobs == 1:  # several processes stop together, see in_processes
            raise Interrupted(CONTINUE)
    write_pages(study.folder, study.folders, study.runs, study.objectives, study.task, study.failures())


def best_run(study: Study) -> dict[str, Any] | None:
    """The run whose checkpoint lies in ``best/``: its objective, seed, score on the selection part, and folder."""
    return read_best(study.folder)


def _listed(values: Any) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))

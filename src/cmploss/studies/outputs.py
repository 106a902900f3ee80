"""The files that a study writes about its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cmploss.atomic import write_text
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.condition import Condition, Noise
from cmploss.experiment.example_store import write_texts
from cmploss.experiment.looks import note_look
from cmploss.experiment.run_dir import (
    EMBEDDINGS_FILE,
    LATEX_FILE,
    NOISY_FOLDER,
    PAGE_FILE,
    RECORD_FILE,
    REPORT_FILE,
    VECTORS_FILE,
)
from cmploss.reports import draw_vectors, latex_text, markdown_report
from cmploss.reports.all_formats import Format, over_data_sets, report_text
from cmploss.reports.html import read_study, report_page
from cmploss.reports.several_data import SeveralData
from cmploss.reports.table import baseline_in
from cmploss.studies.plan import PlannedRun
from cmploss.studies.run_tasks import RunTasks
from cmploss.tasks.base import LearningTask, eval_split


def write_pages(
    folder: Path,
    folders: Mapping[Condition, Path],
    runs: Sequence[PlannedRun],
    order: Sequence[str],
    tasks: RunTasks,
    margin: float,
) -> None:
    """Write ``report.html``, ``report.md`` and ``report.tex`` of the study, and the pictures of vectors."""
    finished = [run for condition in folders for run in runs if run.condition == condition and run.finished]
    for condition, where in folders.items():
        kept = [run for run in finished if run.condition == condition and (run.folder / VECTORS_FILE).exists()]
        vectors = {run.config.objective: np.load(run.folder / VECTORS_FILE) for run in kept}
        if vectors:
            task = tasks.of(kept[0].config)
            labels = task.labels(eval_split(task))
            draw_vectors(where / EMBEDDINGS_FILE, vectors, labels, task.label_names)
    together = [read_record(run.folder / RECORD_FILE) for run in finished]
    if together:
        if not any(run.config.fold for run in finished):  # the page shows no examples of folds
            write_examples(tasks.task, folder)
        note_look(folder, (record.seed for record in together))
        study, baseline = read_study(folder, together), baseline_in(together, order[0])
        write_text(folder / PAGE_FILE, report_page([study], baseline=baseline, order=order, margin=margin))
        study, tables = replace(study, title=tasks.name), study.tables(baseline=baseline, order=order, margin=margin)
        write_text(folder / REPORT_FILE, markdown_report(study, tables))
        write_text(folder / LATEX_FILE, latex_text(study.title, tables))


def write_together(
    folder: Path, studies: Mapping[Path, Sequence[RunRecord]], order: Sequence[str], margin: float
) -> SeveralData | None:
    """Write the reports about studies of several data sets; returns what they show together.

    Args:
        folder: The folder of all studies.
        studies: Folder of each study → its finished runs.
        order: Objectives in the order of the rows; the first is the baseline.
        margin: Points within which two objectives count as the same.
    """
    found = {study: records for study, records in studies.items() if records}
    own = order[0] if all(baseline_in(records, order[0]) for records in found.values()) else None
    read = [read_study(study, records) for study, records in found.items()]
    files: dict[Format, str] = {"html": PAGE_FILE, "md": REPORT_FILE, "latex": LATEX_FILE}
    for form, name in files.items() if read else ():
        write_text(folder / name, report_text(read, form, baseline=own, order=order, margin=margin))
    return over_data_sets(read, baseline=own, order=order, margin=margin)


def write_examples(task: LearningTask, folder: Path) -> None:
    """Write the texts of the evaluation split to ``examples/<fingerprint>.json`` of a study, for its report."""
    split = eval_split(task)
    texts = task.texts(split)
    if texts:
        write_texts(list(texts), task.fingerprints()[split], folder)


def write_noisy_files(tasks: RunTasks, runs: Sequence[PlannedRun], folders: Mapping[Condition, Path]) -> None:
    """Write the training examples of every seed and their noisy versions, if there is noise."""
    for run in runs:
        path = folders[run.condition] / NOISY_FOLDER / f"{run.config.unit}-{run.config.seed}.csv"
        if run.condition.noise != Noise() and not path.exists():
            tasks.of(run.config).write_noisy(run.config.sample, path)

"""The files that a study writes about its runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cmploss.atomic import write_text
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.condition import Condition, Noise
from cmploss.experiment.run_dir import RECORD_FILE
from cmploss.reports import comparison_table, grid_report, latex_table, markdown_report, write_grid_curves
from cmploss.reports.example_store import write_texts
from cmploss.reports.export import latex_text
from cmploss.reports.figures import write_curves
from cmploss.reports.html import write_report
from cmploss.reports.inference_curves import INFERENCE_CURVES, inference_series
from cmploss.reports.markdown import EMBEDDINGS_FILE
from cmploss.reports.series import series_curves
from cmploss.studies.plan import PlannedRun
from cmploss.studies.vectors_of_runs import draw_vectors
from cmploss.tasks.base import LearningTask, eval_split

PAGE_FILE = "report.html"
REPORT_FILE = "report.md"
LATEX_FILE = "report.tex"
NOISY_FOLDER = "noisy"


def write_pages(
    folder: Path,
    folders: Mapping[Condition, Path],
    runs: Sequence[PlannedRun],
    order: Sequence[str],
    task: LearningTask,
    failures: Mapping[str, str],
) -> None:
    """Write ``report.html``, and ``report.md``, ``report.tex`` and figures for every condition and for the grid.

    Args:
        folder: The folder of the study.
        folders: The folders of its conditions.
        runs: All runs; those that are not finished are ignored.
        order: Objectives, the baseline first.
        task: Of the study.
        failures: Run → error.
    """
    finished = {cell: [run for run in runs if run.cell == cell and run.finished] for cell in folders}
    records = {cell: [read_record(run.folder / RECORD_FILE) for run in of] for cell, of in finished.items() if of}
    for cell, found in records.items():
        where = folders[cell]
        draw_vectors({run.folder: run.config.objective for run in finished[cell]}, task, where / EMBEDDINGS_FILE)
        _draw_curves(found, order, where)
        failed = failures if len(folders) == 1 else {}
        page = markdown_report(found, baseline=order[0], order=order, failures=failed)
        write_text(where / REPORT_FILE, page)
        table = comparison_table(found, baseline=order[0], order=order)
        write_text(where / LATEX_FILE, latex_table(table))
    together = [record for found in records.values() for record in found]
    if together:
        write_examples(task, folder)
        write_report(folder, together, folder / PAGE_FILE, baseline=order[0])
    if len(folders) == 1 or not records:
        return
    write_grid_curves(folder, together, baseline=order[0], order=order)
    pages = {cell: f"{folders[cell].name}/{REPORT_FILE}" for cell in records}
    report = grid_report(together, baseline=order[0], order=order, pages=pages, failures=failures)
    write_text(folder / REPORT_FILE, report)
    tables = latex_text(together[0].benchmark.task, together, baseline=order[0], order=order)
    write_text(folder / LATEX_FILE, tables)


def write_examples(task: LearningTask, folder: Path) -> None:
    """Write the texts of the evaluation split to ``examples/<fingerprint>.json`` of a study, for its report."""
    split = eval_split(task)
    texts = task.texts(split)
    if texts:
        write_texts(list(texts), task.fingerprints()[split], folder)


def _draw_curves(records: Sequence[RunRecord], order: Sequence[str], folder: Path) -> None:
    for curve in INFERENCE_CURVES:
        found = inference_series(curve, records, order)
        if found:
            ylabel = curve.ylabel(records[0].benchmark.measure)
            write_curves(folder / f"{curve.name}.svg", series_curves(found), xlabel=curve.axis, ylabel=ylabel)


def write_noisy_files(task: LearningTask, runs: Sequence[PlannedRun], folders: Mapping[Condition, Path]) -> None:
    """Write the training examples of every seed and their noisy versions, if there is noise."""
    for run in runs:
        path = folders[run.cell] / NOISY_FOLDER / f"seed-{run.config.seed}.csv"
        if run.cell.noise != Noise() and not path.exists():
            task.write_noisy(run.config.sample, path)

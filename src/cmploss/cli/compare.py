"""Compare objectives × seeds on one data set, with the same examples, order, initial head and steps for all.

Writes a record per run, report.md and the best checkpoint. Finished runs are skipped, interrupted ones continued.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from cmploss.cli.console import err, out, progress_bar, quiet_libraries
from cmploss.options import parse_arguments
from cmploss.qa import QuestionConfig
from cmploss.reports import footnote, in_words, rich_table
from cmploss.studies import Study, run_study
from cmploss.studies.compare import SECTIONS as STUDY_SECTIONS
from cmploss.studies.compare import planned_study
from cmploss.studies.cost import estimate
from cmploss.studies.study import BEST_FOLDER, REPORT_FILE, best_run
from cmploss.studies.task import load_any
from cmploss.tasks import DataConfig


@dataclass(frozen=True)
class CompareFlags:
    """What the command does with the study.

    Attributes:
        dry_run: List the runs with their passes and estimated minutes, from a few timed steps, and write nothing.
    """

    dry_run: bool = False


USAGE = "[FILE.yaml] --task NAME | --train_file FILE [--option value …]"
SECTIONS = (*STUDY_SECTIONS, CompareFlags)
TRAINING = True


def run(argv: Sequence[str]) -> None:
    """Parse, check, run and print."""
    quiet_libraries()
    options = parse_arguments(argv, SECTIONS, training=True)
    data = load_any(options[DataConfig], options[QuestionConfig])
    study = planned_study(options, data)
    study.check()
    out.print(study.headline)
    for note in data.notes:
        err.print(f"note: {note}")
    if options[CompareFlags].dry_run:
        _print_estimate(study)
        return
    _run_with_progress(study)
    _print_result(study)


def _run_with_progress(study: Study) -> None:
    remaining = [run for run in study.runs if not run.finished]
    if len(remaining) < len(study.runs):
        err.print(f"{len(study.runs) - len(remaining)} runs are finished already")
    with progress_bar() as bar:
        passes = sum(run.config.passes * study.steps for run in remaining)
        task = bar.add_task(f"0 of {len(remaining)} runs", total=passes)
        for number, record in enumerate(run_study(study, lambda count: bar.advance(task, count)), 1):
            bar.update(task, description=f"{number} of {len(remaining)} runs")
            score = record.scores[record.data["reported_on"]][record.measure]
            err.print(f"{record.objective} seed {record.seed}: {record.measure} {score:.1f}")


def _print_result(study: Study) -> None:
    table = study.table()
    out.print()
    out.print(rich_table(table))
    out.print(f"\nIn words: {in_words(table)}")
    out.print(footnote(table))
    best = best_run(study)
    if best is not None:
        where = f"{study.folder / BEST_FOLDER}   {best['objective']}, seed {best['seed']}"
        out.print(f"Best run   {where}, chosen on {table.selected_on}: a plain transformers checkpoint")
    out.print(f"Report     {study.folder / REPORT_FILE}")


def _print_estimate(study: Study) -> None:
    estimates = estimate(study)
    table = Table(box=None, pad_edge=False)
    table.add_column("objective")
    for name in ("runs", "passes/step", "steps", "s/step", "minutes"):
        table.add_column(name, justify="right")
    for row in estimates:
        cells = (row.runs, row.passes, study.steps, f"{row.seconds_per_step:.2f}", f"{row.minutes:.1f}")
        table.add_row(row.objective, *map(str, cells))
    out.print(table)
    total = sum(row.minutes for row in estimates)
    out.print(f"About {total:.1f} minutes of training; loading and evaluation come on top. Nothing was written.")

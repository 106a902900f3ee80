"""Compare objectives × seeds with the same examples, order, initial head and steps for all.

Writes records, reports and the best checkpoint. An interrupted study continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cmploss.cli.console import err, new_table, out, progress
from cmploss.cli.run_output import print_table
from cmploss.experiment import Condition
from cmploss.experiment.best_run import best_lines, is_among, read_best
from cmploss.experiment.grouping import names_of
from cmploss.experiment.run_dir import BEST_FOLDER
from cmploss.options import parse_arguments
from cmploss.studies.comparison import SECTIONS as STUDY_SECTIONS, planned_study
from cmploss.studies.plan import PlannedRun
from cmploss.studies.several import study_arguments
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.splits import SELECTION_SPLIT

if TYPE_CHECKING:
    from cmploss.studies.study import Study


@dataclass(frozen=True)
class CompareFlags:
    """Options of this command only.

    Attributes:
        tasks: Several data sets instead of one, names or files joined by commas; a study for each and their verdict.
        dry_run: Estimate the cost from a few timed steps, and write nothing.
    """

    tasks: str | None = None
    dry_run: bool = False


USAGE = "[FILE.yaml] --task NAME | --tasks NAME,FILE | --train_file FILE [--option value …]"
SECTIONS = (*STUDY_SECTIONS, CompareFlags)
TRAINING = True
TRAINING_TEXTS = {"num_train_epochs": "passes over the examples (default as many as pilot runs choose)"}
REFUSED = ("seed",)  # --seeds is instead of it


def run(argv: Sequence[str]) -> int:
    options = parse_arguments(argv, SECTIONS, training=True)
    tasks, each = options[CompareFlags].tasks, [options]
    folder = Path()
    if tasks is not None:
        folder, words = study_arguments(tasks, options.given, options.take("output_dir"))
        each = [parse_arguments([*argv, *more], SECTIONS, training=True) for more in words]
    together = {of_one[DataConfig].task for of_one in each}
    studies = [planned_study(of_one, together=together) for of_one in each]
    for study in studies:
        study.check()
    from cmploss.studies.study_words import headline, notes

    for study in studies:
        out.print(headline(study))
        for note in notes(study):
            err.print(f"note: {note}")
    if options[CompareFlags].dry_run:
        for study in studies:
            _print_estimate(study)
        return 0
    failed = sum([_run_and_print(study) for study in studies])
    if len(studies) > 1 and studies[0].config.shard is None:
        _print_together(studies, folder)
    return 1 if failed else 0


def _run_and_print(study: Study) -> int:
    """Run a study; returns the number of runs that failed."""
    study = study.with_length(
        lambda pilot: err.print(f"pilot run of {pilot.steps} steps: loss {pilot.loss:.3f} on {SELECTION_SPLIT}")
    )
    failed = _run_with_progress(study)
    if study.config.shard is None:
        _print_result(study)
    else:
        done = sum(run.finished for run in study.own_runs)
        out.print(f"Shard {study.config.shard}: {done} of its {len(study.own_runs)} runs are finished.")
        out.print("When all shards have ended, give the same command without --shard, for the table and the report.")
    return failed


def _print_together(studies: Sequence[Study], folder: Path) -> None:
    from cmploss.experiment.run_dir import PAGE_FILE
    from cmploss.studies.outputs import write_together

    first = studies[0]
    found = write_together(
        folder, {study.folder: study.records() for study in studies}, first.objectives, first.config.margin
    )
    if found:
        print_table(found.table, found.title, " ".join(found.sentences))
        out.print(f"Report     {folder / PAGE_FILE}")


def _run_with_progress(study: Study) -> int:
    from cmploss.studies.study import run_study

    remaining = [run for run in study.own_runs if not run.finished]
    if len(remaining) < len(study.own_runs):
        err.print(f"{len(study.own_runs) - len(remaining)} runs are already finished")
    failed = 0
    trials = [run for run in study.heads for _ in range(study.config.search_trials) if study.resolved(run) is None]
    passes = sum(run.config.passes * (run.condition.steps or 0) for run in [*remaining, *trials])
    with progress(f"0 of {len(remaining)} runs", passes) as advance:

        def tell(run: PlannedRun, error: str) -> None:
            nonlocal failed
            failed += 1
            which = f"{run.config.objective} {run.config.unit} {run.config.seed}"
            err.print(f"{_name(study, run.condition)}{which} failed: {error}")

        for number, record in enumerate(run_study(study, advance, tell), 1):
            advance(0, f"{number} of {len(remaining)} runs")
            prefix = _name(study, record.condition)
            which = f"{record.name} {record.benchmark.unit} {record.seed}"
            err.print(f"{prefix}{which}: {record.benchmark.measure} {record.primary:.1f}")
    return failed


def _name(study: Study, condition: Condition) -> str:
    return f"{names_of(study.conditions)[condition]}: " if len(study.conditions) > 1 else ""


def _print_result(study: Study) -> None:
    from cmploss.experiment.run_dir import PAGE_FILE

    for condition, name in names_of(study.conditions).items():
        if not study.records(condition):
            continue
        print_table(study.table(condition), name)
    failures = study.failures()
    for run, error in failures.items():
        out.print(f"Failed     {study.folder / run}: {error}")
    if failures:
        out.print("Run the same command again to retry them; failed.json in each folder has the traceback.")
    best, records = read_best(study.folder), study.records()
    if best and not is_among(best, records):
        where = f"{study.folder / BEST_FOLDER} has {best.get('objective')}, of an earlier command with other rows"
        out.print(f"Best run   {where}; no checkpoint of these runs was kept")
        best = None
    if best is not None:
        where = f"{study.folder / BEST_FOLDER}   {best['objective']}, {study.config.block} {best['seed']}"
        out.print(f"Best run   {where}, chosen on {SELECTION_SPLIT}: loads with {best['model_class']}")
        for line in best_lines(best):
            out.print(f"           {line}")
    if records:
        out.print(f"Report     {study.folder / PAGE_FILE}")


def _print_estimate(study: Study) -> None:
    from cmploss.reports.verdict import expected_power
    from cmploss.studies.cost import estimate
    from cmploss.studies.training_length import MOST_DOUBLINGS

    estimates = estimate(study)
    table = new_table("objective", "runs", "passes/step", "steps", "s/step", "minutes")
    steps = ", ".join(dict.fromkeys(str(condition.steps) for condition in study.conditions))
    for row in estimates:
        cells = (row.runs, row.passes, steps, f"{row.seconds_per_step:.2f}", f"{row.minutes:.1f}")
        table.add_row(row.objective, *map(str, cells))
    out.print(table)
    for condition, name in names_of(study.conditions).items():
        seeds = {run.config.seed for run in study.runs}
        text = expected_power(study.table(condition), len(seeds)) if study.records(condition) else ""
        if text:
            out.print(f"{name}: {text}" if name else text)
    total = sum(row.minutes for row in estimates)
    first = study.runs[0].config
    ablated = sum(power > 0 for power in first.powers) + len(first.depths)
    also = f", also of {ablated} submodel{'s' * (ablated > 1)} of every run," if ablated else ""
    if study.open_length:
        longest, all_pilots = 2**MOST_DOUBLINGS, 2 ** (MOST_DOUBLINGS + 1) - 1
        out.print(
            f"Pilot runs choose the number of steps, up to {longest} times as many as in this table; they take up to "
            f"{all_pilots} times the steps of a run of {study.objectives[0]}."
        )
    out.print(f"About {total:.1f} minutes of training; loading and evaluation{also} come on top. Nothing was written.")

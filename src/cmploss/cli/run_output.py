"""Training and printing one run, for ``train`` and ``retrieve train``."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from cmploss.cli.console import err, out, progress
from cmploss.experiment import RunRecord, read_record
from cmploss.experiment.folder_lock import locked
from cmploss.experiment.loading_code import loads_with
from cmploss.experiment.run_dir import FAILED_FILE, RECORD_FILE, check_folder, claim_folder, failure_of
from cmploss.tasks.splits import SELECTION_SPLIT

if TYPE_CHECKING:
    from cmploss.reports import ComparisonTable
    from cmploss.studies.run_config import RunConfig
    from cmploss.tasks.base import LearningTask


def train_once(config: RunConfig, task: LearningTask, folder: Path) -> int:
    """Check, train and save a run, unless it is finished, and print it; returns the exit status.

    Of a distributed run only the main process saves and prints.
    """
    check_folder(folder, config.settings(task))
    if (folder / RECORD_FILE).exists():
        out.print(f"{folder}: this run is already finished")
    elif not _train(config, task, folder):
        return 0
    failure = failure_of(folder)
    if failure is not None:
        err.print(f"{config.objective} seed {config.seed} failed: {failure}")
        err.print(f"Run the same command again to retry; {folder / FAILED_FILE} has the traceback.")
        return 1
    _print_run(read_record(folder / RECORD_FILE))
    what = loads_with(task.model_class, lora=config.model_config.lora is not None)
    out.print(f"checkpoint {folder}   loads with {what}")
    return 0


def _train(config: RunConfig, task: LearningTask, folder: Path) -> bool:
    """Train and save a run; returns whether this is the main process, or the run failed."""
    from accelerate import PartialState

    from cmploss.studies.executor import attempt
    from cmploss.studies.run import check_run, finish, run_one
    from cmploss.studies.run_notes import notes_on
    from cmploss.training.callbacks import StepProgress

    check_run(config, task)
    for note in (*task.notes, *notes_on(config, task)):
        err.print(f"note: {note}")

    def work() -> int:
        finished = run_one(config, task, folder, selected_on=selected_on, callbacks=[StepProgress(advance)])
        PartialState().destroy_process_group()  # a process that ends inside a group may be aborted
        if PartialState().is_main_process:
            task.save(finished.model, folder, finished.record)
            kept = config.training.get("save_strategy", "no") != "no"  # as the Trainer does
            finish(finished.record, folder, keep_checkpoints=kept)
        return finished.interrupted

    steps, name = config.steps(task.examples(config.sample)), f"{config.objective} seed {config.seed}"
    with locked(folder), progress(name, steps) as advance:
        PartialState().wait_for_everyone()  # all have checked the folder before one writes, and leftovers are gone
        claim_folder(folder, config.settings(task))
        selected_on = SELECTION_SPLIT if config.patience or config.training.get("load_best_model_at_end") else None
        attempt(folder, work)
    return PartialState().is_main_process or failure_of(folder) is not None


def _print_run(record: RunRecord) -> None:
    lines: dict[str, list[str]] = {}
    for score in record.scores:
        where = " ".join([score.split, *(f"{name} {value}" for name, value in score.at.items())])
        decimals = 4 if score.measure == "loss" else 1
        lines.setdefault(where, []).append(f"{score.measure} {score.value:.{decimals}f}")
    width = 1 + max(10, *map(len, lines)) if lines else 11
    for where, values in lines.items():
        out.print(f"{where:<{width}}{'  '.join(values)}")
    if record.history:
        last = {name: value for name, value in record.history[-1].items() if name not in ("grad_norm", "epoch")}
        out.print("last log   " + "  ".join(f"{name} {value:.4g}" for name, value in last.items()))
    cost = record.cost
    out.print(f"cost       {cost['seconds']:.0f} s, {cost['steps']:.0f} steps of {cost['passes_per_step']:.0f} passes")


def print_table(table: ComparisonTable, name: str, words: str = "") -> None:
    """Print a table, its verdict or other words, and its footnote."""
    from cmploss.reports import footnote, in_words, rich_table

    out.print(f"\n{name}" if name else "")
    out.print(rich_table(table))
    out.print()
    for text in filter(None, (f"Verdict: {words or in_words(table)}", footnote(table))):
        print_words(text)


def print_words(text: str) -> None:
    """Print sentences, wrapped at the width of the terminal."""
    out.print(textwrap.fill(text, out.width, break_long_words=False, break_on_hyphens=False))

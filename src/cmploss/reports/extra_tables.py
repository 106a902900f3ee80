"""More evidence about a comparison than its table has room for; each function gives the lines of a further table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cmploss.experiment import RunRecord
from cmploss.experiment.statistics import (
    PairedDifference,
    best_by_validation,
    paired_measure,
    paired_over_examples,
    sign_flip_test,
)
from cmploss.measures import MEASURES
from cmploss.reports.formatting import difference_text, effect_text, escape, mark, mean_text, p_text
from cmploss.reports.series import mean_sd_n
from cmploss.reports.table import ComparisonTable, Row, corrected_p

KEEP = 3
"""Training samples that published few-shot numbers are about, of 10."""

RESAMPLES = 200
"""Times that a measure that is no mean of examples is computed anew; a row takes seconds, and p can be .005."""

Lines = list[list[str]]
Runs = Mapping[str, Mapping[int, RunRecord]]


def seed_lines(table: ComparisonTable) -> Lines:
    """Every row against the baseline over seeds: both tests, the correction and the effect size.

    The test by signs assumes nothing about the distribution of differences, but can never be below 2 / 2ⁿ.
    """
    (baseline,) = (row for row in table.rows if row.objective == table.baseline)
    header = [f"Δ {escape(table.baseline)} [95 % CI]", "t test: p", "corrected (Holm)", "signs: p", "d_z [95 % CI]"]
    return [["objective", *header, "seeds"]] + [
        [
            escape(row.objective),
            difference_text(row.difference),
            p_text(row.difference.p),
            p_text(row.corrected) + escape(mark(row.corrected)),
            p_text(_sign_flips(row, baseline) if row.difference.p is not None else None),
            effect_text(row.effect),
            str(row.difference.n),
        ]
        for row in table.rows
        if row.difference is not None
    ]


def example_lines(records: Sequence[RunRecord], table: ComparisonTable) -> Lines:
    """Every row against the baseline over test examples; [] where no row can be compared so, see :func:`left_out`.

    The score of each example (accuracy: whether it is right; in question answering its F1) is averaged over the seeds
    that both have, so it takes one test part for all of them. A measure that is no mean of examples is computed anew
    for every run, see :func:`cmploss.experiment.statistics.paired_measure`.
    """
    runs = _runs(records, table)
    shared = {objective: _shared(runs, objective, table) for objective in runs if objective != table.baseline}
    found = {
        objective: _over_examples(used, table) for objective, used in shared.items() if _obstacle(used, table) is None
    }
    if not found:
        return []
    header = [f"Δ {escape(table.baseline)} [95 % CI]", "p", "corrected (Holm)", "examples", "seeds"]
    corrected = corrected_p(found.values())
    return [["objective", *header]] + [
        [
            escape(objective),
            difference_text(difference),
            p_text(difference.p),
            p_text(p) + escape(mark(p)),
            str(difference.n),
            str(len(shared[objective]) // 2),
        ]
        for (objective, difference), p in zip(found.items(), corrected, strict=True)
    ]


def left_out(records: Sequence[RunRecord], table: ComparisonTable) -> str:
    """The rows with predictions that :func:`example_lines` leaves out, and why; "" where there are none."""
    runs = _runs(records, table)
    others = [objective for objective in runs if objective != table.baseline]
    why = {objective: _obstacle(_shared(runs, objective, table), table) for objective in others}
    found = [f"{objective} ({reason})" for objective, reason in why.items() if reason]
    return f"Left out: {', '.join(found)}." if found else ""


def is_mean_of_examples(records: Sequence[RunRecord], table: ComparisonTable) -> bool:
    """Whether the measure is the mean of a score that every example has, as far as the predictions tell."""
    found = [
        run.predictions[table.benchmark.eval_split] for run in records if table.benchmark.eval_split in run.predictions
    ]
    return all(table.benchmark.measure == "accuracy" or table.benchmark.measure in each for each in found)


def other_measures(records: Sequence[RunRecord], table: ComparisonTable) -> dict[str, list[str]]:
    """Measure → mean ± sd (runs) of each row, for what was measured beside the table's own measure on the same part."""
    scores = {
        row.objective: [run.measures(table.benchmark.eval_split) for run in records if run.name == row.objective]
        for row in table.rows
    }
    names = dict.fromkeys(
        name for of in scores.values() for found in of for name in found if name != table.benchmark.measure
    )
    return {
        name: [mean_text(*mean_sd_n([found[name] for found in of if name in found])) for of in scores.values()]
        for name in names
    }


def best_lines(records: Sequence[RunRecord], table: ComparisonTable, *, keep: int = KEEP) -> Lines:
    """The best ``keep`` runs of each row that has more, by the selection part, beside all runs; [] if no row has.

    That is how few-shot results are often published, see :func:`cmploss.experiment.statistics.best_by_validation`.
    """
    found = {row.objective: [run for run in records if run.name == row.objective] for row in table.rows}
    runs, part = {objective: of for objective, of in found.items() if len(of) > keep}, table.benchmark.selection_split
    if part is None or part == table.benchmark.eval_split or not runs:
        return []
    if not all(table.benchmark.measure in run.measures(part) for of in runs.values() for run in of):
        return []
    lines = [["objective", f"best {keep} by {escape(part)}", "all"]]
    for objective, of in runs.items():
        of.sort(key=lambda run: run.seed)
        chooses, scores = (
            [run.score(name, table.benchmark.measure) for run in of] for name in (part, table.benchmark.eval_split)
        )
        best = best_by_validation(chooses, scores, keep=keep)
        cells = mean_text(best.mean, best.sd, best.keep), mean_text(best.all_mean, best.all_sd, best.n)
        lines.append([escape(objective), *cells])
    return lines


def _sign_flips(row: Row, baseline: Row) -> float:
    seeds = sorted(row.scores.keys() & baseline.scores.keys())
    return sign_flip_test([row.scores[seed] - baseline.scores[seed] for seed in seeds])


def _runs(records: Sequence[RunRecord], table: ComparisonTable) -> Runs:
    runs: dict[str, dict[int, RunRecord]] = {row.objective: {} for row in table.rows}
    for record in records:
        runs[record.name][record.seed] = record
    return runs


def _shared(runs: Runs, objective: str, table: ComparisonTable) -> list[RunRecord]:
    """The runs of the seeds that an objective and the baseline both have: its own, then those of the baseline."""
    ours, theirs = runs[objective], runs[table.baseline]
    return [of[seed] for of in (ours, theirs) for seed in sorted(ours.keys() & theirs.keys())]


def _obstacle(used: Sequence[RunRecord], table: ComparisonTable) -> str | None:
    """Why runs cannot be compared over examples: "" where there is nothing to compare, None where they can."""
    part, measure = str(table.benchmark.eval_split), table.benchmark.measure
    if not used or any(part not in run.predictions for run in used):
        return ""
    if len({run.split(part).get("sha256") for run in used}) > 1:
        return "every seed has test examples of its own"
    if is_mean_of_examples(used, table):
        return None
    numbers = all(isinstance(label, int | float) for label in used[0].predictions[part]["labels"])
    if measure not in MEASURES or not numbers:
        return f"{measure} cannot be computed from the predictions"
    return f"{measure} is undefined for a run" if any(math.isnan(run.score(part, measure)) for run in used) else None


def _over_examples(used: Sequence[RunRecord], table: ComparisonTable) -> PairedDifference:
    answers, seeds = [run.predictions[str(table.benchmark.eval_split)] for run in used], len(used) // 2
    if is_mean_of_examples(used, table):
        values = np.array([_example_scores(found, table.benchmark.measure) for found in answers])
        return paired_over_examples(values[:seeds], values[seeds:])
    labels, said = np.array(answers[0]["labels"]), np.array([found["predictions"] for found in answers])
    return paired_measure(said[:seeds], said[seeds:], labels, MEASURES[table.benchmark.measure], resamples=RESAMPLES)


def _example_scores(found: Mapping[str, Any], measure: str) -> Sequence[float]:
    """The score of every example in percent."""
    if measure == "accuracy":
        return [100.0 * (guess == label) for guess, label in zip(found["predictions"], found["labels"], strict=True)]
    return list(found[measure])

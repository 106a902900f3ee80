"""More evidence about a comparison than its table has room for; each function gives the lines of a further table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cmploss.records import RunRecord
from cmploss.reports.formats import difference_text, effect_text, escape, mark, mean_text, p_text
from cmploss.reports.series import mean_sd_n
from cmploss.reports.statistics import (
    PairedDifference,
    best_by_validation,
    paired_over_examples,
    sign_flip_test,
)
from cmploss.reports.tables import ComparisonTable, Row, corrected_p

KEEP = 3
"""Training samples that published few-shot numbers are about, of 10."""

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
    """Every row against the baseline over test examples; [] without predictions, or if scores are no means of examples.

    The score of each example (accuracy: whether it is right; in question answering its F1) is averaged over the seeds
    that both have, so it takes one test part for all of them. For measures that are no means of examples see
    :func:`cmploss.reports.statistics.paired_measure`.
    """
    runs: dict[str, dict[int, RunRecord]] = {row.objective: {} for row in table.rows}
    for record in records:
        runs[record.objective][record.seed] = record
    found = {
        objective: difference
        for objective in runs
        if objective != table.baseline and (difference := _over_examples(runs, objective, table)) is not None
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
            str(len(runs[objective].keys() & runs[table.baseline].keys())),
        ]
        for (objective, difference), p in zip(found.items(), corrected, strict=True)
    ]


def other_measures(records: Sequence[RunRecord], table: ComparisonTable) -> dict[str, list[str]]:
    """Measure → mean ± sd (runs) of each row, for what was measured beside the table's own measure on the same part."""
    scores = {
        row.objective: [run.scores.get(table.reported_on, {}) for run in records if run.objective == row.objective]
        for row in table.rows
    }
    names = dict.fromkeys(name for of in scores.values() for found in of for name in found if name != table.measure)
    return {
        name: [mean_text(*mean_sd_n([found[name] for found in of if name in found])) for of in scores.values()]
        for name in names
    }


def best_lines(records: Sequence[RunRecord], table: ComparisonTable, *, keep: int = KEEP) -> Lines:
    """The best ``keep`` runs of each row that has more, by the selection part, beside all runs; [] if no row has.

    That is how few-shot results are often published, see :func:`cmploss.reports.statistics.best_by_validation`.
    """
    found = {row.objective: [run for run in records if run.objective == row.objective] for row in table.rows}
    runs, part = {objective: of for objective, of in found.items() if len(of) > keep}, table.selected_on
    if part is None or part == table.reported_on or not runs:
        return []
    if not all(table.measure in run.scores.get(part, {}) for of in runs.values() for run in of):
        return []
    lines = [["objective", f"best {keep} by {escape(part)}", "all"]]
    for objective, of in runs.items():
        of.sort(key=lambda run: run.seed)
        chooses, scores = ([run.scores[name][table.measure] for run in of] for name in (part, table.reported_on))
        best = best_by_validation(chooses, scores, keep=keep)
        cells = mean_text(best.mean, best.sd, best.keep), mean_text(best.all_mean, best.all_sd, best.n)
        lines.append([escape(objective), *cells])
    return lines


def _sign_flips(row: Row, baseline: Row) -> float:
    seeds = sorted(row.scores.keys() & baseline.scores.keys())
    return sign_flip_test([row.scores[seed] - baseline.scores[seed] for seed in seeds])


def _over_examples(runs: Runs, objective: str, table: ComparisonTable) -> PairedDifference | None:
    part, pair = table.reported_on, (runs[objective], runs[table.baseline])
    seeds = sorted(pair[0].keys() & pair[1].keys())
    used = [of[seed] for of in pair for seed in seeds]
    answers = [run.predictions[part] for run in used if part in run.predictions]
    examples = {run.data.get("parts", {}).get(part, {}).get("sha256") for run in used}
    if not seeds or len(answers) < len(used) or len(examples) > 1:  # several: a test part of its own for each seed
        return None
    scores = [_example_scores(found, table.measure) for found in answers]
    if any(each is None for each in scores):
        return None
    values = np.array(scores)
    return paired_over_examples(values[: len(seeds)], values[len(seeds) :])


def _example_scores(found: Mapping[str, Any], measure: str) -> Sequence[float] | None:
    """The score of every example in percent; None where the measure is no mean of such scores."""
    if measure == "accuracy":
        return [100.0 * (guess == label) for guess, label in zip(found["predictions"], found["labels"], strict=True)]
    return found.get(measure)

"""Further tables of a comparison; each function returns the lines of one."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cmploss.experiment import RunRecord
from cmploss.experiment.statistics import (
    PairedDifference,
    holm,
    paired_measure,
    paired_over_examples,
    pairs_of,
    sign_flip_test,
)
from cmploss.measures import MEASURES
from cmploss.reports.curves import mean_sd_n
from cmploss.reports.example_scores import example_scores
from cmploss.reports.formatting import ABSENT, difference_text, mark, mean_text, number_text, p_text, signed
from cmploss.reports.table import ComparisonTable

KEEP = 3
"""Runs in :func:`best_lines`; published few-shot numbers are means of the best 3 of 10 training samples."""

RESAMPLES = 200
"""Resamples for a measure that is not a mean over examples: a row takes seconds, and the smallest p is .005."""

Lines = list[list[str]]


class Evidence(NamedTuple):
    """A further table.

    Attributes:
        title: Heading.
        text: What the table shows.
        lines: Lines, the header first; [] if there is only a ``note``.
        note: What is left out, and why.
    """

    title: str
    text: str
    lines: Lines
    note: str = ""


def evidence_of(table: ComparisonTable) -> list[Evidence]:
    """The further tables of a comparison that have a line or a note."""
    again = ""
    if not _is_mean_of_examples([run for row in table.rows for run in row.runs.values()], table):
        again = (
            f" {table.benchmark.measure} is not a mean over examples: it is computed again for each run on resampled "
            "examples, and with the predictions of a random half of the examples exchanged between the objectives, "
            f"{RESAMPLES} times each."
        )
    found = [
        Evidence(
            f"Over {table.units}",
            f"Each objective against the baseline, paired by {table.benchmark.unit}: p of the table, p without "
            "adjustment for the number of rows, and p of the permutation test over all signs. The permutation test "
            f"assumes no normal distribution, its p is at least 2 / 2ⁿ for n {table.units}, and it does not apply to "
            "folds. d_z is the mean difference in standard deviations of the differences.",
            seed_lines(table),
        ),
        Evidence(
            "Over test examples",
            "The same runs, paired by test example after averaging over seeds: bootstrap interval and permutation "
            "test. They apply to the same models on other test examples; the verdict applies to other seeds. "
            f"Intervals are not simultaneous; p is also adjusted for the rows by Holm's method.{again}",
            *example_lines(table),
        ),
        Evidence(
            "Best by validation",
            "Published few-shot results are often means of the best samples only. Do not compare them with means of "
            "all samples.",
            best_lines(table),
        ),
    ]
    return [each for each in found if len(each.lines) > 1 or each.note]


def seed_lines(table: ComparisonTable) -> Lines:
    """Every row against the baseline: both tests over the pairs, and the effect size."""
    baseline = next(row for row in table.rows if row.objective == table.baseline)
    header = [f"Δ {table.baseline} [95 % CI]", "p", "unadjusted p", "p (signs)", "d_z"]
    lines = [["objective", *header, table.units]]
    folds = table.benchmark.unit == "fold"  # their signs are not independent
    for row in table.rows:
        if row.difference is not None:
            flips = [one - other for one, other in pairs_of(row.paired, baseline.paired)]
            lines.append(
                [
                    row.objective,
                    difference_text(row.difference),
                    p_text(row.corrected) + mark(row.corrected),
                    p_text(row.difference.p),
                    p_text(sign_flip_test(flips) if row.difference.p is not None and not folds else None),
                    number_text(row.effect),
                    str(row.difference.n),
                ]
            )
    return lines


def crossed_lines(table: ComparisonTable) -> Lines:
    """Every row with its interval over seeds, and over seeds and test examples."""
    lines = [["objective", f"Δ {table.baseline}", "95 % CI over seeds", "over seeds and examples", "examples"]]
    for row in table.rows:
        if row.crossed is not None and row.difference is not None:
            ends = [(row.difference.low, row.difference.high), row.crossed]
            intervals = [f"[{signed(low)}, {signed(high)}]" for low, high in ends]
            examples = {run.split(table.benchmark.eval_split).get("examples", "") for run in row.runs.values()}
            lines.append([row.objective, signed(row.difference.mean), *intervals, ", ".join(map(str, examples))])
    return lines


def example_lines(table: ComparisonTable) -> tuple[Lines, str]:
    """Every row against the baseline over test examples; and a note on rows with predictions that are left out.

    The score of each example (accuracy: whether it is right; in question answering its F1) is averaged over the seeds
    that both have, so all of them need the same test split. A measure that is not a mean over examples is computed
    again for every run, see :func:`cmploss.experiment.statistics.paired_measure`.
    """
    if table.benchmark.unit != "seed":
        return [], ""
    baseline = next(row.runs for row in table.rows if row.objective == table.baseline)
    found, left_out = {}, []
    for row in table.rows:
        if row.objective == table.baseline:
            continue
        seeds = [seed for seed in row.runs if seed in baseline]
        used = [of[seed] for of in (row.runs, baseline) for seed in seeds]
        obstacle = _obstacle(used, table)
        if obstacle is None:
            found[row.objective] = _over_examples(used, table), len(seeds)
        elif obstacle:
            left_out.append(f"{row.objective} ({obstacle})")
    note = f"Left out: {', '.join(left_out)}." if left_out else ""
    lines = [["objective", f"Δ {table.baseline} [95 % CI]", "p", "p (Holm)", "examples", "seeds"]]
    adjusted = holm([difference.p for difference, _ in found.values()])
    for (objective, (difference, count)), p in zip(found.items(), adjusted, strict=True):
        tests = [p_text(difference.p), p_text(p) + mark(p)]
        lines.append([objective, difference_text(difference), *tests, str(difference.n), str(count)])
    return lines if found else [], note


def other_measures(table: ComparisonTable) -> dict[str, list[str]]:
    """Measure → mean ± sd (runs) of each row, for every other measure of the evaluation split."""
    of = table.benchmark
    scores = [[run.measures(of.eval_split) for run in row.runs.values()] for row in table.rows]
    names = dict.fromkeys(name for row in scores for found in row for name in found if name != of.measure)
    return {
        name: [mean_text(*mean_sd_n([found[name] for found in row if name in found])) for row in scores]
        for name in names
    }


def label_errors(table: ComparisonTable) -> dict[str, list[str]]:
    """MAE and RMSE of each row in the unit of the labels, mean ± sd (runs); {} if the labels are not numbers.

    They are not tested; lower is better.
    """
    split = table.benchmark.eval_split or ""
    found: dict[str, list[str]] = {"MAE": [], "RMSE": []}
    for row in table.rows:
        gaps = []
        for run in row.runs.values():
            of = run.predictions.get(split, {})
            if run.data.get("label_names") or not all(isinstance(label, float) for label in of.get("labels", [""])):
                return {}
            gaps.append(np.asarray(of["predictions"], dtype=float) - np.asarray(of["labels"], dtype=float))
        found["MAE"].append(_unit_text([float(np.abs(gap).mean()) for gap in gaps]))
        found["RMSE"].append(_unit_text([float(np.sqrt((gap**2).mean())) for gap in gaps]))
    return found


def _unit_text(values: Sequence[float]) -> str:
    """A mean that is not in percent, with three significant digits."""
    mean, sd, n = mean_sd_n(values)
    if math.isnan(mean):
        return f"{ABSENT} ({n})"
    return f"{mean:.3g} ({n})" if n == 1 else f"{mean:.3g} ± {sd:.2g} ({n})"


def best_lines(table: ComparisonTable, *, keep: int = KEEP) -> Lines:
    """The mean of the best ``keep`` runs by the selection split, and of all runs, for rows with more; [] without any.

    Published few-shot numbers are often of this kind: the best 3 of 10 training samples. They cannot be compared with a
    mean over all samples. Of equal runs the first seeds are kept; an undefined score is the lowest.

    References: Gunel et al. 2021 (arXiv 2011.01403), section 4.
    """
    split, measure = table.benchmark.selection_split, table.benchmark.measure
    runs = {row.objective: list(row.runs.values()) for row in table.rows if len(row.runs) > keep}
    known = all(measure in run.measures(split) for of in runs.values() for run in of)
    if split in (None, table.benchmark.eval_split) or not runs or not known:
        return []
    lines = [["objective", f"best {keep} by {split}", "all"]]
    for objective, of in runs.items():
        ranks = np.argsort([-run.score(split, measure) for run in of], kind="stable")  # nan comes last
        scores = [of[place].primary for place in ranks]
        lines.append([objective, *(mean_text(*mean_sd_n(some)) for some in (scores[:keep], scores))])
    return lines


def _is_mean_of_examples(runs: Sequence[RunRecord], table: ComparisonTable) -> bool:
    """Whether the measure is the mean of a score of each example, by the predictions in the records."""
    split, measure = table.benchmark.eval_split, table.benchmark.measure
    return all(example_scores(run, measure) is not None for run in runs if split in run.predictions)


def _obstacle(used: Sequence[RunRecord], table: ComparisonTable) -> str | None:
    """Why runs cannot be compared over examples; "" if they have no predictions, None if they can be compared."""
    split, measure = str(table.benchmark.eval_split), table.benchmark.measure
    if not used or any(split not in run.predictions for run in used):
        return ""
    if len({run.split(split).get("sha256") for run in used}) > 1:
        return "each seed has other test examples"
    if _is_mean_of_examples(used, table):
        return None
    numbers = all(isinstance(label, int | float) for label in used[0].predictions[split].get("labels", [""]))
    predicted = all("predictions" in run.predictions[split] for run in used)
    if measure not in MEASURES or not (numbers and predicted):
        return f"{measure} cannot be computed from the predictions"
    return f"{measure} is undefined for a run" if any(math.isnan(run.primary) for run in used) else None


def _over_examples(used: Sequence[RunRecord], table: ComparisonTable) -> PairedDifference:
    split, measure, seeds = str(table.benchmark.eval_split), table.benchmark.measure, len(used) // 2
    scores = [example_scores(run, measure) for run in used]
    if all(scores):
        values = np.array([list(of.values()) for of in scores if of])
        return paired_over_examples(values[:seeds], values[seeds:])
    labels = np.array(used[0].predictions[split]["labels"])
    guesses = np.array([run.predictions[split]["predictions"] for run in used])
    return paired_measure(guesses[:seeds], guesses[seeds:], labels, MEASURES[measure], resamples=RESAMPLES)

"""Questions 3 and 4 of docs/protocol.md: readers of several passages, and query reformulators."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev

from evidence_records import PASSAGES, WITHOUT_MODEL, records_of, runs_of
from evidence_tables import BASELINE, NOT_COMPLETE, answer, is_shown, paired_with_zero, points, starred

from cmploss.experiment import RunRecord
from cmploss.experiment.record import CONTEXT_SIZE
from cmploss.experiment.statistics.family import Family, FamilyDifference, compare_with_baseline
from cmploss.recipes.recipe import find_recipe
from cmploss.reports import comparison_table
from cmploss.reports.formatting import difference_text, markdown_grid, mean_text, p_text, signed

SEVERAL_PASSAGES = {"squad-paragraphs": "SQuAD", "hotpotqa": "HotpotQA"}
"""Studies of readers that are scored with several numbers of passages."""
FEEDBACK = {"scifact": "SciFact", "dl19": "TREC DL 2019"}
"""Studies of reformulators."""
LOL, WITHOUT_COMPARISON = "lol", "lol(feedback_weight=0)"
NAMES = {"several": WITHOUT_COMPARISON}
"""Names of rows that were folders, and are written as objectives."""


def distraction() -> str:
    """What every row loses from the fewest to the most passages, against ``supervised``."""
    if not is_shown(SEVERAL_PASSAGES):
        return NOT_COMPLETE
    lines = [["data set", "objective", "F1 by passages", "change", "Δ supervised [95 %]", "p", "detectable", "answer"]]
    for study, data in SEVERAL_PASSAGES.items():
        sizes = [int(size) for size in find_recipe(f"evidence/{study}").options["context_size"].split(",")]
        runs = {row.objective: row.runs for row in comparison_table(runs_of(study)).rows}
        family = changes(runs, sizes)
        for row, of in runs.items():
            means = [fmean(f1(run, size) for run in of.values()) for size in sizes]
            by_size = ", ".join(f"{size}: {mean:.1f}" for size, mean in zip(sizes, means, strict=True))
            cells = [data, row, by_size, signed(means[-1] - means[0])]
            found = family.difference(row)
            tested = ["–"] * 4
            if found is not None:
                tested = [difference_text(found), p_text(found.adjusted), points(family.detectable), answer(found)]
            lines.append([*cells, *tested])
    return markdown_grid(lines)


def changes(runs: Mapping[str, Mapping[int, RunRecord]], sizes: Sequence[int]) -> Family:
    """Tests of the changes of F1 from the fewest to the most passages, paired by seed."""
    fewest, most = sizes[0], sizes[-1]
    found = {row: {seed: f1(run, most) - f1(run, fewest) for seed, run in of.items()} for row, of in runs.items()}
    return compare_with_baseline(found, BASELINE)


def f1(run: RunRecord, size: int) -> float:
    """F1 of a run with a number of passages for each question."""
    return run.score(run.benchmark.eval_split, "f1", {CONTEXT_SIZE: size})


def feedback() -> str:
    """``lol`` against training without comparison and against plain training, with all passages."""
    if not is_shown(FEEDBACK):
        return NOT_COMPLETE
    header = ["data set", "compared with", "its nDCG@10", "`lol`", "gain [95 % CI]", "p", "× queries", "detectable"]
    lines = [[*header, "answer"]]
    for study, data in FEEDBACK.items():
        table = comparison_table(paired_by_seed(study), baseline=LOL, order=[WITHOUT_COMPARISON, BASELINE, LOL])
        *others, lol = table.rows
        for row in others:
            gain = negated(table.family.comparisons[row.objective])
            crossed = None if row.crossed is None else (-row.crossed[1], -row.crossed[0])
            ends = "–" if crossed is None else f"[{signed(crossed[0])}, {signed(crossed[1])}]"
            means = [points(row.mean), points(lol.mean)]
            tests = [starred(gain, crossed), p_text(gain.adjusted), ends, points(table.family.detectable), answer(gain)]
            lines.append([data, f"`{row.objective}`", *means, *tests])
    return markdown_grid(lines)


def feedback_by_passages() -> str:
    """nDCG@10 by the number of feedback passages, and what all of them change."""
    if not is_shown(FEEDBACK):
        return NOT_COMPLETE
    sizes = [0, 1, 2, 3]
    header = ["data set", "objective", *map(str, sizes), "change 0 → 3 [95 % CI]", "0 passages: Δ `lol` [95 % CI]"]
    lines = [header]
    for study, data in FEEDBACK.items():
        found = by_passages(study)
        changed = {row: {seed: of[sizes[-1]][seed] - none for seed, none in of[0].items()} for row, of in found.items()}
        change = paired_with_zero(changed)
        without = compare_with_baseline({row: of[0] for row, of in found.items()}, LOL)
        for row in (BASELINE, WITHOUT_COMPARISON, LOL):
            scores = [list(found[row][size].values()) for size in sizes]
            means = [mean_text(fmean(of), stdev(of), len(of)) for of in scores]
            tests = [starred(change.comparisons[row]), starred(without.difference(row))]
            lines.append([data, f"`{row}`", *means, *tests])
    return markdown_grid(lines)


def by_passages(study: str) -> dict[str, dict[int, dict[int, float]]]:
    """Objective → number of passages → seed → primary measure on the test split."""
    found: dict[str, dict[int, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for run in records_of(study):
        if run.name == WITHOUT_MODEL:
            continue
        row = found[NAMES.get(run.name, run.name)]
        if PASSAGES in run.condition.others:
            row[run.condition.others[PASSAGES]][run.seed] = run.primary
        for each in run.scores:
            if PASSAGES in each.at and each.measure == run.benchmark.measure:
                row[each.at[PASSAGES]][run.seed] = each.value
    return found


def negated(found: FamilyDifference) -> FamilyDifference:
    """The difference the other way round."""
    ends = {"low": -found.high, "high": -found.low}
    margins = {"equivalence_low": -found.equivalence_high, "equivalence_high": -found.equivalence_low}
    return replace(found, mean=-found.mean, **ends, **margins)


def paired_by_seed(study: str) -> list[RunRecord]:
    """The reformulators of a study, paired by seed, with objectives for names."""
    return [
        replace(
            run,
            objective=run.objective | {"name": NAMES.get(run.name, run.name)},
            benchmark=replace(run.benchmark, unit="seed"),
        )
        for run in runs_of(study)
    ]

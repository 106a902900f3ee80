"""The comparison table: objectives over seeds, and how it is shown."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table
from rich.text import Text

from cmploss.errors import UserError
from cmploss.experiment import Benchmark, RunRecord
from cmploss.experiment.grouping import Comparison, check_comparable
from cmploss.experiment.statistics import EffectSize, PairedDifference, effect_size, holm, mean_sd, paired_difference
from cmploss.reports.formatting import MARKS, cost_text, difference_text, escape, mark, mean_text, p_text
from cmploss.reports.objective_order import objectives_of


@dataclass(frozen=True)
class Row:
    """One objective.

    Args:
        objective: its name.
        mean: mean score over its runs in percent, nan without a run.
        sd: sample standard deviation in points, nan below two runs.
        n: number of runs; a missing run shows as a smaller n.
        difference: to the baseline, over the seeds that both have; None for the baseline itself and
            where no seed is shared.
        seconds: median seconds per run, nan if unknown; other work on the machine makes some runs slow.
        passes: median passes over the model per step, nan if unknown.
        scores: seed -> score in percent, by seed.
        corrected: p of the difference, corrected (Holm) for all differences of the table; None without a test.
        effect: size of the difference beside its scatter, over the same seeds.
    """

    objective: str
    mean: float
    sd: float
    n: int
    difference: PairedDifference | None
    seconds: float
    passes: float
    scores: Mapping[int, float]
    corrected: float | None = None
    effect: EffectSize | None = None


@dataclass(frozen=True)
class ComparisonTable:
    """Rows of one task, measure and size that can be compared.

    Args:
        benchmark: what the runs share: task, measure, splits, and the unit of pairing.
        baseline: objective that the differences refer to.
        rows: one per objective.
        seeds: every seed that some objective has, ascending.
        checkpoints_selected: whether a run kept its best checkpoint by its scores on the validation part.
    """

    benchmark: Benchmark
    baseline: str
    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    checkpoints_selected: bool = False


def comparison_table(
    records: Sequence[RunRecord], *, baseline: str | None = None, order: Iterable[str] = ()
) -> ComparisonTable:
    """Compare the objectives of some runs, paired by seed.

    Args:
        records: the runs, in any order.
        baseline: objective to compare with; by default ``supervised``, or the first row without it.
        order: objectives in the order of the rows; one without a run gets a row with n = 0. Those that are
            not named follow in the order of their first record.

    Raises:
        UserError: no records, two runs of one objective and seed, an unknown baseline, a record without its
            score, or runs that differ in benchmark or condition or, at one seed, in their steps or the examples that
            they are scored on.

    >>> def run(name, seed, score):
    ...     benchmark, scores = Benchmark("tickets", "accuracy", "test"), [Score("test", "accuracy", score)]
    ...     return RunRecord(benchmark, Condition(), {"name": name}, seed, scores=scores, cost={"seconds": 9.0})
    >>> from cmploss.experiment import Condition, Score
    >>> runs = [run("supervised", 0, 80.0), run("supervised", 1, 82.0), run("comparative", 0, 83.0)]
    >>> print(markdown_table(comparison_table(runs)), end="")
    | objective | accuracy | Δ supervised [95 % CI] | p | s/run |
    |:--|:--|:--|:--|:--|
    | supervised | 81.0 ± 1.4 (2) | – | – | 9 |
    | comparative | 83.0 (1) | +3.0 | – | 9 |
    """
    benchmark = check_comparable(records)
    runs: dict[str, dict[int, RunRecord]] = {objective: {} for objective in order}
    for record in records:
        seeds = runs.setdefault(record.name, {})
        if record.seed in seeds:
            raise UserError(
                f"{record.name}: two records of seed {record.seed}; compare runs that differ in "
                "objective and seed alone, and remove copies"
            )
        seeds[record.seed] = record
    if baseline is None:
        baseline = "supervised" if "supervised" in runs else next(iter(runs))
    if baseline not in runs:
        raise UserError(f"baseline {baseline!r} has no record; choose one of {', '.join(runs)}")
    scores = {objective: {seed: _score(of[seed]) for seed in sorted(of)} for objective, of in runs.items()}
    others = {objective: of for objective, of in scores.items() if objective != baseline}
    differences = {objective: difference_of(of, scores[baseline]) for objective, of in others.items()}
    corrected = dict(zip(differences, corrected_p(differences.values()), strict=True))
    return ComparisonTable(
        benchmark=benchmark,
        baseline=baseline,
        rows=tuple(
            Row(
                objective,
                *mean_sd(list(of.values())),
                n=len(of),
                difference=differences.get(objective),
                seconds=median_cost(runs[objective].values(), "seconds"),
                passes=median_cost(runs[objective].values(), "passes_per_step"),
                scores=of,
                corrected=corrected.get(objective),
                effect=_effect(of, scores[baseline]) if differences.get(objective) else None,
            )
            for objective, of in scores.items()
        ),
        checkpoints_selected=any(_selects_checkpoints(record) for record in records),
        seeds=tuple(sorted({seed for of in scores.values() for seed in of})),
    )


def tables_of(
    groups: Iterable[Comparison], *, baseline: str | None = None, order: Iterable[str] = ()
) -> dict[str, ComparisonTable]:
    """The comparison of every group, by its name.

    Args:
        groups: what is compared.
        baseline: objective to compare with, in every group.
        order: objectives in the order of the rows; by default the baselines come first.

    Raises:
        UserError: the runs of a group cannot be compared.
    """
    order, found = tuple(order), {}
    for group in groups:
        rows = order or objectives_of(group.records)
        try:
            found[group.name] = comparison_table(group.records, baseline=baseline, order=rows)
        except UserError as error:
            raise UserError(f"{group.name}: {error}" if group.name else str(error)) from error
    return found


def difference_of(scores: Mapping[int, float], baseline: Mapping[int, float]) -> PairedDifference | None:
    """The paired difference over the seeds that both have, None if there is none.

    >>> difference_of({0: 82.0, 1: 84.0}, {1: 83.0, 2: 99.0}).mean
    1.0
    """
    ours, theirs = _paired_scores(scores, baseline)
    return paired_difference(ours, theirs) if ours else None


def corrected_p(differences: Iterable[PairedDifference | None]) -> list[float | None]:
    """The p-values of some differences, corrected (Holm) for all of them; None where there is no test."""
    return holm([difference.p if difference else None for difference in differences])


def median_cost(runs: Iterable[RunRecord], name: str) -> float:
    """Median of one cost over runs, nan if a run does not have it."""
    costs = [run.cost.get(name, math.nan) for run in runs]
    return math.nan if not costs or any(map(math.isnan, costs)) else median(costs)


def markdown_table(table: ComparisonTable) -> str:
    """The table in Markdown, with a footnote where a test is shown."""
    text = markdown_grid(_grid(table, escape))
    return f"{text}\n{escape(footnote(table))}\n" if footnote(table) else text


def footnote(table: ComparisonTable) -> str:
    """What the p-values and their marks are, or nothing where the table shows none."""
    tests = sum(row.corrected is not None for row in table.rows)
    if not tests:
        return ""
    holds = f", corrected for the {tests} comparisons (Holm); the intervals are not" if tests > 1 else ""
    marks = ", ".join(f"{sign} p < {level:g}".replace("0.", ".") for level, sign in MARKS.items())
    return f"p: paired t test over seeds{holds}; {marks}."


def rich_table(table: ComparisonTable) -> Table:
    """The table for a terminal."""
    header, *rows = _grid(table, str)
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for place, name in enumerate(header):  # Text, because rich reads markup in a string
        shown.add_column(Text(name), overflow="fold", no_wrap=place > 0)
    for cells in rows:
        shown.add_row(*map(Text, cells))
    return shown


def pairs_text(row: Row) -> str:
    """What is written behind a difference over fewer pairs than the row has runs, else nothing.

    >>> pairs_text(Row("scl", 81.0, 1.41, 5, PairedDifference(1.2, -0.3, 2.7, None, 4), 9.0, 1.0, {}))
    ' (4 pairs)'
    """
    if row.difference is None or row.difference.n == row.n:
        return ""
    return f" ({row.difference.n} pair{'s' * (row.difference.n > 1)})"


def markdown_grid(lines: Sequence[Sequence[str]]) -> str:
    """Lines of escaped cells as a Markdown table; the first line is the header.

    >>> print(markdown_grid([["part", "examples"], ["test", "500"]]), end="")
    | part | examples |
    |:--|:--|
    | test | 500 |
    """
    header, *rows = (f"| {' | '.join(cells)} |\n" for cells in lines)
    return "".join([header, "|" + ":--|" * len(lines[0]) + "\n", *rows])


def _grid(table: ComparisonTable, name: Callable[[str], str]) -> list[list[str]]:
    """Header and cells; `name` escapes what the user named for the format at hand."""
    header = ["objective", name(table.benchmark.measure), f"Δ {name(table.baseline)} [95 % CI]", "p", "s/run"]
    return [header] + [
        [
            name(row.objective),
            mean_text(row.mean, row.sd, row.n),
            difference_text(row.difference) + pairs_text(row),
            p_text(row.corrected) + name(mark(row.corrected)),
            cost_text(row.seconds),
        ]
        for row in table.rows
    ]


def _paired_scores(scores: Mapping[int, float], baseline: Mapping[int, float]) -> tuple[list[float], list[float]]:
    seeds = sorted(scores.keys() & baseline.keys())
    return [scores[seed] for seed in seeds], [baseline[seed] for seed in seeds]


def _effect(scores: Mapping[int, float], baseline: Mapping[int, float]) -> EffectSize:
    return effect_size(*_paired_scores(scores, baseline))


def _selects_checkpoints(record: RunRecord) -> bool:
    return bool(record.settings.get("training", {}).get("load_best_model_at_end"))


def _score(record: RunRecord) -> float:
    benchmark = record.benchmark
    if benchmark.measure not in record.measures(benchmark.eval_split):
        raise UserError(
            f"{record.name}, seed {record.seed}: no score {benchmark.measure!r} on split {benchmark.eval_split!r}; "
            "run it again"
        )
    return record.primary

"""The comparison table: objectives over seeds, and their paired differences."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from cmploss.errors import UserError
from cmploss.experiment import Benchmark, RunRecord
from cmploss.experiment.convergence import convergence_marks
from cmploss.experiment.grouping import Comparison, check_comparable, resolution_of, test_to_train
from cmploss.experiment.selection import selected_things
from cmploss.experiment.spec import KINDS, ObjectiveSpec
from cmploss.experiment.statistics import cohens_d, mean_sd, pairs_of
from cmploss.experiment.statistics.family import NO_FAMILY, Family, FamilyDifference, compare_with_baseline
from cmploss.reports.example_scores import crossed_intervals, mean_values

MARGIN = 1.0
"""Points within which two rows count as the same."""
UNITS = {"seed": "seeds", "fold": "folds", "query": "queries", "example": "examples", "data set": "data sets"}


@dataclass(frozen=True)
class Row:
    """One objective.

    Args:
        objective: Name.
        mean: Mean score over the runs in percent; nan without a run.
        sd: Sample standard deviation in points; nan below two runs.
        n: Number of runs.
        difference: Difference from the baseline; None for the baseline, and without a shared seed.
        seconds: Median seconds per run; nan if unknown. A median, because other work on the machine slows some runs.
        passes: Median passes over the model per step; nan if unknown.
        scores: Seed → score in percent, by seed.
        effect: Standardised effect size (Cohen's d_z) of the same pairs; None without a difference.
        is_baseline: Whether the objective is a baseline of this package.
        kind: The objective without its settings; "" without a run.
        values: Query, example or data set → score, averaged over seeds, if these are paired; None if runs are paired.
        runs: Seed → record, by seed.
        crossed: Interval of the difference over seeds and test examples; None without scores of the same examples.
    """

    objective: str
    mean: float
    sd: float
    n: int
    difference: FamilyDifference | None
    seconds: float
    passes: float
    scores: Mapping[int, float]
    effect: float | None = None
    is_baseline: bool = False
    kind: str = ""
    values: Mapping[Any, float] | None = None
    runs: Mapping[int, RunRecord] = field(default_factory=dict, repr=False)
    crossed: tuple[float, float] | None = None

    @property
    def corrected(self) -> float | None:
        """p of the difference, adjusted for all differences of the table; None without a test."""
        return None if self.difference is None else self.difference.adjusted

    @cached_property
    def not_converged(self) -> tuple[str, ...]:
        """Why the runs do not count as converged, see :func:`cmploss.experiment.convergence.convergence_marks`."""
        return convergence_marks(list(self.runs.values()))

    @property
    def paired(self) -> Mapping[Any, float]:
        """The scores of the pairs: by seed, query or example."""
        return self.scores if self.values is None else self.values


@dataclass(frozen=True)
class ComparisonTable:
    """Rows of one task, measure and size that can be compared.

    Args:
        benchmark: Task, measure, splits and unit of pairing, which the runs share.
        baseline: Objective that the differences refer to.
        rows: One per objective.
        selected: What was chosen by scores on the selection split.
        looks: How often the table was made before the last seeds were added.
        family: The comparisons with the baseline.
        margin: Points within which a row counts as equivalent to the baseline.
        references: Rows of simple models trained on the same samples; they are not tested.
    """

    benchmark: Benchmark
    baseline: str
    rows: tuple[Row, ...]
    selected: tuple[str, ...] = ()
    looks: int = 0
    family: Family = NO_FAMILY
    margin: float = MARGIN
    references: tuple[Row, ...] = ()

    @property
    def units(self) -> str:
        """What is paired, in the plural."""
        return UNITS[self.benchmark.unit]

    @property
    def about_difference(self) -> str:
        """How the differences from the baseline are computed."""
        fitted = f"difference by least squares over all {self.units}, because rows lack some"
        return fitted if self.family.by_least_squares else f"mean difference over the shared {self.units}"

    @property
    def block(self) -> str:
        """What the runs of a row differ in."""
        return "fold" if self.benchmark.unit == "fold" else "seed"


def comparison_table(
    records: Sequence[RunRecord],
    *,
    baseline: str | None = None,
    order: Iterable[str] = (),
    margin: float = MARGIN,
    references: Iterable[RunRecord] = (),
    looks: int = 0,
) -> ComparisonTable:
    """Compare the objectives of some runs, paired by the unit of their benchmark.

    With the unit ``seed`` or ``fold``, runs of one seed or fold are a pair; tests over folds are corrected for the
    overlap of their training splits (see :func:`cmploss.experiment.statistics.max_t.fit_blocks`). With ``query`` or
    ``example``, the primary measure of every query is a pair: each record has its values in
    ``predictions[eval_split]``, under the name of the measure and in percent, and the names of the queries under
    ``ids``. They are averaged over the runs of an objective first, so it may have another number of seeds than the
    baseline; means and standard deviations stay those of runs.

    Args:
        records: The runs, in any order.
        baseline: Objective to compare with; by default ``supervised``, else the first row.
        order: Objectives in the order of the rows; one without a run gets a row with n = 0. All others follow in the
            order of their first record.
        margin: Points within which a row counts as equivalent to the baseline.
        references: Records of simple models that were trained on the same samples.
        looks: How often the table was made with fewer seeds, see :func:`cmploss.experiment.looks.earlier_looks`.

    Raises:
        UserError: No records, two runs of one objective and seed, an unknown baseline, a record without its score, or
            runs that differ in benchmark or condition or, at one seed, in steps or evaluation examples.

    >>> def run(name, seed, score):
    ...     benchmark, scores = Benchmark("tickets", "accuracy", "test"), [Score("test", "accuracy", score)]
    ...     objective = {"name": name, "kind": name, "settings": {}}
    ...     return RunRecord(benchmark, Condition(), objective, seed, scores=scores, cost={"seconds": 9.0})
    >>> from cmploss.experiment import Condition, Score
    >>> runs = [run("supervised", 0, 80.0), run("supervised", 1, 82.0), run("comparative", 0, 83.0)]
    >>> from cmploss.reports import markdown_table
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
        finished = [objective for objective, of in runs.items() if of]
        baseline = "supervised" if "supervised" in finished else finished[0]
    if baseline not in runs:
        raise UserError(f"baseline {baseline!r} has no record; choose one of {', '.join(runs)}")
    runs = {objective: dict(sorted(of.items())) for objective, of in runs.items()}
    scores = {objective: {seed: _score(run) for seed, run in of.items()} for objective, of in runs.items()}
    by_run = benchmark.unit in ("seed", "fold")
    values = {objective: None if by_run else mean_values(of.values()) for objective, of in runs.items()}
    paired: dict[str, Mapping[Any, float]] = {name: values[name] or of for name, of in scores.items()}
    family = compare_with_baseline(
        paired,
        baseline,
        resolution=resolution_of(records[0]) if by_run else 0.0,
        test_to_train=test_to_train(records),
    )
    crossed = crossed_intervals(runs, baseline, family, benchmark)
    return ComparisonTable(
        benchmark=benchmark,
        baseline=baseline,
        rows=tuple(
            _row(
                objective,
                of,
                difference=family.difference(objective),
                effect=_effect(paired[objective], paired[baseline]) if family.difference(objective) else None,
                values=values[objective],
                crossed=crossed.get(objective),
            )
            for objective, of in runs.items()
        ),
        selected=tuple(dict.fromkeys(thing for record in records for thing in selected_things(record))),
        looks=looks,
        family=family,
        margin=margin,
        references=_reference_rows(references, scores[baseline] if by_run else {}),
    )


def tables_of(
    groups: Iterable[Comparison],
    *,
    baseline: str | None = None,
    order: Iterable[str] = (),
    margin: float = MARGIN,
    looks: int = 0,
) -> dict[str, ComparisonTable]:
    """The comparison of every group, by its name."""
    groups, order, found = tuple(groups), tuple(order), {}
    known = {*order, *(run.name for group in groups for run in group.records)}
    for group in groups:
        rows = order or objectives_of(group.records)
        own = baseline_in(group.records, baseline) if baseline in known else baseline
        try:
            found[group.name] = comparison_table(
                group.records,
                baseline=own,
                order=rows,
                margin=margin,
                references=group.references,
                looks=looks,
            )
        except UserError as error:
            raise UserError(f"{group.name}: {error}" if group.name else str(error)) from error
    return found


def baseline_in(records: Iterable[RunRecord], baseline: str | None) -> str | None:
    """The baseline if it has a run, else None, which means the default."""
    return baseline if any(run.name == baseline for run in records) else None


def objectives_of(records: Iterable[RunRecord]) -> list[str]:
    """The names of the objectives of some runs: in the order of their kinds, then of the time of their first runs."""
    places = {kind: place for place, kind in enumerate(KINDS)}
    found: dict[str, str] = {}
    for run in sorted(records, key=lambda run: run.created):
        found.setdefault(run.name, run.objective["kind"])
    return sorted(found, key=lambda name: places.get(found[name], len(places)))


def _row(objective: str, runs: Mapping[int, RunRecord], **compared: Any) -> Row:
    scores = {seed: run.primary for seed, run in runs.items()}
    return Row(
        objective,
        *mean_sd(list(scores.values())),
        n=len(runs),
        seconds=_median_cost(runs.values(), "seconds"),
        passes=_median_cost(runs.values(), "passes_per_step"),
        scores=scores,
        is_baseline=any(ObjectiveSpec.from_dict(run.objective).is_baseline for run in runs.values()),
        kind=next((str(run.objective["kind"]) for run in runs.values()), ""),
        runs=runs,
        **compared,
    )


def _reference_rows(records: Iterable[RunRecord], baseline: Mapping[int, float]) -> tuple[Row, ...]:
    """A row for each simple model, with its difference from the baseline without a test."""
    runs: dict[str, dict[int, RunRecord]] = {}
    for record in sorted(records, key=lambda record: record.seed):
        runs.setdefault(record.name, {})[record.seed] = record
    rows = []
    for name, of in runs.items():
        gaps = [run.primary - baseline[seed] for seed, run in of.items() if seed in baseline]
        difference = FamilyDifference(mean_sd(gaps)[0], math.nan, math.nan, None, len(gaps)) if gaps else None
        rows.append(_row(name, of, difference=difference))
    return tuple(rows)


def _median_cost(runs: Iterable[RunRecord], name: str) -> float:
    """Median of one cost over the runs that have it; nan if none has."""
    costs = [run.cost.get(name, math.nan) for run in runs]
    return median([cost for cost in costs if not math.isnan(cost)] or [math.nan])


def _effect(scores: Mapping[Any, float], baseline: Mapping[Any, float]) -> float:
    pairs = pairs_of(scores, baseline)
    return cohens_d(*zip(*pairs, strict=True)) if pairs else math.nan


def _score(record: RunRecord) -> float:
    benchmark = record.benchmark
    if benchmark.measure not in record.measures(benchmark.eval_split):
        raise UserError(
            f"{record.name}, seed {record.seed}: no score {benchmark.measure!r} on split {benchmark.eval_split!r}; "
            "run it again"
        )
    return record.primary

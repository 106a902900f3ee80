"""What a comparison table shows: a verdict for every row as data, and the sentences written from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cmploss.experiment.statistics.family import ALPHA, MIN_BLOCKS, Family
from cmploss.reports.formatting import mean_text, p_words
from cmploss.reports.table import ComparisonTable, Row

Finding = Literal["better", "worse", "equivalent", "not shown", "too few", "no score"]
_CAUSES = {"no_dropout": "training without dropout", "equal_compute": "more passes"}


@dataclass(frozen=True)
class PairVerdict:
    """A row against the baseline of its table.

    Attributes:
        row: The objective.
        finding: ``better`` or ``worse`` where the adjusted p is below .05; else ``equivalent`` where the difference is
            within the margin; else ``not shown``. ``too few`` without a test, ``no score`` without a shared score.
        difference: In points.
        low: Lower end of the simultaneous 95 % interval, nan without a test.
        high: Upper end.
        p: Adjusted, None without a test.
        small: Whether the difference is within the margin, whatever the finding.
    """

    row: str
    finding: Finding
    difference: float
    low: float
    high: float
    p: float | None
    small: bool


@dataclass(frozen=True)
class Verdict:
    """What a table shows.

    Attributes:
        baseline: The row that the others are compared with.
        measure: The measure, in percent.
        pairs: The other rows, in the order of the table.
        highest: The rows with the highest mean as it is printed, () without a score; several are tied.
        highest_mean: That mean, nan without a score.
        margin: Points within which a row counts as equivalent.
        unit: What is paired, in the plural: ``seeds``.
        blocks: Their number.
        detectable: The smallest true difference in points that they show with 80 % power, nan without a test.
        blocks_for_margin: How many of them a true difference of the margin takes, None if unknown.
        unlike: Whether one row scatters more than the others, so that paired t tests with Holm's correction are used.
        causes: Other baselines whose mean is as high as that of the best row that is better: what may explain its gain.
        simple: Reference rows with their scores, whose mean no row exceeds.
        optimistic: Sentences about what was selected on the split that is reported.
    """

    baseline: str
    measure: str
    pairs: tuple[PairVerdict, ...]
    highest: tuple[str, ...]
    highest_mean: float
    margin: float
    unit: str
    blocks: int
    detectable: float
    blocks_for_margin: int | None
    unlike: bool
    causes: tuple[str, ...]
    simple: tuple[str, ...]
    optimistic: tuple[str, ...]

    def found(self, finding: Finding) -> list[PairVerdict]:
        """The rows with that finding, the largest difference first."""
        return sorted((pair for pair in self.pairs if pair.finding == finding), key=lambda pair: -pair.difference)

    @property
    def finding(self) -> Finding:
        """The finding of the whole table: better if any row is, else worse, else what holds of all rows."""
        findings = {pair.finding for pair in self.pairs}
        order: tuple[Finding, ...] = ("better", "worse", "not shown", "equivalent", "too few")
        for each in order:
            if each in findings:
                return each
        return "no score"

    @property
    def headline(self) -> str:
        """The verdict in at most eight words."""
        better = [pair.row for pair in self.found("better")]
        if len(better) == 1:
            return f"{better[0]} is better than {self.baseline}"
        if better:
            return f"{len(better)} objectives are better than {self.baseline}"
        return {
            "worse": f"No objective is better than {self.baseline}",
            "equivalent": f"The same within {_points(self.margin)}",
            "not shown": "No significant difference",
            "too few": f"Too few {self.unit} for a test",
            "no score": "Nothing to compare",
        }[self.finding]

    @property
    def sentences(self) -> list[str]:
        """The verdict in sentences: what is shown, what is not, the highest mean, and how sure it is."""
        if not self.highest:
            return ["No objective has a score, so there is nothing to compare."]
        base, margin = self.baseline, _points(self.margin)
        texts = []
        if better := self.found("better"):
            texts.append(f"Better than {base}: {self._gains(better)}.")
            if self.causes:
                texts.append(
                    f"The gain may come from {join_words(self.causes, 'or')}: that baseline's mean is as high."
                )
        if worse := self.found("worse"):
            texts.append(f"Worse than {base}: {self._gains(worse)}.")
        if equivalent := self.found("equivalent"):
            texts.append(f"The same as {base} within {margin}: {_names(equivalent)}.")
        if unclear := self.found("not shown"):
            texts.append(f"No significant difference from {base}: {_names(unclear)}.")
        if few := self.found("too few"):
            texts.append(f"Too few shared {self.unit} or no variation, so no test against {base}: {_names(few)}.")
        if missing := self.found("no score"):
            texts.append(f"No {self.unit} shared with {base}: {_names(missing)}.")
        return [*texts, self._highest(), *self.simple_models, *self._how_sure(), *self.optimistic]

    @property
    def simple_models(self) -> list[str]:
        """A sentence if no row has a higher mean than a reference row."""
        return [f"No fine-tuned row beats {join_words(self.simple, 'or')}."] if self.simple else []

    def _gains(self, pairs: Sequence[PairVerdict]) -> str:
        small = f", less than {_points(self.margin)}"
        return ", ".join(
            f"{pair.row} by {abs(pair.difference):.1f} points ({p_words(pair.p)}{small if pair.small else ''})"
            for pair in pairs
        )

    def _highest(self) -> str:
        mean = f"{self.highest_mean:.1f}"
        if len(self.highest) > 1:
            return f"Highest mean: a tie of {join_words(self.highest, 'and')} at {mean}."
        return f"Highest mean: {self.highest[0]} ({mean})."

    def _how_sure(self) -> list[str]:
        if math.isnan(self.detectable):
            return []
        texts = [f"These {_power(self.detectable, self.blocks, self.blocks_for_margin, self.margin, self.unit)}"]
        if self.unlike:
            texts.append("One row scatters more than the others, so paired t tests with Holm's correction are used.")
        return texts


def verdict_of(table: ComparisonTable) -> Verdict:
    """The verdict of a table.

    Every claim is a comparison with the baseline of the table, in one family: the whole verdict makes a false claim of
    "better" or "worse" in about 5 % of studies, and the intervals of the table agree with it.
    """
    scored = {row.objective: _printed(row.mean) for row in table.rows if not math.isnan(row.mean)}
    top = max(scored.values(), default=math.nan)
    pairs = tuple(_pair(row, table.family, table.margin) for row in table.rows if row.objective != table.baseline)
    shown = table.family.method != "none"
    return Verdict(
        baseline=table.baseline,
        measure=table.benchmark.measure,
        pairs=pairs,
        highest=tuple(name for name, mean in scored.items() if mean == top),
        highest_mean=top,
        margin=table.margin,
        unit=table.units,
        blocks=table.family.blocks,
        detectable=table.family.detectable,
        blocks_for_margin=table.family.blocks_for(table.margin) if shown else None,
        unlike=table.family.method == "Holm",
        causes=_causes(table, pairs),
        simple=tuple(
            f"{row.objective} ({mean_text(row.mean, row.sd, row.n)})"
            for row in table.references
            if row.mean >= max((row.mean for row in table.rows if not math.isnan(row.mean)), default=math.inf)
        ),
        optimistic=_optimistic(table),
    )


def in_words(table: ComparisonTable) -> str:
    """The sentences of :func:`verdict_of`.

    >>> from cmploss.experiment import Benchmark
    >>> row = Row("supervised", 81.0, 1.41, 2, None, 9.0, 1.0, {0: 80.0, 1: 82.0})
    >>> in_words(ComparisonTable(Benchmark("tickets", "accuracy", "test"), "supervised", (row,), (0, 1)))
    'supervised has accuracy 81.0 ± 1.4 (2); there is no other objective to compare it with.'
    """
    if len(table.rows) == 1 and not math.isnan(table.rows[0].mean):
        (row,) = table.rows
        score = mean_text(row.mean, row.sd, row.n)
        text = f"{row.objective} has {table.benchmark.measure} {score}; there is no other objective to compare it with."
        return " ".join([text, *verdict_of(table).simple_models])
    return " ".join(verdict_of(table).sentences)


def chip_of(verdict: Verdict) -> str:
    """The finding of a table in a word or three."""
    return {
        "better": "Better",
        "worse": "Worse",
        "equivalent": f"Same within {_points(verdict.margin)}",
        "not shown": "Not shown",
        "too few": f"Too few {verdict.unit}",
        "no score": "No comparison",
    }[verdict.finding]


def expected_power(table: ComparisonTable, seeds: int) -> str:
    """What that many seeds would show, judged by the runs in a table; "" where it has no test."""
    detectable, needed = table.family.detectable_with(seeds), table.family.blocks_for(table.margin)
    if seeds < MIN_BLOCKS or math.isnan(detectable):
        return ""
    return f"By the finished runs, {_power(detectable, seeds, needed, table.margin, table.units)}"


def over_all(tables: Mapping[str, ComparisonTable]) -> str:
    """In how many conditions an objective is better than the baseline, or worse, corrected over all conditions.

    p of a condition, adjusted within its table, is multiplied by the number of conditions with a test (Bonferroni).
    """
    tested = {name: table for name, table in tables.items() if table.family.method != "none"}
    if not tested:
        return f"No test in any of {len(tables)} conditions: it takes {MIN_BLOCKS} seeds."
    baselines = list(dict.fromkeys(table.baseline for table in tables.values()))
    base = baselines[0] if len(baselines) == 1 else f"its baseline ({join_words(baselines, 'or')})"
    better, worse = (_marked(tested, sign) for sign in (1, -1))
    count = f"{len(better)} of {len(tables)}" if better else f"none of {len(tables)}"
    names = f": {'; '.join(better)}" if better else ""
    sentences = [f"An objective is better than {base} in {count} conditions{names}."]
    if worse:
        sentences.append(f"Worse: {'; '.join(worse)}.")
    if len(tested) < len(tables):
        sentences.append(f"Without a test, which takes {MIN_BLOCKS} seeds: {len(tables) - len(tested)}.")
    sentences.append(f"Corrected over the {len(tested)} conditions with a test.")
    return " ".join(sentences)


def join_words(items: Sequence[str], word: str) -> str:
    """A list in a sentence.

    >>> join_words(["a", "b", "c"], "and")
    'a, b and c'
    """
    return f" {word} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _pair(row: Row, family: Family, margin: float) -> PairVerdict:
    found = family.comparisons.get(row.objective)
    if found is None or math.isnan(found.difference):
        return PairVerdict(row.objective, "no score", math.nan, math.nan, math.nan, None, False)
    small = found.equivalent(margin)
    finding: Finding = "not shown"
    if found.p is None:
        finding = "too few"
    elif found.significant:
        finding = "better" if found.difference > 0 else "worse"
    elif small:
        finding = "equivalent"
    return PairVerdict(row.objective, finding, found.difference, found.low, found.high, found.p, small)


def _causes(table: ComparisonTable, pairs: Sequence[PairVerdict]) -> tuple[str, ...]:
    better = {pair.row for pair in pairs if pair.finding == "better"}
    winners = [row for row in table.rows if row.objective in better and not row.is_baseline]
    if not winners:
        return ()
    best = max(row.mean for row in winners)
    others = [row for row in table.rows if row.is_baseline and row.objective != table.baseline and row.mean >= best]
    return tuple(f"{_CAUSES[row.kind]} ({row.objective})" for row in others if row.kind in _CAUSES)


def _optimistic(table: ComparisonTable) -> tuple[str, ...]:
    benchmark = table.benchmark
    if benchmark.selection_split is None or benchmark.selection_split != benchmark.eval_split:
        return ()
    if table.checkpoints_selected:
        return (f"Checkpoints were selected on the reported {benchmark.eval_split} split: all scores are optimistic.",)
    return (f"The best run was selected on the reported {benchmark.eval_split} split: its score is optimistic.",)


def _names(pairs: Sequence[PairVerdict]) -> str:
    return join_words([pair.row for pair in pairs], "and")


def _power(detectable: float, blocks: int, needed: int | None, margin: float, unit: str) -> str:
    more = f"{_points(margin)} takes " + (f"about {needed} {unit}" if needed else "more than 10,000")
    return f"{blocks} {unit} show a true difference of {detectable:.1f} points with 80 % power; {more}."


def _points(number: float) -> str:
    return f"{number:g} point" + ("" if number == 1 else "s")


def _printed(mean: float) -> float:
    return float(f"{mean:.1f}")


def _marked(tables: Mapping[str, ComparisonTable], sign: int) -> list[str]:
    found = {
        name: [
            row
            for row, pair in table.family.comparisons.items()
            if pair.p is not None and pair.p * len(tables) < ALPHA and sign * pair.difference > 0
        ]
        for name, table in tables.items()
    }
    return [f"{', '.join(rows)} ({name})" for name, rows in found.items() if rows]

"""What a comparison table shows: a finding for every row, and the sentences about it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from cmploss.experiment.statistics.family import MIN_BLOCKS, FamilyDifference
from cmploss.reports.formatting import join_words, mean_text, p_words, signed
from cmploss.reports.table import ComparisonTable, Row

Finding = Literal["better", "worse", "not shown", "equivalent", "too few", "no score"]
_CAUSES = {"no_dropout": "training without dropout", "equal_compute": "more passes"}


@dataclass(frozen=True)
class Verdict:
    """What a table shows.

    All claims are comparisons with the baseline in one family. The probability of any false "better" or "worse" is
    about 5 %, and the claims agree with the intervals of the table.
    """

    table: ComparisonTable

    @property
    def findings(self) -> dict[str, Finding]:
        """The finding of every row but the baseline.

        ``better`` or ``worse`` where the adjusted p is below .05; else ``equivalent`` where the difference is within
        the margin; else ``not shown``. ``too few`` without a test, ``no score`` without a shared score.
        """
        others = (row for row in self.table.rows if row.objective != self.table.baseline)
        return {row.objective: _finding(row.difference, self.table.margin) for row in others}

    @property
    def finding(self) -> Finding:
        """The finding of the table: the first of better, worse, not shown, equivalent, too few that a row has."""
        order: tuple[Finding, ...] = ("better", "worse", "not shown", "equivalent", "too few")
        findings = self.findings.values()
        return next((each for each in order if each in findings), "no score")

    @property
    def chip(self) -> str:
        """The finding in one to three words."""
        return {
            "better": "Better",
            "worse": "Worse",
            "equivalent": f"Same within {_points(self.table.margin)}",
            "not shown": "Not shown",
            "too few": f"Too few {self.table.units}",
            "no score": "No comparison",
        }[self.finding]

    @property
    def headline(self) -> str:
        """The verdict in at most eight words."""
        better, base = self._found("better"), self.table.baseline
        if better:
            who = f"{better[0].objective} is" if len(better) == 1 else f"{len(better)} objectives are"
            return f"{who} better than {base}"
        return {
            "worse": f"No objective is better than {base}",
            "equivalent": f"The same within {_points(self.table.margin)}",
            "not shown": "No significant difference",
            "too few": f"Too few {self.table.units} for a test",
            "no score": "Nothing to compare",
        }[self.finding]

    @property
    def plain(self) -> str:
        """The verdict in one sentence, without statistical terms."""
        base, units = self.table.baseline, self.table.units
        if len(self.table.rows) == 1:
            return in_words(self.table)
        names = join_words([row.objective for row in self._found(self.finding)], "and")
        score = "scores" if len(self._found(self.finding)) == 1 else "score"
        detectable = self.table.family.detectable
        shown = (
            ""
            if math.isnan(detectable)
            else f"; a true difference of {detectable:.1f} points would show in four of five such studies"
        )
        return {
            "better": f"{names} {score} higher than {base} by more than chance between {units} explains.",
            "worse": f"{names} {score} lower than {base}, and no objective scores higher by more than chance.",
            "equivalent": f"{names} {score} within {_points(self.table.margin)} of {base}: cost may decide.",
            "not shown": f"Chance may explain how {names} differ{score[5:]} from {base}{shown}.",
            "too few": f"The differences are not tested: a test takes {MIN_BLOCKS} shared {units} whose scores vary.",
            "no score": f"No score is shared with {base}.",
        }[self.finding]

    @property
    def caveats(self) -> list[str]:
        """Sentences that limit the headline."""
        limits = (self.small_split, self.undefined, self.not_converged, self.simple_models, self.optimistic)
        return [*self._explained, *chain.from_iterable(limits)]

    @property
    def highest(self) -> list[Row]:
        """The rows with the highest printed mean: several if tied, [] without a score."""
        printed = [float(f"{row.mean:.1f}") for row in self.table.rows]
        top = max((mean for mean in printed if not math.isnan(mean)), default=math.nan)
        return [row for row, mean in zip(self.table.rows, printed, strict=True) if mean == top]

    @property
    def causes(self) -> list[str]:
        """Other baselines with a mean as high as the best row: they may explain its gain."""
        winners = [row.mean for row in self._found("better") if not row.is_baseline]
        others = [row for row in self.table.rows if row.is_baseline and row.objective != self.table.baseline]
        return [
            f"{_CAUSES[row.kind]} ({row.objective})"
            for row in others
            if winners and row.mean >= max(winners) and row.kind in _CAUSES
        ]

    @property
    def simple_models(self) -> list[str]:
        """A sentence if no row has a higher mean than a reference row."""
        top = max((row.mean for row in self.table.rows if not math.isnan(row.mean)), default=math.inf)
        simple = [f"{row.objective} ({_mean(row)})" for row in self.table.references if row.mean >= top]
        return [f"No fine-tuned row beats {join_words(simple, 'or')}."] if simple else []

    @property
    def small_split(self) -> list[str]:
        """A sentence if the test split is too small for a claim of better or worse.

        This is so if such a row has an interval over seeds and test examples that includes 0.
        """
        rows = [
            f"{row.objective} [{signed(low)}, {signed(high)}]"
            for row in (*self._found("better"), *self._found("worse"))
            if row.crossed is not None
            for low, high in [row.crossed]
            if low <= 0 <= high
        ]
        if not rows:
            return []
        which = f"the interval of {rows[0]} includes" if len(rows) == 1 else f"{join_words(rows, 'and')} include"
        return [f"The {self.table.benchmark.eval_split} split is small: over other examples too, {which} 0."]

    @property
    def not_converged(self) -> list[str]:
        """A sentence about the rows that have not converged, baseline included."""
        rows = [f"{row.objective} ({', '.join(row.not_converged)})" for row in self.table.rows if row.not_converged]
        return [f"Not converged: {join_words(rows, 'and')}."] if rows else []

    @property
    def undefined(self) -> list[str]:
        """A sentence about the rows without a mean because a run has no defined score."""
        counts = [(row, sum(map(math.isnan, row.scores.values()))) for row in self.table.rows]
        rows = [f"{row.objective} ({count} of {len(row.scores)} {self.table.block}s)" for row, count in counts if count]
        return [f"Without a mean, because a score is undefined: {join_words(rows, 'and')}."] if rows else []

    @property
    def optimistic(self) -> list[str]:
        """Sentences if something was chosen on the split that is reported, or after a look at the table."""
        benchmark, found = self.table.benchmark, []
        if benchmark.eval_split is not None and benchmark.eval_split == benchmark.selection_split:
            chosen = join_words(list(self.table.selected), "and")
            found.append(f"Optimistic, because chosen on the reported {benchmark.eval_split} split: {chosen}.")
        if self.table.looks and self.table.family.method != "none":
            times = f"{self.table.looks} look{'s' * (self.table.looks > 1)}"
            found.append(f"Seeds were added after {times} at this table: p values are optimistic.")
        return found

    @property
    def sentences(self) -> list[str]:
        """The verdict in sentences: findings, highest mean, convergence, power and limits."""
        if not self.highest and self.finding == "no score":
            return ["No objective has a score, so there is nothing to compare.", *self.undefined]
        claims = [f"{claim}." for claim in self.claims.values()]
        return [
            *claims[:1],
            *self._explained,
            *claims[1:],
            *([self._highest()] if self.highest else []),
            *self.undefined,
            *self.not_converged,
            *self.simple_models,
            *self.how_sure,
            *self.small_split,
            *self.optimistic,
        ]

    @property
    def claims(self) -> dict[Finding, str]:
        """Each finding with its rows, as a sentence without its full stop; what is better comes first."""
        base, units = self.table.baseline, self.table.units
        starts: dict[Finding, str] = {
            "better": f"Better than {base}",
            "worse": f"Worse than {base}",
            "equivalent": f"Equivalent to {base} within {_points(self.table.margin)}",
            "not shown": f"No significant difference from {base}",
            "too few": f"Too few shared {units} or no variation, so no test against {base}",
            "no score": f"No {units} shared with {base}",
        }
        found = {finding: self._found(finding) for finding in starts}
        return {
            finding: f"{starts[finding]}: "
            + (
                self._gains(rows)
                if finding in ("better", "worse")
                else join_words([each.objective for each in rows], "and")
            )
            for finding, rows in found.items()
            if rows
        }

    @property
    def _explained(self) -> list[str]:
        cause = join_words(self.causes, "or")
        return [f"The gain may come from {cause}: that baseline's mean is as high."] if cause else []

    def _found(self, finding: Finding) -> list[Row]:
        """The rows with that finding, the largest difference first."""
        findings = self.findings
        rows = [row for row in self.table.rows if findings.get(row.objective) == finding]
        return sorted(rows, key=lambda row: -row.difference.mean if row.difference else 0.0)

    def _gains(self, rows: Sequence[Row]) -> str:
        gains = []
        for row in rows:
            assert row.difference is not None
            small = f", less than {_points(self.table.margin)}" if row.difference.equivalent(self.table.margin) else ""
            gains.append(f"{row.objective} by {abs(row.difference.mean):.1f} points ({p_words(row.corrected)}{small})")
        return ", ".join(gains)

    def _highest(self) -> str:
        names, mean = [row.objective for row in self.highest], f"{self.highest[0].mean:.1f}"
        if len(names) > 1:
            return f"Highest mean: a tie of {join_words(names, 'and')} at {mean}."
        return f"Highest mean: {names[0]} ({mean})."

    @property
    def how_sure(self) -> list[str]:
        """Sentences on which true difference these runs show, and on an unusual test."""
        family = self.table.family
        if math.isnan(family.detectable):
            return []
        texts = [f"The {_power(self.table, family.blocks)}"]
        if family.method == "Holm" and self.table.benchmark.unit != "data set":
            texts.append("One row varies more than the others, so paired t tests with Holm's correction are used.")
        return texts


def in_words(table: ComparisonTable) -> str:
    """The sentences of a :class:`Verdict`.

    >>> from cmploss.experiment import Benchmark
    >>> row = Row("supervised", 81.0, 1.41, 2, None, 9.0, 1.0, {0: 80.0, 1: 82.0})
    >>> in_words(ComparisonTable(Benchmark("tickets", "accuracy", "test"), "supervised", (row,)))
    'supervised has accuracy 81.0 ± 1.4 (2); there is no other objective to compare it with.'
    """
    verdict = Verdict(table)
    if len(table.rows) == 1 and verdict.highest:
        (row,) = table.rows
        text = f"{row.objective} has {table.benchmark.measure} {_mean(row)}"
        return " ".join(
            [f"{text}; there is no other objective to compare it with.", *verdict.not_converged, *verdict.simple_models]
        )
    return " ".join(verdict.sentences)


def expected_power(table: ComparisonTable, seeds: int) -> str:
    """The power of that many seeds, estimated from the runs of a table; "" without a test."""
    if seeds < MIN_BLOCKS or math.isnan(table.family.detectable_with(seeds)):
        return ""
    return f"By the finished runs, the {_power(table, seeds)}"


def _finding(difference: FamilyDifference | None, margin: float) -> Finding:
    if difference is None:
        return "no score"
    if difference.adjusted is None:
        return "too few"
    if difference.significant:
        return "better" if difference.mean > 0 else "worse"
    return "equivalent" if difference.equivalent(margin) else "not shown"


def _power(table: ComparisonTable, blocks: int) -> str:
    """The detectable difference with that many seeds, and the number of seeds for a difference of the margin."""
    detectable, needed = table.family.detectable_with(blocks), table.family.blocks_for(table.margin)
    more = "more examples" if table.benchmark.unit == "fold" else "more than 10,000"
    takes = f"about {needed} {table.units}" if needed else more
    return (
        f"smallest detectable difference with {blocks} {table.units} is {detectable:.1f} points (80 % power); "
        f"{_points(table.margin)} takes {takes}."
    )


def _mean(row: Row) -> str:
    return mean_text(row.mean, row.sd, row.n)


def _points(number: float) -> str:
    return f"{number:g} point" + ("" if number == 1 else "s")

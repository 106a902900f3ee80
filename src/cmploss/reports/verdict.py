"""What comparison tables mean, in one or two sentences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmploss.experiment.statistics import MIN_PAIRS, PairedDifference
from cmploss.reports.formatting import difference_text, mark, mean_text, p_words
from cmploss.reports.table import UNITS, ComparisonTable, Row, corrected_p, difference_of

_ALPHA = 0.05
_EXPLANATIONS = {"no_dropout": "training without dropout", "equal_compute": "more passes"}


def in_words(table: ComparisonTable) -> str:
    """Say what the numbers of a table mean.

    The sentence is about the best objective that is not a baseline, or about the best row if that is better
    than it or if it is better than no baseline. It is weighed against the baseline of the table, the
    strongest other row, the strongest other baseline and every baseline that it does not beat. "Better"
    takes a corrected p < .05 over at least 5 shared seeds, and so does "worse", which is said of every row that is
    worse than the baseline of the table. Against that baseline p is the table's, corrected (Holm) for its comparisons;
    against any other row p is corrected for the comparisons of the subject with all other rows. The intervals are not
    corrected.

    >>> from cmploss.experiment import Benchmark
    >>> row = Row("supervised", 81.0, 1.41, 2, None, 9.0, 1.0, {0: 80.0, 1: 82.0})
    >>> in_words(ComparisonTable(Benchmark("tickets", "accuracy", "test"), "supervised", (row,), (0, 1)))
    'supervised has accuracy 81.0 ± 1.4 (2); there is no other objective to compare it with.'
    """
    ranked = sorted((row for row in table.rows if not math.isnan(row.mean)), key=lambda row: -row.mean)
    worse = _worse(table, ranked)
    sentences = [_verdict(table, ranked, some_lose=bool(worse))]
    if worse:
        losses = [f"{row.objective} ({difference_text(row.difference)}, {p_words(row.corrected)})" for row in worse]
        sentences.append(f"Worse than {table.baseline}: {', '.join(losses)}.")
    left_out = [row.objective for row in table.rows if math.isnan(row.mean)]
    if left_out:
        sentences.append(f"Left out, because a score is missing: {', '.join(left_out)}.")
    if table.checkpoints_selected and table.benchmark.eval_split == "validation":
        sentences.append("Every run kept its best checkpoint by the part that is reported: all scores are optimistic.")
    elif table.benchmark.selection_split == table.benchmark.eval_split:
        sentences.append("The best run was selected on the same part that is reported: its score is optimistic.")
    return " ".join(sentences)


@dataclass(frozen=True)
class _Contest:
    """The subject of the sentence against one other row."""

    row: Row
    difference: PairedDifference
    p: float | None  # corrected
    unit: str

    @property
    def other(self) -> str:
        return self.row.objective

    @property
    def decided(self) -> bool:
        return self.p is not None and self.p < _ALPHA

    @property
    def won(self) -> bool:
        return self.decided and self.difference.mean > 0

    @property
    def gap(self) -> str:
        return difference_text(self.difference) if self.difference.n else f"no shared {self.unit}"

    @property
    def evidence(self) -> str:
        if 0 < self.difference.n < MIN_PAIRS:
            return f"{self.gap}, {_counted(self.difference.n, self.unit)}, too few for a test"
        return self.gap if self.p is None else f"{self.gap}, {p_words(self.p)}"


def _all_contests(table: ComparisonTable, subject: Row) -> dict[str, _Contest]:
    """The subject against every other row, by the name of the other."""
    nothing = PairedDifference(math.nan, math.nan, math.nan, None, 0)
    others = [row for row in table.rows if row is not subject]
    differences = [difference_of(subject.paired, row.paired) or nothing for row in others]
    p_values = dict(zip((row.objective for row in others), corrected_p(differences), strict=True))
    if table.baseline in p_values:  # the table shows this pair
        p_values[table.baseline] = subject.corrected
    return {
        row.objective: _Contest(row, difference, p_values[row.objective], table.benchmark.unit)
        for row, difference in zip(others, differences, strict=True)
    }


def _verdict(table: ComparisonTable, ranked: Sequence[Row], *, some_lose: bool) -> str:
    if not ranked:
        return "No objective has all its scores, so there is nothing to compare."
    subject = _subject(table, ranked)
    name = subject.objective
    if len(ranked) == 1:
        score = mean_text(subject.mean, subject.sd, subject.n)
        return f"{name} has {table.benchmark.measure} {score}; there is no other objective to compare it with."
    contests = _contests(table, ranked, subject)
    won = [contest for contest in contests if contest.won]
    drawn = [contest for contest in contests if not contest.won]
    n = max(contest.difference.n for contest in contests)
    highest = f"{name}{', a baseline,' if subject.is_baseline else ''} has the highest {table.benchmark.measure}"
    if all(contest.p is None for contest in contests):
        gaps = "; ".join(f"against {contest.other} {contest.gap}" for contest in contests)
        return f"{highest} ({gaps}), but {_no_test(n, table.benchmark.unit)}."
    if not won:
        gaps = "; ".join(f"against {contest.other} {contest.evidence}" for contest in contests)
        if any(contest.decided for contest in contests):  # runs of other seeds made the mean
            return f"{highest}, but not on the {table.units} shared with the others ({gaps})."
        nothing = "No objective is better by a difference" if some_lose else "There is no difference"
        return f"{nothing} that {_counted(n, table.benchmark.unit)} can show: {highest} ({gaps})."
    lead = f"{highest}: it" if subject.is_baseline else name
    gains = join_words([_gain(contest) for contest in won], "and")
    rest = join_words([f"{contest.other} ({contest.evidence})" for contest in drawn], "or") if drawn else ""
    if any(contest.other == table.baseline for contest in drawn):  # the question was whether it beats that one
        return f"{lead} is not shown to be better than {rest}, but is better {gains}{_explanation(subject, drawn)}."
    return f"{lead} is better {gains}" + (f", but not than {rest}{_explanation(subject, drawn)}." if drawn else ".")


def _worse(table: ComparisonTable, ranked: Sequence[Row]) -> list[Row]:
    """The rows that are worse than the baseline, but for what the verdict says itself."""
    if len(ranked) < 2:
        return []
    subject = _subject(table, ranked)
    said = {subject.objective}
    if subject.objective == table.baseline:
        said.update(contest.other for contest in _contests(table, ranked, subject))
    rows = [row for row in ranked if row.objective not in said]
    return [row for row in rows if row.difference and row.difference.mean < 0 and mark(row.corrected)]


def _subject(table: ComparisonTable, ranked: Sequence[Row]) -> Row:
    best = ranked[0]
    champion = next((row for row in ranked if not row.is_baseline), best)
    beats_a_baseline = any(each.won for each in _all_contests(table, champion).values() if each.row.is_baseline)
    beaten = champion is not best and _all_contests(table, best)[champion.objective].won
    return champion if beats_a_baseline and not beaten else best


def _contests(table: ComparisonTable, ranked: Sequence[Row], subject: Row) -> list[_Contest]:
    """The contests that the sentence names: the baseline of the table first, then by score."""
    others = [row for row in ranked if row is not subject]
    baselines = [row.objective for row in others if row.is_baseline]
    comparing = [row.objective for row in others if not row.is_baseline]
    named = {table.baseline, others[0].objective}
    named.update([name for name in baselines if name != table.baseline][:1])
    if subject.is_baseline:
        named.update(comparing[:1])
    found = _all_contests(table, subject)
    contests = [found[row.objective] for row in others]
    contests.sort(key=lambda contest: contest.other != table.baseline)
    return [
        contest for contest in contests if contest.other in named or (contest.other in baselines and not contest.won)
    ]


def _gain(contest: _Contest) -> str:
    return f"than {contest.other} by {contest.difference.mean:.1f} points ({p_words(contest.p)})"


def _explanation(subject: Row, drawn: Sequence[_Contest]) -> str:
    """Say what else may explain a gain over plain training, if a baseline gains as much."""
    others = [contest.row.kind for contest in drawn]
    causes = " or ".join(_EXPLANATIONS[other] for other in others if other in _EXPLANATIONS)
    if not causes or subject.is_baseline or "supervised" in others:
        return ""
    if "comparative" in subject.kind.split("+"):  # it has a pass without dropout and more passes itself
        return f": the gain may come from {causes}"
    return f": {causes} may gain as much"


def over_all(tables: Mapping[str, ComparisonTable]) -> str:
    """In how many comparisons an objective is better than the baseline, or worse, and how many allow no test.

    >>> from cmploss.experiment import Benchmark
    >>> over_all({"20 examples": ComparisonTable(Benchmark("tickets", "accuracy", "test"), "supervised", (), (0, 1))})
    'None of 1 comparisons can show a difference: a test takes 5 seeds.'
    """
    tested = {name: table for name, table in tables.items() if any(row.corrected is not None for row in table.rows)}
    if not tested:
        return f"None of {len(tables)} comparisons can show a difference: a test takes {MIN_PAIRS} seeds."
    baselines = list(dict.fromkeys(table.baseline for table in tables.values()))
    base = baselines[0] if len(baselines) == 1 else f"its baseline ({join_words(baselines, 'or')})"
    better, worse = (_marked(tested, sign) for sign in (1, -1))
    if better:
        start = (
            f"In {len(better)} of {len(tables)} comparisons an objective is better than {base}: {'; '.join(better)}."
        )
    else:
        start = f"In none of {len(tables)} comparisons is an objective shown to be better than {base}."
    sentences = [start]
    if worse:
        sentences.append(f"Worse: {'; '.join(worse)}.")
    if len(tested) < len(tables):
        sentences.append(f"Without a test, which takes {MIN_PAIRS} seeds: {len(tables) - len(tested)}.")
    if better or worse:
        sentences.append(f"The tests are corrected within each comparison, not over all {len(tables)}.")
    return " ".join(sentences)


def _marked(tables: Mapping[str, ComparisonTable], sign: int) -> list[str]:
    """The rows of every table whose difference has that sign and a mark of significance."""
    found = {
        name: [
            row.objective
            for row in table.rows
            if row.difference is not None and sign * row.difference.mean > 0 and mark(row.corrected)
        ]
        for name, table in tables.items()
    }
    return [f"{', '.join(objectives)} ({name})" for name, objectives in found.items() if objectives]


def _no_test(n: int, unit: str) -> str:
    if n >= MIN_PAIRS:
        return f"a difference that is the same for every {unit} leaves nothing to test"
    return f"{_counted(n, unit)} {'is' if n == 1 else 'are'} not enough for a test: it takes {MIN_PAIRS}"


def _counted(n: int, unit: str) -> str:
    return f"1 {unit}" if n == 1 else f"{n} {UNITS[unit]}"


def join_words(items: Sequence[str], word: str) -> str:
    """A list in a sentence.

    >>> join_words(["a", "b", "c"], "and")
    'a, b and c'
    """
    return f" {word} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)

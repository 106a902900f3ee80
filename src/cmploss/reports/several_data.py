"""What studies show over several data sets: mean differences from the baseline and mean ranks, and one sentence."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from cmploss.experiment.statistics.family import compare_with_baseline
from cmploss.experiment.statistics.ranks import MIN_RANKED, Ranks, rank_test
from cmploss.reports.formatting import escape, join_words, p_words
from cmploss.reports.table import ComparisonTable, Row
from cmploss.reports.table_text import markdown_table
from cmploss.reports.verdict import Verdict


@dataclass(frozen=True)
class SeveralData:
    """What studies show over several data sets.

    Attributes:
        table: The objectives over data sets, as seeds are in the table of one study: each data set is one pair and
            counts as much as any other. The difference of an objective may vary between data sets, with a variance of
            its own (random effects), and is tested by paired t tests with Holm's correction.
        ranks: The mean ranks of the objectives over the data sets that have all of them.
        notes: What was averaged and what was left out.
    """

    table: ComparisonTable
    ranks: Ranks
    notes: tuple[str, ...] = ()

    @property
    def data_sets(self) -> list[str]:
        """The data sets of the mean differences."""
        return next(list(row.paired) for row in self.table.rows if row.objective == self.table.baseline)

    @property
    def title(self) -> str:
        """Over how many data sets the differences are."""
        return f"Over {self.table.benchmark.task}"

    @property
    def sentence(self) -> str:
        """What is shown, in one sentence: every objective against the baseline, and the ranks."""
        claims = [claim[0].lower() + claim[1:] for claim in Verdict(self.table).claims.values()]
        return f"{self.title}: {'; '.join([*claims, self._ranked])}."

    @property
    def sentences(self) -> list[str]:
        """The sentence, the mean ranks, how sure the differences are, and what was left out."""
        verdict = Verdict(self.table)
        return [self.sentence, *self._mean_ranks, *verdict.how_sure, *verdict.optimistic, *self.notes]

    @property
    def methods(self) -> str:
        """A paragraph on methods to copy into a paper."""
        of, base = self.table, self.table.baseline
        texts = [
            f"We compared {join_words([row.objective for row in of.rows], 'and')} on {of.benchmark.task} "
            f"({join_words(self.data_sets, 'and')}) by {of.benchmark.measure}."
        ]
        if of.family.method != "none":
            texts.append(
                f"Differences from {base} were averaged over data sets with equal weights, and tested by two-sided t "
                "tests paired by data set with Holm's correction at a level of 5 % (random effects over data sets, "
                "with a variance of its own for each objective)."
            )
        if self.ranks.p is not None:
            texts.append(
                "Mean ranks were compared by Friedman's test with permutations, and pairs of objectives by Nemenyi's "
                "critical difference (Demšar 2006)."
            )
        return " ".join(texts)

    @property
    def _ranked(self) -> str:
        ranks = self.ranks
        if ranks.p is None:
            return f"ranks are not tested, which takes {MIN_RANKED} data sets and objectives"
        where = "" if ranks.blocks == len(self.data_sets) else f"over {ranks.blocks} data sets "
        p = f"{where}(Friedman {p_words(ranks.p)})"
        if not ranks.significant:
            return f"mean ranks do not differ significantly {p}"
        if not ranks.apart:
            return f"mean ranks differ {p}, but no two by the critical difference"
        below: dict[str, list[str]] = {}
        for better, worse in ranks.apart:
            below.setdefault(better, []).append(worse)
        pairs = [f"{better} is above {join_words(worse, 'and')}" for better, worse in below.items()]
        return f"by mean ranks {p}, {', '.join(pairs)}"

    @property
    def _mean_ranks(self) -> list[str]:
        means = ", ".join(f"{name} {mean:.2f}" for name, mean in self.ranks.means.items())
        critical = self.ranks.critical_difference
        difference = "" if math.isnan(critical) else f"; critical difference {critical:.2f}"
        return [f"Mean ranks, 1 is the highest score: {means}{difference}."] if self.ranks.blocks > 1 else []


def several_data(tables: Iterable[ComparisonTable]) -> SeveralData | None:
    """What tables of several data sets show together; None for one data set or one objective.

    A data set is known by the name of its task. Several tables of one (sizes, noises, studies) are averaged first,
    because they share their test examples. An objective takes part if more than half of the data sets have it.

    Args:
        tables: Of any studies. Tables with another baseline than most, or another measure than the first table of
            their data set, are left out.
    """
    tables = list(tables)
    base = next((name for name, _ in Counter(table.baseline for table in tables).most_common(1)), "")
    sets: dict[str, list[ComparisonTable]] = {}
    for table in tables:
        of = sets.setdefault(table.benchmark.task, [])
        if (
            table.baseline == base
            and base in _means(table)
            and all(_measure([each]) == _measure([table]) for each in of)
        ):
            of.append(table)
    sets = {name: of for name, of in sets.items() if of}
    held = Counter(name for of in sets.values() for name in dict.fromkeys(name for each in of for name in _means(each)))
    order = dict.fromkeys([base, *(row.objective for table in tables for row in table.rows)])
    names = [name for name in order if 2 * held[name] > len(sets)]
    if len(sets) < 2 or len(names) < 2:
        return None
    measure = Counter(map(_measure, sets.values())).most_common(1)[0][0]
    pooled = {name: of for name, of in sets.items() if _measure(of) == measure}
    ranked = {name: _ranked_scores(of, names) for name, of in sets.items()}
    complete = {name: scores for name, scores in ranked.items() if scores}
    counts = [f"{name} ({len(of)})" for name, of in sets.items() if len(of) > 1]
    notes = [f"Means of several comparisons: {join_words(counts, 'and')}."] if counts else []
    left_out = {
        f"Not in the mean differences, which are in points of {measure}": [name for name in sets if name not in pooled],
        "Not ranked, because an objective has no score": [name for name in sets if name not in complete],
        "Left out, because at most half of the data sets have them": [name for name in held if name not in names],
    }
    notes += [f"{what}: {join_words(some, 'and')}." for what, some in left_out.items() if some]
    if lost := len(tables) - sum(map(len, sets.values())):
        notes.append(f"Comparisons left out, because of another baseline than {base} or another measure: {lost}.")
    return SeveralData(_over(pooled, names, base), rank_test(complete), tuple(notes))


def several_markdown(found: SeveralData) -> str:
    """The verdict and the table over data sets in Markdown."""
    sections = [f"# {found.title}", escape(" ".join(found.sentences)), markdown_table(found.table)]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _measure(tables: Sequence[ComparisonTable]) -> str:
    return tables[0].benchmark.measure


def _means(table: ComparisonTable) -> dict[str, float]:
    return {row.objective: row.mean for row in table.rows if math.isfinite(row.mean)}


def _ranked_scores(tables: Sequence[ComparisonTable], names: Sequence[str]) -> dict[str, float]:
    """The mean score of each objective on a data set, over the tables that have all of them; {} without one."""
    complete = [means for table in tables if set(names) <= (means := _means(table)).keys()]
    return {name: fmean(means[name] for means in complete) for name in names} if complete else {}


def _over(sets: Mapping[str, Sequence[ComparisonTable]], names: Sequence[str], base: str) -> ComparisonTable:
    """The table over data sets; a score is the baseline's mean on a data set plus the mean difference there."""
    scores: dict[str, dict[str, float]] = {name: {} for name in names}
    rows: dict[str, list[Row]] = {name: [] for name in names}
    for data, tables in sets.items():
        level = fmean(_means(table)[base] for table in tables)
        for name in names:
            of = [row for table in tables for row in table.rows if row.objective == name]
            gaps = [row.difference.mean for row in of if row.difference and math.isfinite(row.difference.mean)]
            if gaps or name == base:
                scores[name][data] = level + (fmean(gaps) if gaps else 0.0)
                rows[name] += of
    used = [table for of in sets.values() for table in of]
    family = compare_with_baseline(scores, base, pooled=False)
    first = next((table for table in used if table.benchmark.eval_split == table.benchmark.selection_split), used[0])
    level = fmean(scores[base].values())
    return ComparisonTable(
        benchmark=replace(first.benchmark, task=f"{len(sets)} data set{'s' * (len(sets) > 1)}", unit="data set"),
        baseline=base,
        rows=tuple(
            Row(
                name,
                level + (gap.mean if (gap := family.difference(name)) else 0.0 if name == base else math.nan),
                math.nan,
                len(scores[name]),
                gap,
                seconds=_mean(row.seconds for row in rows[name]),
                passes=_mean(row.passes for row in rows[name]),
                scores={},
                is_baseline=any(row.is_baseline for row in rows[name]),
                kind=next((row.kind for row in rows[name]), ""),
                values=scores[name],
            )
            for name in names
        ),
        selected=tuple(dict.fromkeys(thing for table in used for thing in table.selected)),
        looks=max(table.looks for table in used),
        family=family,
        margin=first.margin,
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else math.nan

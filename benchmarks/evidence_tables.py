"""Tables of several studies of docs/protocol.md: scores, differences, tests over data sets, and cost."""

from collections.abc import Iterable, Mapping
from math import isnan, nan, sqrt
from statistics import median
from typing import Any

from evidence_records import is_complete, records_of, references_of

from cmploss.experiment.statistics.family import Family, FamilyDifference, compare_with_baseline
from cmploss.experiment.statistics.max_t import detectable_difference
from cmploss.recipes.recipe import find_recipe
from cmploss.reports import ComparisonTable, comparison_table
from cmploss.reports.formatting import difference_text, markdown_grid, mean_text, p_text
from cmploss.reports.table import MARGIN, Row
from cmploss.reports.table_text import DAGGER

TEXTS = {
    "sst2": "SST-2",
    "rt-polarity": "rt-polarity",
    "amazon-electronics": "amazon_electronics",
    "banking77": "banking77",
    "mrpc": "MRPC",
    "rte": "RTE",
    "stsb": "STS-B",
    "qnli": "QNLI",
    "mnli": "MNLI",
    "qqp": "QQP",
}
"""The confirmation data sets of texts: recipe and name."""
FULL = {"full-mrpc": "MRPC", "full-rte": "RTE"}
"""Studies with full training splits."""
READERS = {"squad": "SQuAD", "squad-paragraphs": "SQuAD, four paragraphs", "hotpotqa": "HotpotQA, ten paragraphs"}
"""Studies of readers."""
ANSWERS = {
    "Q1": [("comparative", "supervised"), ("comparative", "no_dropout"), ("comparative", "equal_compute")],
    "Q5": [("scl", "supervised"), ("rdrop", "supervised")],
}
"""The families of tests over data sets: objective and what it is compared with."""
CANDIDATE = "benchmarks.candidates:OneSided"
"""The candidate of our own that goes to confirmation, in studies of its own; it needs classes."""
NOT_COMPLETE = "Not all runs are there yet, so no score is shown."
BASELINE = "supervised"


def is_shown(studies: Iterable[str]) -> bool:
    """Whether all runs of these studies and of question 1 are there."""
    return is_complete({*TEXTS, *studies})


def tables(studies: Mapping[str, str]) -> dict[str, ComparisonTable]:
    """Data set → its comparison table; {} before the scores are shown."""
    if not is_shown(studies):
        return {}
    return {
        name: comparison_table(
            records_of(study),
            order=find_recipe(f"evidence/{study}").options["objectives"],
            references=references_of(study),
        )
        for study, name in studies.items()
    }


def scores(studies: Mapping[str, str]) -> str:
    """Test scores of all objectives and reference rows on all data sets."""
    of = tables(studies)
    if not of:
        return NOT_COMPLETE
    names = list(dict.fromkeys(row.objective for table in of.values() for row in (*table.references, *table.rows)))
    lines = [["data set", "measure", *names]]
    for data, table in of.items():
        rows = {row.objective: score_text(row) for row in (*table.references, *table.rows)}
        lines.append([data, table.benchmark.measure, *(rows.get(name, "–") for name in names)])
    return markdown_grid(lines)


def score_text(row: Row) -> str:
    """Mean, standard deviation and number of runs, and a dagger if they do not count as converged."""
    return mean_text(row.mean, row.sd, row.n) + (f" {DAGGER}" if row.runs and row.not_converged else "")


def verdicts(studies: Mapping[str, str]) -> str:
    """Every objective against ``supervised`` on every data set, as the verdict of one study has it."""
    of = tables(studies)
    if not of:
        return NOT_COMPLETE
    names = list(dict.fromkeys(row.objective for table in of.values() for row in table.rows))
    names.remove(BASELINE)
    lines = [["data set", *names, "detectable"]]
    for data, table in of.items():
        gaps = {row.objective: starred(row.difference, row.crossed) for row in table.rows}
        lines.append([data, *(gaps.get(name, "–") for name in names), points(table.family.detectable)])
    return markdown_grid(lines)


def answers() -> str:
    """The tests over data sets of texts and what they answer."""
    of = tables(TEXTS)
    if not of:
        return NOT_COMPLETE
    return families(
        {
            question: {f"{one} − {other}": gaps_of(of, one, other) for one, other in pairs}
            for question, pairs in ANSWERS.items()
        }
    )


def confirmed_candidate() -> str:
    """Our candidate against ``comparative``, ``supervised`` and ``equal_compute`` over data sets of classes."""
    studies = {study: name for study, name in TEXTS.items() if study != "stsb"}
    if not is_shown(map(_with_candidate, studies)):
        return NOT_COMPLETE
    of = {
        name: comparison_table([*records_of(study), *records_of(_with_candidate(study))])
        for study, name in studies.items()
    }
    others = ("comparative", BASELINE, "equal_compute")
    return families({"candidate": {f"OneSided − {other}": gaps_of(of, CANDIDATE, other) for other in others}})


def _with_candidate(study: str) -> str:
    return f"{study}-candidates"


def families(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Tests over data sets, with Holm's correction within each question: question → pair → data set → difference."""
    lines = [["question", "data sets", "difference [95 % CI]", "p", "detectable", "answer"]]
    for question, gaps in found.items():
        family = paired_with_zero(gaps)
        for pair, gap in family.comparisons.items():
            lines.append([f"{question}: {pair}", *tested(gap, len(family.comparisons)), answer(gap)])
    return markdown_grid(lines)


def tested(gap: FamilyDifference, comparisons: int) -> list[str]:
    """Number of pairs, difference with its interval, p, and the smallest true difference that they would detect."""
    cells = [str(gap.n), difference_text(gap), p_text(gap.adjusted)]
    return [*cells, points(detectable(gap, comparisons))]


def detectable(gap: FamilyDifference, comparisons: int) -> float:
    """The smallest true difference that a paired t test detects with 80 % power among so many comparisons."""
    if not gap.error > 0:
        return nan
    return detectable_difference(gap.error * sqrt(gap.n / 2), gap.n, comparisons, pooled=False)


def defaults() -> str:
    """What each objective gains over data sets of texts, and what a run of it costs."""
    of = tables(TEXTS)
    if not of:
        return NOT_COMPLETE
    names = list(dict.fromkeys(row.objective for table in of.values() for row in table.rows))
    names.remove(BASELINE)
    family = paired_with_zero({name: gaps_of(of, name, BASELINE) for name in names})
    lines = [["objective", "data sets", "Δ supervised [95 % CI]", "p", "detectable", "best row", "time of a run"]]
    for name in (BASELINE, *names):
        gap = family.difference(name)
        cells = [str(len(of)), "–", "–", "–"] if gap is None else tested(gap, len(family.comparisons))
        best, ratio = best_on(of.values(), name), time_ratio(of.values(), name)
        lines.append([name, *cells, f"{best} of {cells[0]}", f"{ratio:.2f} ×"])
    return markdown_grid(lines)


def best_on(of: Iterable[ComparisonTable], name: str) -> int:
    """The number of data sets on which no row has a higher mean."""
    means = [{row.objective: row.mean for row in table.rows} for table in of]
    return sum(name in found and found[name] == max(found.values()) for found in means)


def time_ratio(of: Iterable[ComparisonTable], name: str) -> float:
    """Median over runs of the seconds of an objective by those of ``supervised`` with the same data and seed."""
    ratios = []
    for table in of:
        runs = {row.objective: row.runs for row in table.rows}
        base = runs[BASELINE]
        ratios += [run.cost["seconds"] / base[seed].cost["seconds"] for seed, run in runs.get(name, {}).items()]
    return median(ratios)


def gaps_of(of: Mapping[str, ComparisonTable], one: str, other: str) -> dict[str, float]:
    """Data set → mean difference of two rows, of data sets that have both."""
    means = {data: {row.objective: row.mean for row in table.rows} for data, table in of.items()}
    return {data: rows[one] - rows[other] for data, rows in means.items() if {one, other} <= rows.keys()}


def paired_with_zero(gaps: Mapping[Any, Mapping[Any, float]]) -> Family:
    """t tests of mean differences from 0, with Holm's correction: name → data set or seed → difference."""
    zero = {block: 0.0 for of in gaps.values() for block in of}
    return compare_with_baseline({"0": zero, **gaps}, "0", pooled=False)


def answer(found: FamilyDifference) -> str:
    """Yes, worse, no or not decided, by the rule of docs/protocol.md for the interval that the tables show."""
    if found.significant:
        return "yes" if found.mean > 0 else "no, it is worse"
    return "no" if found.low > -MARGIN and found.high < MARGIN else "not decided"


def starred(found: FamilyDifference | None, crossed: tuple[float, float] | None = None) -> str:
    """A difference with its interval; a star if it is significant, two if also its crossed interval excludes 0."""
    if found is None or not found.significant:
        return difference_text(found)
    return difference_text(found) + ("**" if crossed and not crossed[0] <= 0 <= crossed[1] else "*")


def points(value: float) -> str:
    """A number of points, a dash if it is undefined."""
    return "–" if isnan(value) else f"{value:.1f}"

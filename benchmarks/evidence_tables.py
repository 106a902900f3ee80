"""Tables of several studies of docs/protocol.md: scores, differences, tests over data sets, and cost."""

from collections.abc import Iterable, Mapping
from math import isnan
from statistics import median

from evidence_records import is_complete, records_of, references_of

from cmploss.experiment.statistics.family import Family, FamilyDifference, compare_with_baseline
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


def tables(studies: Mapping[str, str]) -> dict[str, ComparisonTable]:
    """Data set → its comparison table; {} before all runs of all these studies are there."""
    if not is_complete(studies):
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
    if not is_complete([*studies, *map(_with_candidate, studies)]):
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
        family = over_data(gaps)
        for pair, gap in family.comparisons.items():
            cells = [str(gap.n), difference_text(gap), p_text(gap.adjusted), points(family.detectable)]
            lines.append([f"{question}: {pair}", *cells, answer(gap)])
    return markdown_grid(lines)


def defaults() -> str:
    """What each objective gains over data sets of texts, and what a run of it costs."""
    of = tables(TEXTS)
    if not of:
        return NOT_COMPLETE
    names = list(dict.fromkeys(row.objective for table in of.values() for row in table.rows))
    names.remove(BASELINE)
    family = over_data({name: gaps_of(of, name, BASELINE) for name in names})
    lines = [["objective", "data sets", "Δ supervised [95 % CI]", "p", "best of all rows", "time of a run"]]
    for name, found in family.comparisons.items():
        best = sum(max(table.rows, key=lambda row: row.mean).objective == name for table in of.values())
        cells = [str(found.n), difference_text(found), p_text(found.adjusted), f"{best} of {found.n}"]
        lines.append([name, *cells, f"{time_ratio(of.values(), name):.2f} ×"])
    return markdown_grid(lines)


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


def over_data(gaps: Mapping[str, Mapping[str, float]]) -> Family:
    """t tests over data sets of mean differences from 0, with Holm's correction."""
    zero = {data: 0.0 for of in gaps.values() for data in of}
    return compare_with_baseline({"0": zero, **gaps}, "0", pooled=False)


def answer(found: FamilyDifference) -> str:
    """Yes, no or not decided, by the rule of docs/protocol.md."""
    if found.significant:
        return "yes" if found.mean > 0 else "no, it is worse"
    return "no" if found.equivalent(MARGIN) else "not decided"


def starred(found: FamilyDifference | None, crossed: tuple[float, float] | None = None) -> str:
    """A difference with its interval; a star if it is significant, two if also its crossed interval excludes 0."""
    if found is None or not found.significant:
        return difference_text(found)
    return difference_text(found) + ("**" if crossed and not crossed[0] <= 0 <= crossed[1] else "*")


def points(value: float) -> str:
    """A number of points, a dash if it is undefined."""
    return "–" if isnan(value) else f"{value:.1f}"

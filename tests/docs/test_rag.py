"""The tables of the generative reader are those of the committed records."""

import re
from dataclasses import replace
from pathlib import Path

from cmploss.experiment import Score, read_records
from cmploss.reports import comparison_table
from cmploss.reports.curves import CHANGED, LIKELIHOOD, inference_series, mean_sd_n
from cmploss.reports.formatting import difference_text, mean_text
from tests.docs.pages import cells_of

ROOT = Path(__file__).parents[2]
RECORDS = read_records(ROOT / "results" / "rag-hotpotqa")
PAGE = (ROOT / "docs" / "rag.md").read_text(encoding="utf-8")
ORDER = (
    "supervised",
    "equal_compute(n_drop=0,n_crop=1)",
    "comparative(n_drop=0,n_crop=1)",
    "raft",
    "weighted(n_drop=0,n_crop=1,primary=max)",
)
FEW, MANY = 0, 8


def table_of(measure, value):
    """The comparison by a value of each record."""
    benchmark = replace(RECORDS[0].benchmark, measure=measure)
    runs = [replace(each, benchmark=benchmark, scores=[Score("test", measure, value(each))]) for each in RECORDS]
    return comparison_table(runs, order=ORDER)


def at(record, measure, count):
    return record.measures("test", {"distractors": count})[measure]


def shown_under(heading):
    section = PAGE.partition(heading)[2]
    lines = re.search(r"\n(\| objective .*?)\n\n", section, re.DOTALL)[1].splitlines()[2:]
    return {name: cells for name, *cells in map(cells_of, lines)}


def test_the_scores_with_eight_distractors():
    f1 = table_of("f1", lambda record: at(record, "f1", MANY))
    exact = table_of("exact_match", lambda record: at(record, "exact_match", MANY))
    changed = inference_series(CHANGED, RECORDS, ORDER)
    assert shown_under("**Answers**") == {
        row.objective: [
            mean_text(other.mean, other.sd, other.n),
            mean_text(row.mean, row.sd, row.n),
            difference_text(row.difference),
            mean_text(*mean_sd_n(changed[row.objective][MANY])),
        ]
        for row, other in zip(f1.rows, exact.rows, strict=True)
    }


def test_the_likelihood_over_distractors():
    many = table_of("likelihood", lambda record: at(record, "likelihood", MANY))
    lost = table_of("lost", lambda record: at(record, "likelihood", FEW) - at(record, "likelihood", MANY))
    series = inference_series(LIKELIHOOD, RECORDS, ORDER)
    assert shown_under("**Likelihood**") == {
        row.objective: [
            *(mean_text(*mean_sd_n(series[row.objective][count])) for count in (0, 2, 4, 8)),
            difference_text(row.difference),
            difference_text(other.difference),
        ]
        for row, other in zip(many.rows, lost.rows, strict=True)
    }


def test_the_differences_that_these_seeds_would_have_shown():
    f1, many, lost = (
        table_of(measure, value).family.detectable
        for measure, value in (
            ("f1", lambda record: at(record, "f1", MANY)),
            ("likelihood", lambda record: at(record, "likelihood", MANY)),
            ("lost", lambda record: at(record, "likelihood", FEW) - at(record, "likelihood", MANY)),
        )
    )
    assert f"{f1:.1f} points of F1, {many:.1f} of likelihood and {lost:.1f} of its loss" in " ".join(PAGE.split())

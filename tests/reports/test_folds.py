"""Folds of the same examples: the corrected resampled t test in the table, the verdict and the extra tables."""

import math

import pytest
from scipy import stats

from cmploss.experiment.grouping import comparisons_of
from cmploss.experiment.statistics.family import compare_with_baseline
from cmploss.experiment.statistics.max_t import detectable_difference
from cmploss.reports import comparison_table, markdown_table
from cmploss.reports.extra_tables import evidence_of, seed_lines
from cmploss.reports.html.pictures import forest_picture, score_pictures
from cmploss.reports.latex import latex_table
from cmploss.reports.methods import methods_paragraph
from cmploss.reports.verdict import expected_power, in_words
from tests.reports.runs import changed, records_of

SCORES = {"supervised": [80.0, 81.0, 79.0, 80.0, 82.0], "comparative": [82.0, 84.0, 80.0, 83.0, 85.0]}
SPLITS = {"splits": {"train": {"examples": 1440}, "test": {"examples": 400}}}


def folds(**changes):
    return records_of(SCORES, unit="fold", data=SPLITS, **changes)


def test_the_corrected_resampled_t_test_by_hand():
    """Differences 2 3 1 3 3: mean 2.4, variance 0.8; t = 2.4 / √((1/5 + 40/144) · 0.8) with 4 degrees of freedom."""
    (difference,) = comparison_table(folds()).family.comparisons.values()
    error = math.sqrt((1 / 5 + 40 / 144) * 0.8)
    assert difference.mean == pytest.approx(2.4)
    assert difference.p == pytest.approx(2 * stats.t.sf(2.4 / error, 4), rel=1e-6)
    assert difference.high - difference.mean == pytest.approx(stats.t.isf(0.025, 4) * error)


def test_a_table_over_seeds_is_not_corrected():
    (difference,) = comparison_table(records_of(SCORES, data=SPLITS)).family.comparisons.values()
    assert difference.p == pytest.approx(stats.ttest_rel(*map(SCORES.get, ("comparative", "supervised"))).pvalue)


def test_every_report_names_folds_and_the_correction():
    table = comparison_table(folds())
    said = "paired t test over folds, corrected for resampling (Nadeau and Bengio 2003)"
    assert said in markdown_table(table)
    assert said in latex_table(table)
    text = in_words(table)
    assert "The smallest detectable difference with 5 folds is" in text
    assert "seed" not in text
    assert "with 5 folds is" in expected_power(table, 5)
    slots = {"supervised": 0, "comparative": 1}
    every, difference = score_pictures(table, slots)[0], forest_picture(table, slots)
    assert "supervised, fold 0: 80.0" in every.svg
    assert every.rows[0] == ("objective", "fold", "accuracy")
    assert "over the shared folds" in difference.text
    assert "paired by fold" in methods_paragraph(table)
    assert "overlapping training sets" in methods_paragraph(table)


def test_the_detectable_difference_has_the_same_correction():
    family = comparison_table(folds()).family
    plain = detectable_difference(family.sd, 5, 1)
    assert family.detectable == pytest.approx(plain * math.sqrt(1 + 5 * 40 / 144))


def test_more_folds_may_never_show_a_small_difference():
    rows = {name: dict(enumerate(row)) for name, row in SCORES.items()}
    seeds, of_folds = (compare_with_baseline(rows, "supervised", test_to_train=ratio) for ratio in (0, 0.25))
    assert seeds.blocks_for(0.5) is not None
    assert of_folds.blocks_for(0.5) is None
    assert of_folds.blocks_for(10.0) == 3
    assert "1 point takes more examples." in in_words(comparison_table(folds()))


def test_signs_and_examples_of_folds_are_not_tested():
    records = folds()
    assert [each.title for each in evidence_of(comparison_table(records))] == ["Over folds"]
    header, *_, row = seed_lines(comparison_table(records))
    assert dict(zip(header, row, strict=True))["p (signs)"] == "–"


def test_folds_of_unlike_length_are_one_comparison():
    (comparison,) = comparisons_of([changed(record, steps=40 + record.seed) for record in folds()])
    assert len(comparison.records) == 10

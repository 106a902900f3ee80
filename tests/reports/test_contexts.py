import math

from cmploss.reports.contexts import context_grid, context_part, context_scores
from cmploss.reports.series import series_curves
from tests.reports.runs import record_of


def cropped(objective, seed, sizes):
    parts = {context_part("test", size): {"accuracy": value} for size, value in sizes.items()}
    made = record_of(objective, seed, 50.0)
    made.scores.update(parts)
    return made


RECORDS = [
    cropped("supervised", 0, {2: 60.0, 10: 40.0}),
    cropped("supervised", 1, {2: 64.0, 10: 46.0}),
    cropped("comparative", 0, {2: 61.0}),
]
ORDER = ("supervised", "no_dropout", "comparative")


def test_scores_are_found_by_objective_and_size():
    assert context_scores(RECORDS, ORDER) == {
        "supervised": {2: [60.0, 64.0], 10: [40.0, 46.0]},
        "comparative": {2: [61.0]},
    }
    assert context_scores([record_of("supervised", 0, 50.0)], ORDER) == {}


def test_the_table_has_mean_sd_and_runs():
    """sd of 60 and 64 is √8, of 40 and 46 √18."""
    _, _, first, second = context_grid(context_scores(RECORDS, ORDER)).splitlines()
    assert first == "| supervised | 62.0 ± 2.8 (2) | 43.0 ± 4.2 (2) |"
    assert second == "| comparative | 61.0 (1) | – (0) |"


def test_curves_have_a_band_where_there_are_several_runs():
    curves = series_curves(context_scores(RECORDS, ORDER))
    assert curves["supervised"].x == [2, 10]
    assert curves["supervised"].y == [62.0, 43.0]
    assert [round(sd**2, 6) for sd in curves["supervised"].sd] == [8, 18]
    assert curves["comparative"].sd == ()
    assert not any(math.isnan(y) for curve in curves.values() for y in curve.y)

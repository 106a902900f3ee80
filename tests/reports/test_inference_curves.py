import math

import pytest

from cmploss.experiment import Score
from cmploss.reports.curves import (
    CONTEXT_SIZE,
    DROPOUT_POWER,
    INFERENCE_CURVES,
    VIOLATIONS,
    inference_series,
    series_curves,
    series_grid,
)
from tests.reports.runs import record_of


def scored(sweep, objective, seed, values):
    """A run that was also scored at some values of a setting; as a submodel it has half the score in violations."""
    made = record_of(objective, seed, 50.0)
    for value, score in values.items():
        more = {"loss": 9.0, "violation_rate": score / 2} if sweep is DROPOUT_POWER else {}
        made.scores.extend(Score.of("test", {"accuracy": score, **more}, {sweep.setting: value}))
    return made


def runs_of(sweep):
    return [
        scored(sweep, "supervised", 0, {2: 60.0, 10: 40.0}),
        scored(sweep, "supervised", 1, {2: 64.0, 10: 46.0}),
        scored(sweep, "comparative", 0, {2: 61.0}),
    ]


ORDER = ("supervised", "no_dropout", "comparative")


@pytest.mark.parametrize("sweep", [CONTEXT_SIZE, DROPOUT_POWER])
def test_scores_are_found_by_objective_and_value(sweep):
    assert inference_series(sweep, runs_of(sweep), ORDER) == {
        "supervised": {2: [60.0, 64.0], 10: [40.0, 46.0]},
        "comparative": {2: [61.0]},
    }
    for other in INFERENCE_CURVES:
        assert bool(inference_series(other, runs_of(sweep), ORDER)) == (other.setting == sweep.setting)
        assert inference_series(other, [record_of("supervised", 0, 50.0)], ORDER) == {}


def test_violations_are_of_the_same_submodels():
    assert inference_series(VIOLATIONS, runs_of(DROPOUT_POWER), ORDER) == {
        "supervised": {2: [30.0, 32.0], 10: [20.0, 23.0]},
        "comparative": {2: [30.5]},
    }


def test_only_the_reported_part_counts_and_no_undefined_score():
    run = scored(DROPOUT_POWER, "supervised", 0, {1: 60.0, 2: math.nan})
    run.scores.extend(Score.of("validation", {"accuracy": 70.0}, {"dropout_power": 3}))
    run.scores.extend(Score.of("test", {"accuracy": 80.0}, {"dropout_power": 4, "context_size": 2}))
    assert inference_series(DROPOUT_POWER, [run], ORDER) == {"supervised": {1: [60.0]}}


def test_the_table_has_mean_sd_and_runs():
    """sd of 60 and 64 is √8, of 40 and 46 √18."""
    found = inference_series(CONTEXT_SIZE, runs_of(CONTEXT_SIZE), ORDER)
    header, _, first, second = series_grid(found).splitlines()
    assert header == "| objective | 2 | 10 |"
    assert first == "| supervised | 62.0 ± 2.8 (2) | 43.0 ± 4.2 (2) |"
    assert second == "| comparative | 61.0 (1) | – (0) |"


def test_curves_have_a_band_where_there_are_several_runs():
    curves = series_curves(inference_series(CONTEXT_SIZE, runs_of(CONTEXT_SIZE), ORDER))
    assert curves["supervised"].x == [2, 10]
    assert curves["supervised"].y == [62.0, 43.0]
    assert [round(sd**2, 6) for sd in curves["supervised"].sd] == [8, 18]
    assert curves["comparative"].sd == ()
    assert not any(math.isnan(y) for curve in curves.values() for y in curve.y)

"""The interval over seeds and test examples."""

import math

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.experiment.statistics.crossed import crossed_interval, example_variance
from cmploss.experiment.statistics.family import FamilyDifference, compare_with_baseline


def drawn(draw, runs, examples, of_run, of_example, residual, mean=0.0):
    """Differences of paired runs on examples, with the three standard deviations."""
    return (
        mean
        + of_run * draw.standard_normal((runs, 1))
        + of_example * draw.standard_normal((1, examples))
        + residual * draw.standard_normal((runs, examples))
    )


def interval(gaps):
    scores = {"a": dict(enumerate([0.0] * len(gaps))), "b": dict(enumerate(gaps.mean(1)))}
    difference = compare_with_baseline(scores, "a").comparisons["b"]
    return difference, crossed_interval(difference, example_variance(gaps, np.zeros_like(gaps)))


def test_the_variance_is_that_of_the_mean_squares_by_a_double_loop():
    gaps = drawn(np.random.default_rng(0), 4, 7, 1.0, 2.0, 1.5)
    mean, rows, columns = gaps.mean(), gaps.mean(1), gaps.mean(0)
    between = 4 * sum((column - mean) ** 2 for column in columns) / 6
    residual = sum((gaps[s, i] - rows[s] - columns[i] + mean) ** 2 for s in range(4) for i in range(7)) / 18
    assert example_variance(gaps, np.zeros_like(gaps)) == pytest.approx((between - residual) / 28)


def test_the_variance_is_unbiased_up_to_its_bound():
    draw = np.random.default_rng(1)
    found = [example_variance(drawn(draw, 5, 50, 3.0, 10.0, 5.0), np.zeros((5, 50))) for _ in range(400)]
    assert np.mean(found) == pytest.approx(10.0**2 / 50, rel=0.05)


@pytest.mark.parametrize(("of_run", "of_example"), [(2.0, 0.0), (0.5, 20.0), (2.0, 20.0)])
def test_it_covers_the_true_difference_and_the_seeds_alone_do_not(of_run, of_example):
    draw, hits, seeds_alone = np.random.default_rng(2), 0, 0
    for _ in range(400):
        difference, (low, high) = interval(drawn(draw, 5, 60, of_run, of_example, 5.0, mean=1.0))
        hits += low <= 1.0 <= high
        seeds_alone += difference.low <= 1.0 <= difference.high
    assert hits / 400 >= 0.93
    assert (seeds_alone / 400 < 0.9) == (of_example > 0)


def test_it_is_never_narrower_than_the_interval_over_seeds():
    draw = np.random.default_rng(3)
    for _ in range(50):
        difference, (low, high) = interval(drawn(draw, 3, 30, 1.0, 2.0, 3.0))
        assert low <= difference.low + 1e-9
        assert high >= difference.high - 1e-9


def test_without_an_interval_over_seeds_there_is_none():
    assert all(map(math.isnan, crossed_interval(FamilyDifference(1.0, math.nan, math.nan, None, 2), 1.0)))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5,)])
def test_one_run_or_one_example_is_an_error(shape):
    with pytest.raises(UserError, match="two of each"):
        example_variance(np.zeros(shape), np.zeros(shape))

"""Dunnett's test with blocks, against scipy, other integrals and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from cmploss.experiment.statistics.max_t import (
    blocks_needed,
    critical_value,
    detectable_difference,
    fit_blocks,
    max_t_p,
)

RNG = np.random.default_rng(0)


def table_of(values):
    """Rows ``(rows, blocks)`` as names r0, r1 … → block → score; nan is a missing score."""
    return {
        f"r{i}": {j: float(value) for j, value in enumerate(row) if not math.isnan(value)}
        for i, row in enumerate(np.asarray(values, dtype=float))
    }


def test_one_pair_of_rows_is_the_paired_t_test():
    values = RNG.normal(80, 2, (2, 6))
    fit = fit_blocks(table_of(values), "r0")
    expected = stats.ttest_rel(values[1], values[0])
    interval = expected.confidence_interval(0.95)
    wide = critical_value(fit) * fit.errors[0]
    assert fit.df == 5
    assert max_t_p(fit)[0] == pytest.approx(expected.pvalue, rel=1e-9)
    assert (fit.differences[0] - wide, fit.differences[0] + wide) == pytest.approx((interval.low, interval.high))


def test_the_fit_of_a_full_table_by_hand():
    # Rows 1 2 3 | 2 4 3 | 6 6 9: residuals of the two-way layout, σ² = RSS / ((3 − 1)(3 − 1)).
    values = np.array([[1.0, 2, 3], [2, 4, 3], [6, 6, 9]])
    residuals = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    fit = fit_blocks(table_of(values), "r0")
    assert fit.differences == pytest.approx([1.0, 5.0])
    assert fit.df == 4
    assert fit.sd == pytest.approx(math.sqrt((residuals**2).sum() / 4))
    assert fit.errors == pytest.approx([fit.sd * math.sqrt(2 / 3)] * 2)
    assert fit.correlation == pytest.approx(np.array([[1, 0.5], [0.5, 1]]))


@pytest.mark.parametrize(("rows", "blocks", "c"), [(2, 3, 2.0), (3, 5, 2.68), (6, 5, 3.0), (6, 20, 2.5)])
def test_adjusted_p_is_the_multivariate_t_distribution(rows, blocks, c):
    fit = fit_blocks(table_of(RNG.normal(0, 1, (rows + 1, blocks))), "r0")
    shape = np.full((rows, rows), 0.5) + 0.5 * np.eye(rows)
    inside = stats.multivariate_t(shape=shape, df=fit.df, seed=1).cdf(
        np.full(rows, c), lower_limit=np.full(rows, -c), maxpts=300_000
    )
    at_c = fit.__class__(**{**vars(fit), "differences": c * fit.errors})
    assert max_t_p(at_c) == pytest.approx([1 - inside] * rows, abs=3e-4)


def test_a_table_with_missing_scores_uses_every_score():
    values = RNG.normal(80, 1, (4, 6))
    values[1, 0] = values[2, 3] = math.nan
    fit = fit_blocks(table_of(values), "r0")
    assert fit.df == 22 - 3 - 6
    assert list(fit.blocks) == [5, 5, 6]
    values[0, 4] = math.nan  # of the baseline
    assert list(fit_blocks(table_of(values), "r0").blocks) == [4, 4, 5]
    values[0, 4] = 80.0
    # Dropping one score hardly changes a p-value, and the general integral meets the special one.
    full = fit_blocks(table_of(np.nan_to_num(values, nan=80.0)), "r0")
    wide = critical_value(fit)
    assert wide == pytest.approx(critical_value(full), abs=0.06)
    assert np.all((max_t_p(fit) < 0.05) == (np.abs(fit.differences) > wide * fit.errors))


@given(st.integers(2, 6), st.integers(3, 8), st.integers(0, 10_000))
def test_p_and_interval_agree(rows, blocks, seed):
    draw = np.random.default_rng(seed)
    fit = fit_blocks(table_of(draw.normal(draw.normal(0, 1.5, (rows, 1)), 1, (rows, blocks))), "r0")
    excluded = np.abs(fit.differences) > critical_value(fit) * fit.errors
    clear = np.abs(np.abs(fit.differences) - critical_value(fit) * fit.errors) > 1e-4 * fit.errors
    assert np.all(((max_t_p(fit) < 0.05) == excluded)[clear])


def test_scores_that_agree_to_a_step_are_not_certain():
    values = np.array([[80.0] * 5, [90, 90, 90, 90, 90.1]])
    exact, floored = (fit_blocks(table_of(values), "r0", resolution=step) for step in (0.0, 5.0))
    assert max_t_p(exact)[0] < 1e-6
    assert floored.sd == 5.0
    assert max_t_p(floored)[0] == pytest.approx(2 * stats.t.sf(10.02 / (5 * math.sqrt(2 / 5)), 4))


def test_detectable_difference_of_one_pair_is_that_of_the_t_test():
    # Paired t with n = 5 finds d_z = 1.68 with 80 % power; the standard deviation of a difference is σ √2.
    assert detectable_difference(1.0, 5, 1) / math.sqrt(2) == pytest.approx(1.68, abs=0.01)


def test_blocks_needed_is_the_first_number_that_suffices():
    for sd, rows in [(1.0, 3), (3.0, 1), (0.5, 6)]:
        needed = blocks_needed(sd, rows, 1.0)
        assert detectable_difference(sd, needed, rows) <= 1.0 < detectable_difference(sd, needed - 1, rows)
    assert blocks_needed(100.0, 3, 0.01) is None


def test_no_fit_without_shared_blocks_or_degrees_of_freedom():
    assert fit_blocks({"a": {0: 1.0}, "b": {1: 2.0}}, "a") is None
    assert fit_blocks({"a": {0: 1.0}, "b": {0: 2.0}}, "a") is None


def test_folds_widen_the_errors_as_nadeau_and_bengio_have_it():
    values = table_of(RNG.normal(80, 1, (2, 10)))
    seeds, folds = (fit_blocks(values, "r0", test_to_train=ratio) for ratio in (0.0, 0.25))
    # Variance of the mean difference: (1 / J + n_test / n_train) σ² in place of σ² / J, with J = 10.
    assert folds.errors[0] / seeds.errors[0] == pytest.approx(math.sqrt((1 / 10 + 0.25) / (1 / 10)))

"""One family: which test, and p-values that agree with the intervals beside them."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from cmploss.experiment.statistics import holm
from cmploss.experiment.statistics.family import compare_with_baseline
from tests.experiment.statistics.test_max_t import table_of


def test_unlike_scatter_takes_holm_over_paired_t_tests_with_the_pooled_variance_of_the_other_rows_at_least():
    draw = np.random.default_rng(3)
    values = np.stack([draw.normal(0, sd, 8) for sd in (0.2, 0.2, 0.2, 6.0)]) + 80
    values[1] = values[0] + 0.01 * draw.normal(2, 1, 8)  # agree by chance
    family = compare_with_baseline(table_of(values), "r0")
    variances = (values[:, None] - values).var(2, ddof=1)  # of the differences of all pairs
    rows = (variances.sum(1) - variances.sum() / 2 / 3) / 2  # Grubbs 1948
    quiet = math.sqrt(2 * rows[:3].mean())
    differences = values[1:] - values[0]
    sds = np.maximum(differences.std(1, ddof=1), quiet)
    assert sds[0] == quiet
    expected = holm(list(2 * stats.t.sf(abs(differences.mean(1)) / sds * math.sqrt(8), 7)))
    assert family.method == "Holm"
    assert [found.adjusted for found in family.comparisons.values()] == pytest.approx(expected)


def test_a_pair_with_equal_differences_has_no_test_but_counts_in_the_family():
    draw = np.random.default_rng(0)
    values = np.stack([draw.normal(80, 1, 6) for _ in range(3)])
    rows = table_of(np.vstack([values, values[:1] + 0.5]))  # the last row is always half a point above the first
    family = compare_with_baseline(rows, "r0", pooled=False)
    raw = [float(stats.ttest_rel(row, values[0]).pvalue) for row in values[1:]]
    found = [family.comparisons[row].adjusted for row in ("r1", "r2")]
    assert found == pytest.approx(holm([*raw, 1.0])[:2])
    assert family.comparisons["r3"].adjusted is None
    assert family.comparisons["r3"].mean == pytest.approx(0.5)
    least = min(("r1", "r2"), key=lambda row: family.comparisons[row].p)
    found, n = family.comparisons[least], 3
    assert found.high - found.mean == pytest.approx(stats.t.isf(0.05 / 2 / n, 5) * found.error)
    assert found.equivalence_high - found.mean == pytest.approx(stats.t.isf(0.05 / n, 5) * found.error)


def test_two_seeds_are_too_few():
    family = compare_with_baseline({"a": {0: 80.0, 1: 81.0}, "b": {0: 85.0, 1: 86.5}}, "a")
    assert (family.method, family.comparisons["b"].adjusted) == ("none", None)
    assert family.comparisons["b"].mean == pytest.approx(5.25)


@given(st.integers(2, 6), st.integers(3, 8), st.booleans(), st.integers(0, 10_000))
def test_p_below_five_percent_exactly_where_the_interval_excludes_zero(rows, blocks, unlike, seed):
    draw = np.random.default_rng(seed)
    sds = draw.uniform(0.1, 6, (rows, 1)) if unlike else 1.0
    family = compare_with_baseline(table_of(draw.normal(draw.normal(0, 2, (rows, 1)), sds, (rows, blocks))), "r0")
    for found in family.comparisons.values():
        if abs(found.adjusted - 0.05) > 1e-3:
            assert found.significant == (found.low > 0 or found.high < 0)
        assert found.p <= found.adjusted + 1e-6


def test_equivalent_within_the_margin_alone():
    rows = {
        "a": {i: 80 + 0.1 * (-1) ** i for i in range(8)},
        "b": {i: 80.05 - 0.1 * (-1) ** (i // 2) for i in range(8)},
    }
    found = compare_with_baseline(rows, "a").comparisons["b"]
    assert found.equivalent(1.0)
    assert not found.equivalent(0.1)


def test_equal_rows_have_no_test():
    same = {0: 80.0, 1: 80.0, 2: 80.0}
    family = compare_with_baseline({"a": same, "b": dict(same)}, "a")
    assert (family.method, family.comparisons["b"].mean) == ("none", 0.0)


def test_pairs_with_the_baseline_are_counted_and_three_are_needed():
    """Least squares over all seeds use seeds that two other rows share, too."""
    base = {0: 80.0, 1: 81.0, 2: 79.0}
    first = {0: 81.0, 1: 82.0, 2: 80.2, 3: 81.5, 4: 82.5}
    second = {0: 80.0, 1: 81.1, 3: 80.0, 4: 81.0}
    family = compare_with_baseline({"base": base, "first": first, "second": second}, "base")
    assert family.method == "max-t"
    assert family.by_least_squares
    assert (family.comparisons["first"].n, family.comparisons["second"].n) == (3, 2)
    assert family.comparisons["first"].adjusted is not None
    assert family.comparisons["second"].adjusted is None
    assert family.comparisons["second"].mean == pytest.approx(0.05)  # of its two pairs, as without a test
    whole = compare_with_baseline({"base": base, "first": {seed: first[seed] for seed in base}}, "base")
    assert not whole.by_least_squares


def test_a_row_without_a_block_of_the_baseline_changes_no_other_test():
    rows = {"base": {0: 80.0, 1: 81.0, 2: 79.0}, "first": {0: 81.0, 1: 82.5, 2: 80.2}}
    for pooled in (True, False):
        alone = compare_with_baseline(rows, "base", pooled=pooled).comparisons["first"]
        family = compare_with_baseline({**rows, "apart": {7: 90.0, 8: 91.0}}, "base", pooled=pooled)
        assert astuple(family.comparisons["first"]) == pytest.approx(astuple(alone))
        assert (family.comparisons["apart"].n, family.comparisons["apart"].adjusted) == (0, None)

import math

import numpy as np
import pytest
from scipy import stats

from cmploss.errors import UserError
from cmploss.experiment.statistics import mean_sd, paired_difference


def test_mean_sd_by_hand():
    mean, sd = mean_sd([80.0, 84.0, 88.0, 92.0])
    assert mean == (80 + 84 + 88 + 92) / 4
    assert sd == pytest.approx(math.sqrt((36 + 4 + 4 + 36) / 3))  # n − 1, not n


def test_mean_sd_of_one_and_of_none():
    mean, sd = mean_sd([3.0])
    assert (mean, math.isnan(sd)) == (3.0, True)
    assert all(map(math.isnan, mean_sd([])))


def test_paired_difference_by_hand():
    # differences 1, 2, 3, 4, 5: mean 3, sd √2.5, standard error √0.5
    found = paired_difference([11, 22, 33, 44, 55], [10, 20, 30, 40, 50])
    half = stats.t.ppf(0.975, 4) * math.sqrt(0.5)
    assert found.mean == 3.0
    assert (found.low, found.high) == (pytest.approx(3 - half), pytest.approx(3 + half))
    assert found.p == pytest.approx(2 * stats.t.sf(3 / math.sqrt(0.5), 4))
    assert found.n == 5


def test_the_order_of_pairs_matters_and_is_kept():
    values, baseline = [90.0, 80.0, 70.0, 60.0, 50.0], [89.0, 78.0, 69.0, 58.0, 49.0]
    paired = paired_difference(values, baseline)
    assert paired.p == pytest.approx(stats.ttest_rel(values, baseline).pvalue)
    assert paired.p < 0.01
    assert paired_difference(values, baseline[::-1]).p > 0.9  # the same means, other pairs


def test_sign_and_confidence():
    values, baseline = [1.0, 2.0, 4.0, 3.0, 5.0], [2.0, 4.0, 4.5, 4.0, 5.5]
    found, swapped = paired_difference(values, baseline), paired_difference(baseline, values)
    assert found.mean == -1.0
    assert (swapped.mean, swapped.low, swapped.high) == pytest.approx((1.0, -found.high, -found.low))
    narrow = paired_difference(values, baseline, confidence=0.5)
    assert narrow.high + 1.0 == pytest.approx(stats.t.ppf(0.75, 4) * math.sqrt(0.375 / 5))
    assert narrow.p == found.p


def test_no_p_below_five_pairs():
    values, baseline = [1.0, 3.0, 5.0, 7.0], [0.0, 1.0, 2.0, 4.0]
    found = paired_difference(values, baseline)
    assert found.p is None
    assert found.low > 0  # the interval stays
    assert paired_difference(values, baseline, min_n_for_p=4).p == stats.ttest_rel(values, baseline).pvalue


def test_one_pair_has_no_interval():
    found = paired_difference([86.0], [84.0], min_n_for_p=1)
    assert (found.mean, found.p, found.n) == (2.0, None, 1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(("n", "p"), [(4, None), (5, 1.0)])
def test_no_difference_at_all(n, p):
    values = np.linspace(80, 90, n)
    found = paired_difference(values, values)
    assert (found.mean, found.p, found.n) == (0.0, p, n)
    assert np.isnan([found.low, found.high]).all()


def test_a_constant_difference_has_no_test():
    found = paired_difference([2, 3, 4, 5, 6], [1, 2, 3, 4, 5])
    assert (found.mean, found.p, found.n) == (1.0, None, 5)
    assert np.isnan([found.low, found.high]).all()


def test_rounding_is_not_variance():
    right = np.array([400, 411, 423, 434, 446])  # of 487 answers; one more for each seed
    values, baseline = 100 * (right + 1) / 487, 100 * right / 487
    assert np.ptp(values - baseline) > 0  # floating-point error alone
    found = paired_difference(values, baseline)
    assert np.isnan([found.low, found.high]).all()
    assert found.p is None
    found = paired_difference(baseline + 1e-13, baseline)
    assert (found.mean, found.p, found.n) == (0.0, 1.0, 5)


def test_a_missing_score_is_never_a_result():
    found = paired_difference([1.0, math.nan, 3.0, 4.0, 6.0], [1.0, 2.0, 2.0, 2.0, 2.0])
    assert math.isnan(found.mean)
    assert found.p is None


@pytest.mark.parametrize(("values", "baseline"), [([1.0, 2.0], [1.0]), ([], []), ([[1.0]], [[1.0]])])
def test_values_that_are_no_pairs(values, baseline):
    with pytest.raises(UserError, match="paired difference"):
        paired_difference(values, baseline)

import math

import numpy as np
import pytest
from scipy import stats

from cmploss.errors import UserError
from cmploss.experiment.statistics import effect_size, paired_difference


def test_d_z_by_hand():
    # differences 1, 2, 3, 4, 5: mean 3, sd √2.5
    found = effect_size([11, 22, 33, 44, 55], [10, 20, 30, 40, 50])
    assert found.d == pytest.approx(3 / math.sqrt(2.5))
    assert found.n == 5


@pytest.mark.parametrize("scale", [3.0, 0.5, -0.5, 0.01, -0.01])
def test_the_ends_of_the_interval_are_the_effects_that_hardly_allow_the_t_that_was_found(scale):
    difference = scale * np.array([1.0, -2.0, 3.0, 0.5, 1.5, 2.0]) + 0.2
    found = effect_size(difference, np.zeros(6), confidence=0.9)
    t = stats.ttest_1samp(difference, 0).statistic
    assert found.d * math.sqrt(6) == pytest.approx(t)
    assert stats.nct.sf(t, 5, found.low * math.sqrt(6)) == pytest.approx(0.05, rel=1e-6)
    assert stats.nct.cdf(t, 5, found.high * math.sqrt(6)) == pytest.approx(0.05, rel=1e-6)


def test_the_interval_covers_the_true_effect_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(0.8, 1.0, size=(300, 6))
    intervals = [effect_size(row, np.zeros(6), confidence=0.8) for row in draws]
    assert np.mean([found.low < 0.8 < found.high for found in intervals]) == pytest.approx(0.8, abs=0.05)


def test_the_interval_leaves_0_out_where_the_t_test_does():
    for shift in np.linspace(-2, 2, 21):
        difference = np.array([0.3, -0.6, 1.1, -0.2, 0.4]) + shift
        found, test = effect_size(difference, np.zeros(5)), paired_difference(difference, np.zeros(5))
        assert (found.low < 0 < found.high) == (test.p > 0.05)


def test_far_effects_have_the_interval_of_their_scatter_alone():
    difference = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    near, far = effect_size(difference + 700, np.zeros(5)), effect_size(difference + 710, np.zeros(5))
    assert near.d * math.sqrt(5) < 1000 < far.d * math.sqrt(5)  # on both sides of the switch
    assert (near.low / near.d, near.high / near.d) == pytest.approx((far.low / far.d, far.high / far.d), rel=1e-4)
    below = effect_size(np.zeros(5), difference + 710)
    assert (below.d, below.low, below.high) == pytest.approx((-far.d, -far.high, -far.low))


@pytest.mark.parametrize("t", [18.65, 34.18, 250.0])  # where scipy's distribution function gives nan on the way
@pytest.mark.parametrize("sign", [1, -1])
def test_two_pairs_far_from_0_have_an_interval(t, sign):
    found = effect_size([sign * (t + 1), sign * (t - 1)], [0.0, 0.0])  # mean t, sd √2
    ends = sorted([abs(found.low), abs(found.high)])
    assert found.d == pytest.approx(sign * t / math.sqrt(2))
    assert stats.nct.sf(t, 1, ends[0] * math.sqrt(2)) == pytest.approx(0.025, rel=1e-4)
    assert stats.nct.cdf(t, 1, ends[1] * math.sqrt(2)) == pytest.approx(0.025, rel=1e-4)


@pytest.mark.parametrize("values", [[3.0], [3.0, 4.0, 5.0], [math.nan, 1.0, 2.0]])
def test_no_scatter_no_effect_size(values):
    found = effect_size(values, np.arange(len(values)) + 1.0)
    assert np.isnan([found.d, found.low, found.high]).all()
    assert found.n == len(values)


def test_values_that_are_no_pairs():
    with pytest.raises(UserError, match=r"shape \(2,\) and a baseline of shape \(1,\)"):
        effect_size([1.0, 2.0], [1.0])

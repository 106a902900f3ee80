import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cmploss.errors import UserError
from cmploss.experiment.statistics import sign_flip_test

DIFFERENCES = [0.9, -0.2, 1.4, 0.3, 0.8, -0.1]


def test_every_choice_of_signs_by_hand():
    extreme = sum(
        abs(sum(sign * value for sign, value in zip(signs, DIFFERENCES, strict=True))) >= sum(DIFFERENCES) - 1e-12
        for signs in itertools.product([1, -1], repeat=6)
    )
    assert extreme not in (2, 64)
    assert sign_flip_test(DIFFERENCES) == extreme / 64


def test_exact_as_scipy_has_it():
    theirs = stats.permutation_test(
        (DIFFERENCES,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    # scipy's two-sided p is twice the smaller tail
    assert sign_flip_test(DIFFERENCES) == pytest.approx(theirs.pvalue)


def test_the_smallest_p_of_five_seeds():
    assert sign_flip_test([1.0, 2.0, 3.0, 4.0, 5.0]) == 2 / 32
    assert sign_flip_test([-1.0, -2.0, -3.0, -4.0, -5.0]) == 2 / 32


def test_equal_sums_count_as_equal_however_they_round():
    # ±0.1 ± 0.2 ± 0.3 is 0 or further from 0 than 0.001, so that no sum is nearer to 0 than the one found. In floating
    # point 0.1 + 0.2 − 0.3 is above 0, and the sums with the opposite signs come out smaller.
    assert sign_flip_test([0.1, 0.2, -0.3, 0.001]) == 1.0
    assert sign_flip_test([0.1, 0.2, -0.3, 0.001] + [0.0] * 10, resamples=500) == 1.0
    assert sign_flip_test([0.1, 0.2, 0.3]) == 2 / 8


def test_drawn_choices_come_near_the_exact_share():
    exact = sign_flip_test(DIFFERENCES)
    drawn = sign_flip_test(DIFFERENCES, resamples=63)  # 64 choices are one too many
    many = sign_flip_test(DIFFERENCES * 2, resamples=2000)
    assert 0 < drawn < 1
    assert drawn != exact
    reference = stats.permutation_test(
        (DIFFERENCES * 2,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert many == pytest.approx(reference.pvalue, abs=0.02)


def test_drawn_p_is_never_0_and_depends_on_the_seed_alone():
    sure = [1.0] * 40
    assert sign_flip_test(sure, resamples=99) == 1 / 100
    values = list(np.linspace(-1, 1.4, 40))
    found = [sign_flip_test(values, resamples=200, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_nothing_differs():
    assert sign_flip_test([0.0, 0.0, 0.0]) == 1.0
    assert sign_flip_test([0.0] * 40, resamples=10) == 1.0


def test_nan_and_no_values():
    assert math.isnan(sign_flip_test([1.0, math.nan]))
    for values in ([], [[1.0]]):
        with pytest.raises(UserError, match="sign-flip test: got differences of shape"):
            sign_flip_test(values)

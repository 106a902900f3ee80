import math

import pytest

from cmploss.errors import UserError
from cmploss.experiment.statistics import cohens_d, mean_sd


def test_mean_sd_by_hand():
    mean, sd = mean_sd([80.0, 84.0, 88.0, 92.0])
    assert mean == (80 + 84 + 88 + 92) / 4
    assert sd == pytest.approx(math.sqrt((36 + 4 + 4 + 36) / 3))  # n − 1, not n


def test_mean_sd_of_one_and_of_none():
    mean, sd = mean_sd([3.0])
    assert (mean, math.isnan(sd)) == (3.0, True)
    assert all(map(math.isnan, mean_sd([])))


def test_effect_size_by_hand():
    assert cohens_d([11, 22, 33, 44, 55], [10, 20, 30, 40, 50]) == pytest.approx(3 / math.sqrt(2.5))  # of 1, 2, 3, 4, 5
    assert math.isnan(cohens_d([86.0], [84.0]))


def test_rounding_is_not_variance():
    right = [400, 411, 423, 434, 446]  # of 487 answers; one more for each seed
    assert math.isnan(cohens_d([100 * (n + 1) / 487 for n in right], [100 * n / 487 for n in right]))


@pytest.mark.parametrize(("values", "baseline"), [([1.0, 2.0], [1.0]), ([], []), ([[1.0]], [[1.0]])])
def test_values_that_are_no_pairs(values, baseline):
    with pytest.raises(UserError, match="paired values"):
        cohens_d(values, baseline)

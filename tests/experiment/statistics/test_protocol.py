import math

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.experiment.statistics import best_by_validation

VALIDATION = [60.0, 80.0, 70.0, 90.0, 50.0]
TEST = [99.0, 82.0, 70.0, 88.0, 51.0]


def test_best_three_of_five():
    found = best_by_validation(VALIDATION, TEST)  # runs 3, 1 and 2; the lucky test score of run 0 is not chosen
    assert found.mean == (88 + 82 + 70) / 3
    assert found.sd == pytest.approx(math.sqrt((8**2 + 2**2 + 10**2) / 2))
    assert found.all_mean == (99 + 82 + 70 + 88 + 51) / 5
    assert found.all_sd == pytest.approx(np.std(TEST, ddof=1))
    assert (found.keep, found.n) == (3, 5)


def test_all_of_them_are_the_plain_mean():
    found = best_by_validation(VALIDATION, TEST, keep=5)
    assert (found.mean, found.sd) == pytest.approx((found.all_mean, found.all_sd))


def test_equal_scores_and_missing_ones():
    assert best_by_validation([1.0, 1.0, 1.0], [5.0, 6.0, 7.0], keep=1).mean == 5.0
    assert best_by_validation([math.nan, 1.0, 2.0], [5.0, 6.0, 7.0], keep=2).mean == 6.5
    assert math.isnan(best_by_validation([1.0, 2.0], [5.0, 6.0], keep=1).sd)


@pytest.mark.parametrize(("validation", "keep"), [(VALIDATION[:4], 3), (VALIDATION, 6), (VALIDATION, 0)])
def test_what_cannot_be_chosen_from(validation, keep):
    with pytest.raises(UserError, match="best by validation: got validation scores of shape"):
        best_by_validation(validation, TEST, keep=keep)

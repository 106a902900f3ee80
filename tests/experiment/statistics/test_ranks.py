"""Friedman's test and the critical difference, against the example of Demšar, scipy and all permutations."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy import stats

from cmploss.experiment.statistics.ranks import rank_test

NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
# Demšar 2006, table 6. The two ranks of "voting" are told apart by digits that the paper does not print.
DEMSAR = """
.763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
.936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1.00 1.00 1.00 1.00
.940 .962 .965 .962  .619 .666 .614 .669  .972 .981 .9752 .975  .957 .978 .946 .970
"""


def scores_of(values, names="abcdefghij"):
    return {
        f"data {place}": dict(zip(names, map(float, line), strict=False)) for place, line in enumerate(np.array(values))
    }


def test_the_example_of_demsar():
    values = np.array(DEMSAR.split(), dtype=float).reshape(14, 4)
    found = rank_test(scores_of(values, NAMES))
    assert {name: round(mean, 3) for name, mean in found.means.items()} == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.0,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.chi_square == pytest.approx(stats.friedmanchisquare(*values.T).statistic)
    # his statistics have no correction for ties: 9.28, and F = 13 · 9.28 / (14 · 3 − 9.28) = 3.69
    assert found.chi_square > 9.28
    assert found.p == pytest.approx(stats.f.sf(3.69, 3, 39), abs=0.015)
    assert found.significant
    assert found.apart == []  # 3.143 − 1.964 < 1.25: his post-hoc test finds no pair either
    assert found.groups == [("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")]


@pytest.mark.parametrize(("sets", "rows", "step"), [(3, 3, 0.01), (4, 3, 0.3), (3, 4, 0.3)])
def test_p_is_the_share_of_all_permutations(sets, rows, step):
    values = np.round(np.random.default_rng(sets * rows).random((sets, rows)) / step) * step
    ranks = stats.rankdata(-values, axis=1)
    spread = [
        sum((sum(column) - sets * (rows + 1) / 2) ** 2 for column in zip(*lines, strict=True))
        for lines in product(*(list(permutations(line)) for line in ranks))
    ]
    exact = np.mean([each >= spread[0] - 1e-9 for each in spread])  # the first is the order as it is
    assert rank_test(scores_of(values)).p == pytest.approx(exact, abs=0.015)


def test_many_data_sets_have_the_p_of_scipy():
    values = np.random.default_rng(1).random((40, 6)) + np.arange(6) * 0.05
    found, test = rank_test(scores_of(values)), stats.friedmanchisquare(*values.T)
    assert (found.chi_square, found.p) == (pytest.approx(test.statistic), pytest.approx(test.pvalue, abs=0.01))


def test_ties_share_their_ranks_and_nothing_else_is_a_tie():
    found = rank_test(scores_of([[3, 3, 1], [2, 2, 2], [1, 1, 3]]))
    assert found.means == {"a": (1.5 + 2 + 2.5) / 3, "b": (1.5 + 2 + 2.5) / 3, "c": (3 + 2 + 1) / 3}
    equal = rank_test(scores_of(np.ones((4, 3))))
    assert (equal.p, equal.chi_square, equal.apart) == (1.0, 0.0, [])


@pytest.mark.parametrize("values", [[[1, 2, 3], [3, 2, 1]], [[1, 2], [1, 2], [1, 2], [1, 2]]])
def test_too_few_make_no_test(values):
    found = rank_test(scores_of(values))
    assert (found.p, found.groups, found.apart) == (None, [], [])
    assert np.isnan(found.critical_difference)


@pytest.mark.parametrize("seed", range(30))
def test_groups_are_the_largest_without_a_pair_that_differs(seed):
    draw = np.random.default_rng(seed)
    rows = int(draw.integers(3, 8))
    found = rank_test(scores_of(draw.normal(size=(int(draw.integers(3, 25)), rows)) + np.arange(rows) * draw.random()))
    means = found.means
    apart = {
        frozenset(pair)
        for pair in combinations(means, 2)
        if found.p < 0.05 and abs(means[pair[0]] - means[pair[1]]) >= found.critical_difference
    }
    assert {frozenset(pair) for pair in found.apart} == apart
    sets = [
        frozenset(some)
        for size in range(2, rows + 1)
        for some in combinations(means, size)
        if not any(pair <= frozenset(some) for pair in apart)
    ]
    assert {frozenset(group) for group in found.groups} == {
        some for some in sets if not any(some < more for more in sets)
    }


def test_the_order_of_data_sets_and_rows_changes_nothing():
    values = np.random.default_rng(5).random((5, 4))
    found, turned = rank_test(scores_of(values, "abcd")), rank_test(scores_of(values[::-1, ::-1], "dcba"))
    assert (found.means, found.p) == (turned.means, turned.p)

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss.experiment.statistics import holm


def closed_test(p_values):
    """Holm as a closed test: p of a hypothesis is the largest of all intersections with it, each by Bonferroni."""
    indices = range(len(p_values))
    sets = [subset for size in indices for subset in itertools.combinations(indices, size + 1)]
    return [
        max(min(1.0, len(subset) * min(p_values[j] for j in subset)) for subset in sets if i in subset) for i in indices
    ]


def test_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([3 * 0.01, 2 * 0.03, 2 * 0.03])
    assert holm([0.5, 0.6]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_it_is_the_closed_test(p_values):
    assert holm(p_values) == pytest.approx(closed_test(p_values))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_the_order_of_tests_does_not_matter(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    assert holm([p_values[i] for i in order]) == [holm(p_values)[i] for i in order]


def test_no_test_is_not_counted():
    assert holm([None, 0.02, None, 0.3]) == [None, 0.04, None, 0.3]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_family_wise_error_of_true_hypotheses():
    draws = np.random.default_rng(0).random((2000, 5))
    assert np.mean([min(holm(row)) < 0.1 for row in draws]) < 0.12  # about 41 % without a correction
    assert np.mean(draws.min(axis=1) < 0.1) > 0.35

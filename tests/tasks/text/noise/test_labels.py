from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss.tasks.text.noise.add_noise import noisy_labels, pair_flips, symmetric_flips

LABELS = np.array([0, 1, 2] * 100)
ORDER = np.random.default_rng(0).permutation(300)


def noisy(rate, flips, seed=0):
    return noisy_labels(LABELS, rate, flips, order=ORDER, seed=seed)


@pytest.mark.parametrize(("rate", "wrong"), [(0.0, 0), (0.001, 0), (0.1, 30), (0.125, 38), (0.333, 100), (1.0, 300)])
def test_the_number_of_wrong_labels_is_exact(rate, wrong):
    assert (noisy(rate, symmetric_flips(3)) != LABELS).sum() == wrong  # ⌊0.125 · 300 + ½⌋ = 38


def test_wrong_ones_are_the_first_of_the_order():
    found = noisy(0.1, symmetric_flips(3))
    assert set(np.flatnonzero(found != LABELS)) == set(ORDER[:30])


def test_pair_flips_go_to_the_next_class():
    found = noisy(1.0, pair_flips(3))
    assert (found == (LABELS + 1) % 3).all()


def test_symmetric_flips_go_everywhere():
    counts = Counter(zip(LABELS.tolist(), noisy(1.0, symmetric_flips(3)).tolist(), strict=True))
    assert set(counts) == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert all(35 <= count <= 65 for count in counts.values())  # 50 ± 3 · 5


def test_a_given_matrix_has_its_shares():
    flips = np.array([[0, 0.9, 0.1], [0, 0, 1], [1, 0, 0]])
    counts = Counter(zip(LABELS.tolist(), noisy(1.0, flips).tolist(), strict=True))
    assert set(counts) == {(0, 1), (0, 2), (1, 2), (2, 0)}
    assert 80 <= counts[0, 1] <= 98


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5))
def test_what_is_wrong_at_one_rate_is_wrong_alike_at_a_higher_one(one, other, seed):
    low, high = (noisy(rate, symmetric_flips(3), seed) for rate in sorted((one, other)))
    wrong = low != LABELS
    assert (high[wrong] == low[wrong]).all()
    assert wrong.sum() <= (high != LABELS).sum()


def test_the_seed_decides_what_they_become():
    one, same, other = (noisy(0.5, symmetric_flips(3), seed) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_labels_are_not_changed_in_place():
    before = LABELS.copy()
    noisy(1.0, pair_flips(3))
    assert (before == LABELS).all()

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss.ablation.crop import CmpCrop, nested_views, training_counts


@given(st.integers(0, 12), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_training_counts(distractors, n_crop, seed):
    counts = training_counts(distractors, n_crop, np.random.RandomState(seed))
    assert len(counts) == n_crop
    if distractors <= n_crop:
        assert counts == [*range(distractors - 1, -1, -1), *[0] * (n_crop - distractors)]
    else:
        assert set(counts) <= set(range(distractors))
        assert all(more > fewer for more, fewer in pairwise(counts))


def test_every_set_of_counts_is_as_likely():
    draw = np.random.RandomState(0)
    found = Counter(tuple(training_counts(4, 2, draw)) for _ in range(6000))
    assert set(found) == {(1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2)}
    assert all(abs(count - 1000) < 4 * 29 for count in found.values())  # sd √(6000 · 1/6 · 5/6) = 28.9


@given(st.lists(st.booleans(), max_size=12), st.data())
def test_views_nest_and_keep_evidence_and_order(evidence, data):
    distractors = evidence.count(False)
    ranking = data.draw(st.permutations(range(distractors)))
    counts = sorted(data.draw(st.lists(st.integers(0, distractors), max_size=5)), reverse=True)
    views = nested_views(evidence, ranking, counts)
    assert views[0] == list(range(len(evidence)))
    for view, count in zip(views[1:], counts, strict=True):
        assert view == sorted(view)
        assert [number for number in view if evidence[number]] == [n for n, flag in enumerate(evidence) if flag]
        assert sum(not evidence[number] for number in view) == count
    assert all(set(view) >= set(crop) for view, crop in pairwise(views))


def test_the_ranking_says_which_distractors_stay():
    evidence = [False, True, False, False, True]  # distractors 0, 1, 2 are segments 0, 2, 3
    assert nested_views(evidence, [2, 0, 1], [2, 1, 0]) == [[0, 1, 2, 3, 4], [0, 1, 3, 4], [1, 3, 4], [1, 4]]
    with pytest.raises(ValueError, match=r"ranking=\[0, 0, 1\] must be a permutation of the numbers of 3 distractors"):
        nested_views(evidence, [0, 0, 1], [])


def test_a_negative_number_of_crops():
    with pytest.raises(ValueError, match="n_crop=-1 must not be negative"):
        CmpCrop(-1)

import math

import numpy as np
import pytest
from scipy import stats

from cmploss.errors import UserError
from cmploss.experiment.statistics import paired_measure, paired_over_examples, sign_flip_test
from cmploss.measures import MEASURES

RANDOM = np.random.default_rng(7)
LABELS = RANDOM.integers(2, size=80)
# ours: 3 runs that err on about 20 % of the examples, theirs: on about 40 %
OURS = np.where(RANDOM.random((3, 80)) < 0.2, 1 - LABELS, LABELS)
THEIRS = np.where(RANDOM.random((3, 80)) < 0.4, 1 - LABELS, LABELS)
CORRECT, BASELINE = (OURS == LABELS).astype(float), (THEIRS == LABELS).astype(float)


def test_mean_and_n_by_hand():
    found = paired_over_examples([1, 0, 1, 1], [0, 0, 1, 0])
    assert (found.mean, found.n) == (2 / 4, 4)
    assert found.p == 0.5  # of + + among four choices for the two examples that differ
    found = paired_over_examples([[1, 0, 1, 1], [1, 1, 1, 1]], [[0, 0, 1, 0], [1, 1, 1, 0]])
    assert (found.mean, found.n) == (3 / 8, 4)


def test_the_interval_is_that_of_scipy():
    difference = (CORRECT - BASELINE).mean(0)
    theirs = stats.bootstrap((difference,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    found = paired_over_examples(CORRECT, BASELINE)
    interval = theirs.confidence_interval
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.01)
    narrow = paired_over_examples(CORRECT, BASELINE, confidence=0.5)
    assert found.low < narrow.low < found.mean < narrow.high < found.high


def test_the_test_is_that_of_scipy():
    ours, theirs = CORRECT[:, :20].mean(0), BASELINE[:, :20].mean(0)
    reference = stats.permutation_test(
        (ours, theirs),
        lambda x, y, axis: (x - y).mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=1,
    )
    found = paired_over_examples(ours, theirs)
    assert 0.001 < reference.pvalue < 0.9
    assert found.p == pytest.approx(reference.pvalue, abs=0.015)
    assert found.p == sign_flip_test(ours - theirs)


def test_runs_that_repeat_each_other_are_no_more_examples():
    once = paired_over_examples(CORRECT[0], BASELINE[0])
    assert paired_over_examples(np.tile(CORRECT[0], (5, 1)), np.tile(BASELINE[0], (5, 1))) == once
    assert paired_over_examples(np.tile(CORRECT[0], 5), np.tile(BASELINE[0], 5)).p < once.p / 2  # what it would give


def test_pairs_matter():
    mixed = np.random.default_rng(1).permutation(80)
    ours = np.where(np.arange(80) % 2, 1.0, 0.0)
    theirs = ours.copy()
    theirs[[1, 3, 5, 7, 9, 11]] = 0.0  # ours is right on six more
    paired = paired_over_examples(ours, theirs)
    assert paired.p < 0.05 < paired_over_examples(ours, theirs[mixed]).p


def test_no_interval_without_scatter():
    found = paired_over_examples([0.5, 0.7, 0.1], [0.5, 0.7, 0.1])
    assert (found.mean, found.p, found.n) == (0.0, 1.0, 3)
    assert np.isnan([found.low, found.high]).all()
    found = paired_over_examples([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    assert (found.mean, found.p) == (1.0, 2 / 8)
    assert np.isnan([found.low, found.high]).all()


def test_a_missing_score_is_never_a_result():
    found = paired_over_examples([1.0, math.nan], [1.0, 0.0])
    assert np.isnan([found.mean, found.low, found.high]).all()
    assert (found.p, found.n) == (None, 2)


@pytest.mark.parametrize("name", ["f1", "matthews", "pearson"])
def test_the_difference_of_a_measure_is_that_of_its_means_over_seeds(name):
    measure = MEASURES[name]
    found = paired_measure(OURS, THEIRS, LABELS, measure, resamples=20)
    expected = sum(measure(run, LABELS) for run in OURS) / 3 - sum(measure(run, LABELS) for run in THEIRS) / 3
    assert found.mean == pytest.approx(expected)
    assert found.n == 80


def test_for_a_mean_of_examples_both_ways_agree():
    found = paired_measure(OURS[0], THEIRS[0], LABELS, MEASURES["accuracy"], resamples=500)
    mean = paired_over_examples(100 * CORRECT[0], 100 * BASELINE[0])
    assert found.mean == pytest.approx(mean.mean)
    assert (found.low, found.high) == pytest.approx((mean.low, mean.high), abs=2)
    assert found.p == pytest.approx(mean.p, abs=0.02)


def test_the_interval_of_a_correlation_is_that_of_scipy():
    labels = RANDOM.normal(size=60)
    ours, theirs = labels + RANDOM.normal(size=60), labels + 2 * RANDOM.normal(size=60)

    def gap(x, y, z):
        return 100 * (stats.pearsonr(x, z).statistic - stats.pearsonr(y, z).statistic)

    interval = stats.bootstrap(
        (ours, theirs, labels), gap, paired=True, vectorized=False, method="percentile", n_resamples=600, rng=1
    ).confidence_interval
    found = paired_measure(ours, theirs, labels, MEASURES["pearson"], resamples=600)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=4)
    assert found.high - found.low > 20


def test_the_test_of_a_measure_exchanges_whole_examples():
    # Seven examples, all of the positive class; the systems differ on two of them, in both seeds alike. Exchanged
    # together, a difference in recall as large is found in 2 of 4 ways; seed by seed it would be 2 of 16.
    labels = np.ones(7, dtype=int)
    ours = np.ones((2, 7), dtype=int)
    theirs = ours.copy()
    theirs[:, :2] = 0
    found = paired_measure(ours, theirs, labels, lambda p, y: 100 * float(p.mean()), resamples=2000)
    assert found.p == pytest.approx(2 / 4, abs=0.04)


def test_equal_systems_and_undefined_measures():
    same = paired_measure(OURS, OURS, LABELS, MEASURES["f1"], resamples=20)
    assert (same.mean, same.p) == (0.0, 1.0)
    assert math.isnan(same.low)
    undefined = paired_measure([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 4.0], MEASURES["pearson"], resamples=20)
    assert undefined.p is None
    assert math.isnan(undefined.low)


def test_the_seed_decides():
    found = [paired_measure(OURS, THEIRS, LABELS, MEASURES["accuracy"], resamples=20, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    means = [paired_over_examples(CORRECT, BASELINE, resamples=50, seed=seed) for seed in (0, 0, 1)]
    assert means[0] == means[1] != means[2]


def test_shapes_are_checked():
    for values, baseline in (([1.0], [1.0, 2.0]), ([], []), (1.0, 1.0)):
        with pytest.raises(UserError, match="paired over examples: got shapes"):
            paired_over_examples(values, baseline)
    with pytest.raises(UserError, match=r"got 2 predictions and labels of shape \(3,\)"):
        paired_measure([1, 0], [1, 1], [1, 0, 1], MEASURES["f1"])

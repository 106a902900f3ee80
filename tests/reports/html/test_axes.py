"""Curves over what a grid varies."""

import math
import re

import pytest

from cmploss.experiment.grouping import comparisons_of
from cmploss.reports.html.pictures import axis_pictures
from cmploss.reports.table import tables_of
from tests.reports.html.studies import rows_in
from tests.reports.runs import record_of

SLOTS = {"supervised": 0}


def pictures_of(records):
    groups = comparisons_of(records)
    return axis_pictures(groups, tables_of(groups), SLOTS)


def dots_in(picture):
    """Where the markers stand from left to right, the first at 0 and the last at 1."""
    line = re.search(r'class="line" points="([^"]*)"', picture.svg)[1]
    places = [float(point.partition(",")[0]) for point in line.split()]
    return [(place - places[0]) / (places[-1] - places[0]) for place in places]


def test_sizes_are_a_curve_where_nothing_else_differs():
    records = [
        record_of("supervised", seed, score + seed, train_size=size)
        for size, score in ((20, 50.0), (100, 60.0), (None, 70.0))
        for seed in (0, 1)
    ]
    (picture,) = pictures_of(records)
    assert picture.title == "By training examples: no noise"
    assert picture.file_name == "by_training_examples_no_noise.csv"
    assert rows_in(picture) == [
        ["objective", "training examples", "mean", "sd", "runs"],
        ["supervised", "20", "50.5", "0.7071067811865476", "2"],
        ["supervised", "100", "60.5", "0.7071067811865476", "2"],
        ["supervised", "400", "70.5", "0.7071067811865476", "2"],  # all of them
    ]
    assert dots_in(picture) == pytest.approx([0, math.log(100 / 20) / math.log(400 / 20), 1], abs=0.001)


def test_noises_stand_at_their_rates():
    noises = ("label:0.4", "none", "label:0.1", "typo:0.3")
    records = [record_of("supervised", 0, 60.0, noise=noise) for noise in noises]
    labels, typos = pictures_of(records)
    assert labels.title == "By rate of label noise: all training examples"
    assert [row[1] for row in rows_in(labels)] == ["rate of label noise", "0", "0.1", "0.4"]
    assert dots_in(labels) == pytest.approx([0, 0.25, 1], abs=0.001)
    assert [row[1] for row in rows_in(typos)] == ["rate of typo noise", "0", "0.3"]


def test_scores_that_are_missing_are_no_points():
    scores = {20: 50.0, 60: math.nan, 100: 60.0}
    (picture,) = pictures_of([record_of("supervised", 0, score, train_size=size) for size, score in scores.items()])
    assert dots_in(picture) == [0, 1]
    assert pictures_of([record_of("supervised", 0, math.nan, train_size=size) for size in scores]) == []


@pytest.mark.parametrize(("noises", "titles"), [(["none"], 1), (["none", "label:0.2"], 4)])
def test_a_grid_has_a_curve_for_every_row_and_column(noises, titles):
    records = [
        record_of("supervised", 0, 50.0, train_size=size, noise=noise, steps=size)
        for size in (20, 100)
        for noise in noises
    ]
    found = pictures_of(records)
    assert len({picture.title for picture in found}) == len(found) == titles

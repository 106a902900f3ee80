"""The numbers behind the pictures of an evaluation of feedback."""

import numpy as np
import pytest

from cmploss.reports.html.prf_pictures import (
    change_picture,
    fed_methods,
    gain_pictures,
    measure_pictures,
    share_pictures,
)
from tests.reports.feedback.evaluations import evaluation_of
from tests.reports.html.studies import rows_in

NONE = [0.5, 0.5, 0.5, 0.5]
RECORD = evaluation_of(
    {
        ("none", 0): NONE,
        ("average", 1): [0.7, 0.5, 0.5, 0.5],
        ("average", 3): [0.3, 0.3, 0.9, 0.5],
        ("lol", 0): np.array([NONE, NONE]),
        ("lol", 1): np.array([[0.6] * 4, [0.8] * 4]),
        ("lol", 3): np.array([[0.9, 0.4, 0.4, 0.9], [0.9, 0.9, 0.9, 0.9]]),
        ("bm25", None): [0.1, 0.1, 0.3, 0.3],
    }
)
SLOTS = {"none": 0, "average": 1, "lol": 2, "bm25": 3}


def numbers(picture):
    return [[row[0], *(float(cell) if cell else None for cell in row[1:])] for row in rows_in(picture)[1:]]


def test_methods_that_feed_something_back():
    assert {name: [row.passages for row in rows] for name, rows in fed_methods(RECORD).items()} == {
        "average": [1, 3],
        "lol": [0, 1, 3],
    }


def test_measures_start_without_feedback_and_what_reads_nothing_is_level():
    pictures = measure_pictures(RECORD, SLOTS)
    assert [picture.title for picture in pictures] == [
        f"{name} by feedback" for name in ("nDCG@10", "RR@10", "AP", "R@100", "R@1000")
    ]
    assert rows_in(pictures[0])[0] == ["method", "feedback passages", "nDCG@10", "sd"]
    root = 0.5**0.5  # two seeds: sd = difference / √2
    assert numbers(pictures[0]) == [
        ["none", 0, 0.5, None],
        ["none", 3, 0.5, None],
        ["average", 0, 0.5, None],
        ["average", 1, pytest.approx(0.55), None],
        ["average", 3, pytest.approx(0.5), None],
        ["lol", 0, 0.5, 0],
        ["lol", 1, pytest.approx(0.7), pytest.approx(0.2 * root)],
        ["lol", 3, pytest.approx(0.775), pytest.approx(0.25 * root)],
        ["bm25", 0, pytest.approx(0.2), None],
        ["bm25", 3, pytest.approx(0.2), None],
    ]


def test_shares_are_in_percent_over_seeds():
    below, step = share_pictures(RECORD, SLOTS)
    root = 0.5**0.5
    assert numbers(below) == [
        ["average", 1, 0, None],
        ["average", 3, 50, None],
        ["lol", 0, 0, 0],
        ["lol", 1, 0, 0],
        ["lol", 3, 25, pytest.approx(50 * root)],  # two of four, none of four
    ]
    assert numbers(step) == [
        ["average", 1, 0, None],
        ["average", 3, 50, None],
        ["lol", 1, 0, 0],
        ["lol", 3, 25, pytest.approx(50 * root)],
    ]


def test_ticks_are_the_numbers_that_are_drawn():
    _, step = share_pictures(RECORD, SLOTS)
    assert '<text class="middle" x="50.0"' not in str(step.svg)
    assert [text in str(step.svg) for text in (">0</text><", ">1</text>", ">3</text>")] == [False, True, True]


def test_the_change_by_the_most_passages_has_a_dot_a_seed():
    picture = change_picture(RECORD, SLOTS)
    assert picture.title == "Change by 3 passages"
    assert rows_in(picture)[1:] == [
        ["average", "3", "", "0.0"],
        ["lol", "3", "0", str(0.65 - 0.5)],
        ["lol", "3", "1", "0.4"],
    ]
    assert str(picture.svg).count('class="dot"') == 2
    assert "lol, seed 1: 0.4000" in str(picture.svg)
    assert "average +0.0000 [" in str(picture.svg)


def test_gains_are_sorted_by_the_fewest_and_the_most_passages():
    few, many = gain_pictures(RECORD, SLOTS)
    assert [few.title, many.title] == ["Gains and losses by 1 passage", "Gains and losses by 3 passages"]
    found = {(row[0], row[1]): row[2] for row in numbers(many)}
    # average: −.2, −.2, 0, +.4; lol over its seeds: +.4, +.15, +.15, +.4
    assert [found["average", place] for place in (0, 50, 100)] == [pytest.approx(gap) for gap in (-0.2, -0.1, 0.4)]
    assert [found["lol", place] for place in (0, 50, 100)] == [pytest.approx(gap) for gap in (0.15, 0.275, 0.4)]


def test_without_feedback_there_is_nothing_to_draw_but_the_scores():
    record = evaluation_of({("none", 0): NONE, ("bm25", None): NONE})
    slots = {"none": 0, "bm25": 1}
    assert (change_picture(record, slots), gain_pictures(record, slots), share_pictures(record, slots)) == (
        None,
        [],
        [],
    )
    assert len(measure_pictures(record, slots)) == 5

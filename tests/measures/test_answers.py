"""Answer measures against values by hand, and thresholds against trying each of them."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.measures import CLOSED_ANSWERS, best_thresholds, exact_match_f1
from cmploss.measures.answer_scores import answer_scores, normalise_answer

WORDS = st.sampled_from(["the", "a", "Lamp", "lamp", "lamp's", "old", "new", "(new)", "yes", "no", "!"])
ANSWERS = st.lists(WORDS, max_size=5).map(" ".join)
REFERENCES = st.lists(ANSWERS, max_size=3)


def apply_threshold(predictions, differences, threshold):
    """No answer where the null difference is above the threshold."""
    return {id: "" if differences[id] > threshold else answer for id, answer in predictions.items()}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The  Eiffel-Tower, in\tPARIS!", "eiffeltower in paris"),
        ("an apple a day", "apple day"),
        ("theory and anatomy", "theory and anatomy"),
        ("a.m.", "am"),  # punctuation goes first, so that no article a is left
        ("the-end", "theend"),
        ("“Straße” – 5 €", "“straße” – 5 €"),  # only ASCII punctuation is removed
        ("The!", ""),
    ],
)
def test_normalisation(answer, expected):
    assert normalise_answer(answer) == expected


@pytest.mark.parametrize(
    ("prediction", "references", "exact", "f1"),
    [
        ("The Lamp.", ["lamp"], 1, 1),
        ("old lamp", ["a lamp", "the old brown lamp"], 0, 2 * 2 / (2 + 3)),
        ("lamp lamp old", ["lamp old old"], 0, 2 * 2 / (3 + 3)),  # each word counts as often as both have it
        ("door", ["lamp", "window"], 0, 0),
        ("", [], 1, 1),
        ("the", [], 1, 1),
        ("lamp", [], 0, 0),
        ("", ["lamp"], 0, 0),
        ("", ["the", "lamp"], 0, 0),  # a reference without words is left out, unless there is no other
        ("", ["the", "..."], 1, 1),
        ("yes it is", ["yes"], 0, 2 * 1 / (3 + 1)),
    ],
)
def test_scores_by_hand(prediction, references, exact, f1):
    assert answer_scores(prediction, references) == pytest.approx((100 * exact, 100 * f1))


@pytest.mark.parametrize(
    ("prediction", "reference", "exact", "f1"),
    [
        ("yes it is", "yes", 0, 0),
        ("no", "no man's land", 0, 0),
        ("Yes.", "yes", 1, 1),
        ("noanswer", "lamp", 0, 0),
        ("yes lamp", "lamp", 0, 2 * 1 / (2 + 1)),  # closed is the whole answer, not a word of it
    ],
)
def test_closed_answers_are_right_or_wrong_as_a_whole(prediction, reference, exact, f1):
    expected = {"exact_match": 100 * exact, "f1": pytest.approx(100 * f1)}
    assert exact_match_f1({"q": prediction}, {"q": [reference]}, closed=CLOSED_ANSWERS) == expected


@given(ANSWERS, REFERENCES, st.sampled_from([(), CLOSED_ANSWERS]))
def test_properties(prediction, references, closed):
    exact, f1 = answer_scores(prediction, references, closed=closed)
    assert exact in (0, 100)
    assert exact <= f1 <= 100
    one_by_one = [answer_scores(prediction, [reference], closed=closed) for reference in references]
    if all(normalise_answer(reference) for reference in references) and references:
        assert (exact, f1) == (max(one[0] for one in one_by_one), max(one[1] for one in one_by_one))
    for reference, scores in zip(references, one_by_one, strict=True):
        assert answer_scores(reference, [prediction], closed=closed) == scores
    if normalise_answer(prediction):
        assert answer_scores(prediction, [*references, prediction], closed=closed) == (100, 100)


def test_means_are_over_questions():
    references = {"a": ["lamp"], "b": ["old lamp"], "c": []}
    scores = exact_match_f1({"c": "lamp", "b": "lamp", "a": "lamp"}, references)
    assert scores == pytest.approx({"exact_match": 100 * (1 + 0 + 0) / 3, "f1": 100 * (1 + 2 / 3 + 0) / 3})


def test_thresholds_by_hand():
    predictions = {"a": "lamp", "b": "old lamp", "c": "door", "d": "lamp"}
    references = {"a": ["lamp"], "b": ["old brown lamp"], "c": [], "d": ["lamp"]}
    differences = {"a": -3.0, "b": -1.0, "c": 0.5, "d": 2.0}
    # Right from the smallest threshold on, exactly: c; a, c; a, c; a; a, d. F1 adds 4/5 for b from −1 on.
    assert best_thresholds(predictions, references, differences) == pytest.approx(
        {
            "best_exact_match": 100 * 2 / 4,
            "best_exact_match_threshold": -3.0,
            "best_f1": 100 * (1 + 4 / 5 + 1) / 4,
            "best_f1_threshold": -1.0,
        }
    )


def test_of_equally_good_thresholds_the_smallest():
    """F1 of 4/7 + 1/3, then three wrong answers, then four of 3/4: the same sum again, but for rounding errors."""
    partly = [("b c x", ["b c d e"]), ("b x y", ["b c d"]), *[("x", [])] * 3, *[("b c d x", ["b c d e"])] * 4]
    sums = np.cumsum([100 * f1 for f1 in (4 / 7, 1 / 3, -1, -1, -1, 3 / 4, 3 / 4, 3 / 4, 3 / 4)])
    assert sums[-1] > sums[1]
    rows = {str(index): row for index, row in enumerate(partly)}
    predictions, references = ({key: row[part] for key, row in rows.items()} for part in (0, 1))
    best = best_thresholds(predictions, references, {key: float(key) for key in rows})
    assert best["best_f1"] == pytest.approx(100 * (4 / 7 + 1 / 3 + 3) / 9)
    assert best["best_f1_threshold"] == 1.0


def test_best_may_be_to_answer_nothing_or_everything():
    nothing = best_thresholds({"a": "lamp", "b": ""}, {"a": [], "b": []}, {"a": -5.0, "b": math.inf})
    assert (nothing["best_f1"], nothing["best_exact_match"]) == (100, 100)
    assert -5.001 < nothing["best_f1_threshold"] < -5.0
    everything = best_thresholds({"a": "lamp", "b": "lamp"}, {"a": ["lamp"], "b": ["lamp"]}, {"a": 1.0, "b": 7.0})
    assert (everything["best_f1"], everything["best_f1_threshold"]) == (100, 7.0)


@given(st.lists(st.tuples(ANSWERS, REFERENCES, st.sampled_from([-2.0, -0.5, 0.0, 1.0, math.inf])), min_size=1))
def test_thresholds_equal_trying_each(rows):
    predictions = {str(index): row[0] for index, row in enumerate(rows)}
    references = {str(index): row[1] for index, row in enumerate(rows)}
    differences = {str(index): row[2] for index, row in enumerate(rows)}

    def scores_at(threshold):
        return exact_match_f1(apply_threshold(predictions, differences, threshold), references)

    tried = [scores_at(threshold) for threshold in (-9.0, *sorted(differences.values()))]
    best = best_thresholds(predictions, references, differences)
    for name in ("exact_match", "f1"):
        assert best[f"best_{name}"] == pytest.approx(max(scores[name] for scores in tried))
        assert scores_at(best[f"best_{name}_threshold"])[name] == pytest.approx(best[f"best_{name}"])
        smaller = [value for value in differences.values() if value < best[f"best_{name}_threshold"]]
        assert all(scores_at(value)[name] < best[f"best_{name}"] - 1e-9 for value in smaller)


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ({}, {}, "there are no questions to score"),
        (
            {"a": "x"},
            {"a": ["x"], "b7": ["x"]},
            "question 'b7' has no prediction; give one for each of the 2 questions",
        ),
        ({"a": "x", "z9": "x"}, {"a": ["x"]}, "there is a prediction for 'z9', which is not one of the 1 questions"),
        ({"a": "x"}, {"a": "lamp"}, "question 'a': its right answers are 'lamp'; give a list of strings"),
        ({"a": "x"}, {"a": [None]}, "question 'a': its right answers are .None.; give a list of strings"),
        ({"a": None}, {"a": ["x"]}, "question 'a': its prediction is None; give a string"),
    ],
)
def test_unusable_answers_are_user_errors(predictions, references, message):
    with pytest.raises(UserError, match=message):
        exact_match_f1(predictions, references)


@pytest.mark.parametrize(
    ("differences", "message"),
    [
        ({}, "question 'a' has no null difference"),
        ({"a": 0.0, "c": 1.0}, "there is a null difference for 'c'"),
        ({"a": math.nan}, "question 'a': null difference must be a number or inf, got nan"),
        ({"a": -math.inf}, "question 'a': null difference must be a number or inf, got -inf"),
    ],
)
def test_unusable_differences_are_user_errors(differences, message):
    with pytest.raises(UserError, match=message):
        best_thresholds({"a": "x"}, {"a": ["x"]}, differences)

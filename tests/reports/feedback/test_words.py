"""The answer in words: what helps, what cannot be told, what more feedback does, whom it hurts."""

import numpy as np
import pytest

from cmploss.reports.feedback import feedback_words
from tests.reports.feedback.evaluations import evaluation_of, typical

NONE = np.array([0.5] * 8)
NOISE = np.array([0.1, -0.1, 0.05, -0.05, 0.2, -0.2, 0.02, -0.02])  # its mean is 0


def words_of(scores):
    return " ".join(feedback_words(evaluation_of({("none", 0): NONE, **scores})))


def test_feedback_that_helps():
    # The squares of the noise add up to .1058: .3 ± 2.3646 · √(.1058 / 7) / √8
    words = words_of({("rocchio", 1): NONE + 0.3 + NOISE, ("average", 1): NONE + NOISE})
    assert words.startswith(
        "Feedback helps: rocchio with 1 passage is better than no feedback in nDCG@10 (+0.3000 [+0.1972, +0.4028], "
        "p < .001). Of the 2 pairs of method and number of passages, 1 is better than no feedback, 0 worse, 1 not to "
        "be told from it."
    )
    assert "With 1 passage, 0.0 % (rocchio) and 50.0 % (average) of the queries end below no feedback." in words
    assert "The step" not in words  # every method has one


@pytest.mark.parametrize(
    ("gain", "start"),
    [
        (
            0.02,
            "Feedback is not shown to help: the best, average with 1 passage, cannot be told from no feedback (+0.02",
        ),
        (-0.02, "Nothing beats no feedback: the best, average with 1 passage, is not above it (−0.02"),
        (-0.3, "Feedback hurts: even the best, average with 1 passage, is worse than no feedback in nDCG@10 (−0.30"),
    ],
)
def test_feedback_that_does_not_help(gain, start):
    assert words_of({("average", 1): NONE + gain + NOISE}).startswith(start)


def test_what_is_shown_comes_before_what_is_larger_but_uncertain():
    wild = NONE + 0.2 + 4 * NOISE
    words = words_of({("wild", 1): wild, ("sure", 1): NONE + 0.1 + NOISE / 5})
    assert words.startswith("Feedback helps: sure with 1 passage")


def test_equal_scores_are_no_difference():
    words = words_of({("average", 1): NONE, ("average", 2): NONE})
    assert words.startswith(
        "Nothing beats no feedback: the best, average with 1 passage, is not above it (+0.0000, p = 1.00)"
    )
    assert "From 1 to 2 passages, no change can be told for average." in words


def test_more_feedback_gains_loses_or_cannot_be_told():
    words = words_of(
        {
            **{("up", k): NONE + 0.2 * (k - 1) / 2 + NOISE * k / 9 for k in (1, 2, 3)},
            **{("down", k): NONE - 0.2 * (k - 1) / 2 + NOISE * k / 9 for k in (1, 2, 3)},
            **{("even", k): NONE + NOISE * k / 9 for k in (1, 2, 3)},
        }
    )
    assert "From 1 to 3 passages, up gains; down loses; no change can be told for even." in words
    assert "From 1 to 3 passages in nDCG@10: up +0.2000 [+0.1772, +0.2228], p < .001; down −0.2000 [" in words
    # up: 0 → 1 hurts four of eight queries, then none; down: 1 → 2 hurts all; even: every step hurts four.
    assert (
        "The step of more feedback that hurts most hurts 50.0 % (up), 50.0 % (even) and 100.0 % (down) of the" in words
    )


def test_a_reformulator_is_compared_with_itself_without_passages():
    words = words_of({("lol", 0): NONE + 0.3 + NOISE, ("lol", 2): NONE + 0.3 + NOISE[::-1]})
    assert words.startswith("Training helps, feedback is not shown to: lol with 2 passages is better than no feedback")
    assert "Against itself without passages, lol with 2 passages gains nothing that can be told (+0.0000 [" in words
    words = words_of({("lol", 0): NONE + NOISE, ("lol", 2): NONE + 0.3 + NOISE})
    assert "lol with 2 passages gains nothing that can be told (+0.3000, the same for every query" in words
    words = words_of({("lol", 0): NONE + NOISE, ("lol", 2): NONE + 0.3 + NOISE / 2})
    assert "Against itself without passages, lol with 2 passages gains (+0.3000 [" in words
    assert words.startswith("Feedback helps: lol")
    words = words_of({("lol", 0): NONE + 0.4, ("lol", 2): NONE + 0.4 - NOISE, ("rocchio", 2): NONE + 0.3 + NOISE})
    assert words.startswith("Feedback helps: rocchio")  # the larger gain is of training


def test_where_nothing_is_shown_the_best_is_the_highest():
    words = words_of({("lol", 0): NONE, ("lol", 2): NONE + 0.03 + NOISE, ("rocchio", 2): NONE + 0.02 + NOISE})
    assert words.startswith("Feedback is not shown to help: the best, lol with 2 passages, cannot be told from")


def test_shares_over_seeds_have_a_deviation():
    words = words_of({("lol", 1): np.stack([NONE + NOISE, NONE + 0.3 + NOISE])})
    assert "25.0 ± 35.4 % (lol) of the queries end below no feedback" in words


def test_nothing_that_is_fed_back_is_nothing_to_compare():
    assert words_of({("bm25", None): NONE}) == "Nothing was fed back, so there is nothing to compare."


def test_the_answer_comes_first_and_everything_is_a_sentence():
    first, *others = feedback_words(typical())
    assert first.startswith("Feedback helps: lol with 3 passages")
    assert first.endswith("From 1 to 3 passages, one and lol gain; average loses.")
    assert len(others) == 5
    assert all(words.endswith(".") and "nan" not in words for words in (first, *others))

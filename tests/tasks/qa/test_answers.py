"""Answers equal brute force: every span of every window, as characters, by the rules as they are said."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from cmploss.tasks.qa.answers import (
    Answer,
    Answered,
    Answers,
    WindowOutputs,
    question_scores,
    read_answers,
    run_windows,
)
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.questions import NO_SPAN, YES_SPAN, Question, Segment, Span
from cmploss.tasks.qa.windows import WindowConfig, context_windows
from tests.tasks.qa.known_logits import KnownLogits
from tests.tasks.qa.texts import questions, words
from tests.tasks.qa.tokenizers import ALL, KINDS, byte_level, wordpiece


def brute_force(question, windows, model, longest):
    """The score of every span of characters that begins and ends with a token in one window and in one text."""
    best = {}
    for window in windows:
        logits = model.logits(torch.as_tensor(window["input_ids"], dtype=torch.long)).tolist()
        places = list(zip(window["segments"].tolist(), window["offsets"].tolist(), strict=True))
        for i, (text, (start, _)) in enumerate(places):
            for j, (other, (_, end)) in enumerate(places[i : i + longest], i):
                if text == other >= 0:
                    span, score = Span(text, start, end), np.float32(logits[i][0]) + np.float32(logits[j][1])
                    best[span] = max(best.get(span, -np.inf), score)
    return sorted(best.items(), key=lambda item: -item[1])


def agree(found, question, windows, model, *, n_best, longest):
    """Whether the answers are the best spans; of spans with one score any may come first."""
    expected = brute_force(question, windows, model, longest)
    assert [answer.score for answer in found.best] == [score for _, score in expected[:n_best]]
    assert len({answer.span for answer in found.best}) == len(found.best)
    scores = dict(expected)
    for answer in found.best:
        assert scores[answer.span] == np.float32(answer.score)
        assert answer.text == question.texts[answer.span.text][answer.span.start : answer.span.end]
        assert answer.text.strip() == answer.text != ""
    nulls = [model.logits(torch.as_tensor(window["input_ids"], dtype=torch.long)) for window in windows]
    at = [int(window["null_position"]) for window in windows]
    assert found.null_score == min(float(row[place].sum()) for row, place in zip(nulls, at, strict=True))
    return True


@settings(max_examples=60, deadline=None)  # every one is brute force
@given(
    kind=KINDS,
    asked=st.lists(questions(), min_size=1, max_size=3),
    stride=st.integers(0, 20),
    n_best=st.integers(1, 12),
    longest=st.sampled_from([1, 3, 30]),
)
def test_answers_over_windows_that_overlap(kind, asked, stride, n_best, longest):
    tokenizer, model = ALL[kind](), KnownLogits()
    windows = context_windows(asked, tokenizer, WindowConfig(80, stride))
    outputs = run_windows(model, tokenizer, windows)
    found = read_answers(asked, windows, outputs, n_best=n_best, max_answer_tokens=longest)
    for number, (question, answers) in enumerate(zip(asked, found, strict=True)):
        own = [window for window in windows if window["question"] == number]
        assert agree(answers, question, own, model, n_best=n_best, longest=longest)


@settings(max_examples=60, deadline=None)  # every one is brute force
@given(
    kind=KINDS,
    asked=questions(segments=st.integers(1, 4), titles=words),
    n_best=st.integers(1, 12),
)
def test_answers_over_windows_of_paragraphs(kind, asked, n_best):
    tokenizer, model = ALL[kind](), KnownLogits()
    windows = paragraph_windows([asked], tokenizer, WindowConfig(160), fit="windows")
    (found,) = read_answers([asked], windows, run_windows(model, tokenizer, windows), n_best=n_best)
    assert agree(found, asked, windows, model, n_best=n_best, longest=30)


def outputs_of(windows, starts, ends):
    """Logits that are given for some tokens, else −9; the null token has 1 and 2."""
    rows = []
    for given_ in (starts, ends):
        row = [np.full(len(window["input_ids"]), -9, np.float32) for window in windows]
        for logits, window in zip(row, windows, strict=True):
            logits[window["null_position"]] = 1 if given_ is starts else 2
        for number, token, value in given_:
            row[number][token] = value
        rows.append(row)
    return WindowOutputs(*rows, np.zeros(len(windows)))


def test_a_span_that_windows_share_is_given_once_with_its_best_score():
    # 4 tokens beside the context leave room for 6: tokens 0-5, 4-9, 8-9.
    question = Question("q", "who", (Segment("a b c d e f g h i j"),))
    windows = context_windows([question], wordpiece(), WindowConfig(10, stride=2))
    # "e f" is 7-8 in the first window and 3-4 in the second; "h" is 6 in the second.
    outputs = outputs_of(windows, [(0, 7, 2.0), (1, 3, 3.0), (1, 6, 1.0)], [(0, 8, 2.0), (1, 4, 3.0), (1, 6, 2.0)])
    (found,) = read_answers([question], windows, outputs, n_best=3)
    assert [(answer.text, answer.score) for answer in found.best[:2]] == [("e f", 6.0), ("e f g h", 5.0)]
    assert found.best[2] == Answer("h", 3.0, Span(3, 14, 15))
    assert found.null_score == 3.0
    assert found.null_difference == -3.0


def test_tokens_that_share_a_character_are_one_answer():
    question = Question("q", "who", (Segment("日"),))
    windows = context_windows([question], byte_level(), WindowConfig())
    assert windows[0]["segments"].tolist().count(3) == 3  # three bytes, six spans of tokens
    (found,) = read_answers([question], windows, run_windows(KnownLogits(), byte_level(), windows), n_best=5)
    assert [answer.text for answer in found.best] == ["日"]
    # Next to others, too, as many different answers are found as there are.
    question = Question("q", "who", (Segment("日本 a"),))
    windows = context_windows([question], byte_level(), WindowConfig())
    (found,) = read_answers([question], windows, run_windows(KnownLogits(), byte_level(), windows), n_best=6)
    assert {answer.text for answer in found.best} == {"日", "本", "日本", "日本 a", "本 a", "a"}


def test_answers_go_over_white_space_that_is_a_token_but_do_not_end_with_it():
    text = "Ada  \n Stone"
    question = Question("q", "Who?", (Segment(text, "Who"), Segment("b")))
    windows = paragraph_windows([question], byte_level(), WindowConfig(), fit="windows")
    places = windows[0]["segments"].tolist()
    first, last = places.index(3), len(places) - 1 - places[::-1].index(3)
    inside = [token for token in range(first, last) if places[token] < 0]
    assert inside  # tokens of white space alone
    starts, ends = [(0, first, 5.0)], [(0, last, 5.0)]
    for token in inside:
        starts.append((0, token, 9.0))
        ends.append((0, token, 9.0))
    (found,) = read_answers([question], windows, outputs_of(windows, starts, ends), n_best=500)
    assert (found.best[0].text, found.best[0].score) == (text, 10.0)
    texts = [question.texts[answer.span.text][answer.span.start : answer.span.end] for answer in found.best]
    assert texts == [answer.text for answer in found.best]
    assert all(answer.text.strip() == answer.text for answer in found.best)
    assert max(answer.score for answer in found.best[1:]) == -4.0


def test_yes_and_no_are_answers_of_every_window():
    question = Question("q", "Is it old?", (Segment("It is new.", "House"), Segment("It is old.", "Barn")))
    windows = paragraph_windows([question], wordpiece(), WindowConfig(16), fit="windows")
    assert len(windows) == 2
    outputs = outputs_of(windows, [(0, 1, 1.0), (1, 1, 4.0), (0, 2, 2.0)], [(0, 1, 1.0), (1, 1, 4.0), (0, 2, 2.0)])
    (found,) = read_answers([question], windows, outputs, n_best=2)
    assert found.best == (Answer("yes", 8.0, YES_SPAN), Answer("no", 4.0, NO_SPAN))


def test_questions_keep_their_order_and_their_own_windows():
    asked = [Question(str(n), "who", (Segment(text),)) for n, text in enumerate(["a b", "c", "d e f"])]
    windows = context_windows(asked, wordpiece(), WindowConfig())[::-1]  # in any order
    found = read_answers(asked, windows, run_windows(KnownLogits(), wordpiece(), windows), n_best=20)
    assert [len(answers.best) for answers in found] == [3, 1, 6]
    assert [{answer.text for answer in answers.best} for answers in found[:2]] == [{"a", "b", "a b"}, {"c"}]


def test_a_text_without_tokens_has_no_answer():
    asked = [Question("q", "who", (Segment("\u200d"),)), Question("r", "who", (Segment("a"),))]
    windows = context_windows(asked, wordpiece(), WindowConfig())
    nothing, something = read_answers(asked, windows, outputs_of(windows, [], []), n_best=2)
    assert (nothing.best, nothing.null_score, nothing.null_difference) == ((), 3.0, float("inf"))
    assert nothing.text() == nothing.text(1e9) == nothing.text(float("inf")) == ""
    assert something.text() == "a"


def test_the_threshold_is_on_the_null_difference():
    answers = Answers((Answer("a", 2.0, Span(3, 0, 1)),), null_score=5.0)
    assert answers.null_difference == 3.0
    assert [answers.text(threshold) for threshold in (None, 2.9, 3.0, 3.1)] == ["a", "", "a", "a"]


def test_of_equal_scores_the_earlier_window_start_and_end_come_first():
    question = Question("q", "who", (Segment("a b c d e f"),))
    windows = context_windows([question], wordpiece(), WindowConfig(8, stride=0))  # tokens 0-3 and 4-5
    equal = [np.zeros(len(window["input_ids"]), np.float32) for window in windows]
    outputs = WindowOutputs(equal, equal, np.zeros(2))
    (found,) = read_answers([question], windows, outputs, n_best=20, max_answer_tokens=3)
    texts = ["a", "a b", "a b c", "b", "b c", "b c d", "c", "c d", "d", "e", "e f", "f"]
    assert [answer.text for answer in found.best] == texts


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_numbers_are_refused(side, value):
    question = Question("q", "who", (Segment("a b"),))
    windows = context_windows([question], wordpiece(), WindowConfig())
    logits = [[np.zeros(len(windows[0]["input_ids"]), np.float32)] for _ in range(2)]
    logits[side][0][0] = value  # outside of the text it is not read
    read_answers([question], windows, WindowOutputs(*logits, np.zeros(1)))
    logits[side][0][4] = value
    with pytest.raises(ValueError, match="start or end logits are not finite at a possible answer"):
        read_answers([question], windows, WindowOutputs(*logits, np.zeros(1)))


def test_a_logit_of_minus_infinity_rules_a_token_out():
    question = Question("q", "who", (Segment("a b"),))
    windows = context_windows([question], wordpiece(), WindowConfig())
    logits = [np.array([0, 0, 0, -np.inf, 1, 0], np.float32)]
    (found,) = read_answers([question], windows, WindowOutputs(logits, logits, np.zeros(1)), n_best=3)
    assert found.best == (Answer("b", 2.0, Span(3, 2, 3)),)


def scores_of(rows):
    """Scores of texts, each with its right answers."""
    asked = [Question(str(n), "Who?", (Segment("a"),), right) for n, (_, right) in enumerate(rows)]
    found = [Answers((Answer(text, 0.0, Span(3, 0, 1)),) if text else (), 0.0) for text, _ in rows]
    return question_scores(Answered(asked, found, np.zeros(len(rows))))


def test_questions_with_and_without_an_answer_are_also_scored_alone():
    rows = [("lamp", ("lamp",)), ("lamp", ("old lamp",)), ("lamp", ()), ("", ("the",))]
    scores = scores_of(rows)
    assert next(iter(scores)) == "f1"
    assert scores == pytest.approx(
        {
            "f1": 100 * (1 + 2 / 3 + 0 + 1) / 4,
            "exact_match": 100 * 2 / 4,
            # As in the official script, a question whose answer is only an article has an answer.
            "has_answer_exact_match": 100 * 2 / 3,
            "has_answer_f1": 100 * (1 + 2 / 3 + 1) / 3,
            "no_answer_exact_match": 0,
            "no_answer_f1": 0,
        }
    )
    assert scores_of(rows[2:3]).keys() == {"f1", "exact_match", "no_answer_f1", "no_answer_exact_match"}
    assert scores_of(rows[:2]).keys() == {"f1", "exact_match"}

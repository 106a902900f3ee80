from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from cmploss.errors import UserError
from cmploss.tasks.qa.questions import Question, Segment, Span
from cmploss.tasks.qa.token_ranges import tokenised
from cmploss.tasks.qa.windows import WindowConfig, context_windows, note_on_long
from tests.tasks.qa.texts import questions
from tests.tasks.qa.tokenizers import ALL, KINDS, bare, cls_last, wordpiece
from tests.tasks.qa.window_labels import answer_of, lost_answers

LIMITS = st.integers(0, 20).flatmap(lambda stride: st.tuples(st.just(stride), st.integers(stride + 60, stride + 90)))


@given(kind=KINDS, question=questions(), limits=LIMITS)
def test_windows_are_those_of_the_tokenizer(kind, question, limits):
    stride, length = limits
    tokenizer = ALL[kind]()
    assume(len(tokenizer(question.text.strip(), add_special_tokens=False)["input_ids"]) <= length // 2)
    windows = context_windows([question], tokenizer, WindowConfig(length, stride))
    expected = tokenizer(
        question.text.strip(),
        question.segments[0].text,
        truncation="only_second",
        max_length=length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    assert [window["input_ids"].tolist() for window in windows] == expected["input_ids"]
    if "token_type_ids" in expected:
        assert [window["token_type_ids"].tolist() for window in windows] == expected["token_type_ids"]
    else:
        assert "token_type_ids" not in windows[0]
    for number, window in enumerate(windows):
        context = [part == 1 for part in expected.sequence_ids(number)]
        assert (~window["global_attention_mask"]).tolist() == context
        # An answer may stand wherever the context has something to read, and its place is that without white space.
        places = expected["offset_mapping"][number]
        read = [
            question.segments[0].text[slice(*place)] if inside else ""
            for inside, place in zip(context, places, strict=True)
        ]
        assert [text >= 0 for text in window["segments"]] == [bool(piece.strip()) for piece in read]
        assert [question.segments[0].text[slice(*place)] for place in window["offsets"]] == [
            piece.strip() for piece in read
        ]


@given(kind=KINDS, question=questions(), limits=LIMITS)
def test_labels_decode_to_the_first_answer_that_a_window_holds(kind, question, limits):
    stride, length = limits
    tokenizer = ALL[kind]()
    for window in context_windows([question], tokenizer, WindowConfig(length, stride)):
        inside = {
            (int(first), int(end))
            for text, (first, end) in zip(window["segments"], window["offsets"], strict=True)
            if text == 3
        }
        starts, ends = {first for first, _ in inside}, {end for _, end in inside}
        # Whole words begin and end at tokens, and a window holds all tokens between two of its own.
        held = [span for span in question.spans if span.start in starts and span.end in ends]
        found = answer_of(question, window)
        if held and (found is None or found != held[0]):
            # The bytes of one character may be apart: the edge of a window can cut an answer inside a character.
            assert kind != "wordpiece"
            assert "".join(question.answer(held[0]).split()).isascii() is False
            continue
        assert found == (held[0] if held else None)
        assert window["answer_lost"] == (bool(question.answers) and not held)


@given(kind=KINDS, question=questions(), limits=LIMITS)
def test_windows_cover_every_token_and_share_the_stride(kind, question, limits):
    stride, length = limits
    tokenizer = ALL[kind]()
    text = question.segments[0].text
    tokens = tokenised([text], tokenizer)[text]
    windows = context_windows([question], tokenizer, WindowConfig(length, stride))
    contexts = [window["input_ids"][~window["global_attention_mask"]].tolist() for window in windows]
    joined = contexts[0]
    for before, after in pairwise(contexts):
        assert before[len(before) - stride :] == after[:stride]
        assert len(after) > stride
        joined = joined + after[stride:]
    assert joined == tokens.ids.tolist()
    assert all(len(window["input_ids"]) == length for window in windows[:-1])


def test_a_window_by_hand():
    question = Question(
        "q", " Who? ", (Segment("Ada built it.", "Bridges"),), ("Ada", "built it"), (Span(3, 4, 12), Span(3, 0, 3))
    )
    (window,) = context_windows([question], wordpiece(), WindowConfig())
    assert wordpiece().convert_ids_to_tokens(window["input_ids"]) == [
        "[CLS]", "who", "?", "[SEP]", "ada", "built", "it", ".", "[SEP]"
    ]  # fmt: skip
    assert window["segments"].tolist() == [-1, -1, -1, -1, 3, 3, 3, 3, -1]
    assert window["offsets"].tolist() == [[0, 0]] * 4 + [[0, 3], [4, 9], [10, 12], [12, 13], [0, 0]]
    assert window["token_type_ids"].tolist() == [0] * 4 + [1] * 5
    assert window["global_attention_mask"].tolist() == [True] * 4 + [False] * 4 + [True]
    assert (window["question"], window["start_positions"], window["end_positions"]) == (0, 5, 6)
    assert (window["null_position"], window["answer_lost"]) == (0, False)


def test_the_null_position_is_the_token_that_stands_for_no_answer():
    question = Question("q", "Who?", (Segment("Nobody."),))
    for tokenizer, token in ((wordpiece(), "[CLS]"), (cls_last(), "<cls>"), (bare(), "Wh")):
        (window,) = context_windows([question], tokenizer, WindowConfig())
        null = window["null_position"]
        assert (window["start_positions"], window["end_positions"], window["answer_lost"]) == (null, null, False)
        assert tokenizer.convert_ids_to_tokens([window["input_ids"][null]]) == [token]
        assert window["segments"][null] == -1
    assert null == 0


def test_several_segments_are_read_one_by_one():
    segments = (Segment("Ada built it."), Segment("Ben did."))
    asked = [Question("q", "Who?", segments, ("Ben",), (Span(5, 0, 3),)), Question("r", "Who?", segments[:1], ("Zoe",))]
    windows = context_windows(asked, wordpiece(), WindowConfig())
    assert [window["question"] for window in windows] == [0, 0, 1]
    assert [sorted(set(window["segments"].tolist())) for window in windows] == [[-1, 3], [-1, 5], [-1, 3]]
    assert [window["answer_lost"] for window in windows] == [True, False, True]
    assert lost_answers(windows) == lost_answers(windows[::-1]) == {1}


def test_the_answer_at_an_edge_of_windows():
    # 4 tokens beside the context leave room for 6: tokens 0-5, 4-9, 8-9.
    text = "a b c d e f g h i j"
    for span, labels in (
        (Span(3, 0, 1), [(3, 3), None, None]),
        (Span(3, 8, 11), [(7, 8), (3, 4), None]),  # e f, shared by two
        (Span(3, 8, 13), [None, (3, 5), None]),  # e f g, cut in the first
        (Span(3, 0, 19), [None, None, None]),
    ):
        question = Question("q", "who", (Segment(text),), ("x",), (span,))
        windows = context_windows([question], wordpiece(), WindowConfig(10, stride=2))
        found = [
            None if window["answer_lost"] else (window["start_positions"], window["end_positions"])
            for window in windows
        ]
        assert found == labels[: len(windows)]


def test_faults_name_question_and_option():
    def encode(question="Who?", **limits):
        asked = Question("q7", question, (Segment("Ada."),), place="dev.json, line 3")
        return context_windows([asked], wordpiece(), WindowConfig(**limits))

    place = r"^dev.json, line 3 \(id 'q7'\): the question "
    with pytest.raises(UserError, match=place + "leaves 4 of 9 tokens .* needs more than the stride of 4"):
        encode(max_length=9, stride=4)
    assert encode(max_length=9, stride=3)
    with pytest.raises(UserError, match=place + "leaves 0 of 3 tokens"):
        encode(max_length=3, stride=0)
    with pytest.raises(UserError, match="--max_length must be from 1 to 512 for this tokenizer, got 513"):
        encode(max_length=513)
    for option, value, least in (("stride", -1, 0), ("max_question_tokens", 0, 1), ("max_paragraph_tokens", 0, 1)):
        with pytest.raises(UserError, match=f"--{option} must be >= {least}, got {value}"):
            encode(**{option: value})


def test_a_long_question_is_cut_and_counted():
    questions = [Question(str(n), "w " * n, (Segment("Ada."),), place=f"line {n}") for n in (19, 20, 21, 40)]
    for limits, most in (({"max_question_tokens": 20}, 20), ({"max_length": 30, "stride": 2}, 15)):
        config = WindowConfig(**limits)
        windows = context_windows(questions, wordpiece(), config)
        # [CLS] question [SEP] ada . [SEP]
        assert [len(window["input_ids"]) for window in windows] == [5 + min(n, most) for n in (19, 20, 21, 40)]
        longer = [n for n in (19, 20, 21, 40) if n > most]
        (note,) = note_on_long(questions, wordpiece(), config)
        assert note.startswith(f"{len(longer)} of 4 questions have more than {most} tokens and are cut there, such as ")
        assert note.endswith(f"line {longer[0]} (id '{longer[0]}').")
    assert note_on_long(questions, wordpiece(), WindowConfig()) == ()


def test_an_empty_text_still_has_a_window():
    (window,) = context_windows([Question("q", "Who?", (Segment("\u200d"),))], wordpiece(), WindowConfig())
    assert set(window["segments"].tolist()) <= {-1, 3}
    assert np.all(window["offsets"][window["segments"] < 0] == 0)

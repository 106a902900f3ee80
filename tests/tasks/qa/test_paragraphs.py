import pytest
from hypothesis import assume, given, strategies as st
from transformers import PreTrainedTokenizerFast

from cmploss.errors import UserError
from cmploss.tasks.qa.paragraphs import cuts_of, paragraph_encoder, paragraph_window, paragraph_windows, shares
from cmploss.tasks.qa.questions import NO_SPAN, YES_SPAN, Question, Segment, Span, is_text
from cmploss.tasks.qa.windows import WindowConfig
from tests.tasks.qa.texts import questions, spans_of, words
from tests.tasks.qa.tokenizers import ALL, KINDS, bare, byte_level, wordpiece
from tests.tasks.qa.window_labels import answer_of, lost_answers

EVERY = pytest.mark.parametrize("kind", ALL)
TWO = (Segment("Ada built it.", "Bridges", evidence=True), Segment("Ben did not.", evidence=False))
asked = questions(segments=st.integers(0, 4), titles=st.none() | words, special=True)


def encode(question, fit="shortened", tokenizer=wordpiece, **limits):
    return paragraph_windows([question], tokenizer(), WindowConfig(**limits), fit=fit)


def test_the_layout_by_hand():
    (window,) = encode(Question("q", "Who?", TWO, ("Ada",), (Span(3, 0, 3),)))
    pieces = [
        *[("[CLS]", -1, 0, True), ("yes", 0, 0, True), ("no", 1, 0, True), ("[SEP]", -1, 0, True)],
        *[("who", -1, 0, True), ("?", -1, 0, True), ("[SEP]", -1, 0, True)],
        *[("bridges", 2, 1, False), (":", -1, 1, True)],
        *[
            ("ada", 3, 1, False),
            ("built", 3, 1, False),
            ("it", 3, 1, False),
            (".", 3, 1, False),
            ("[SEP]", -1, 1, True),
        ],
        *[("ben", 5, 1, False), ("did", 5, 1, False), ("not", 5, 1, False), (".", 5, 1, False), ("[SEP]", -1, 1, True)],
    ]
    columns = ("segments", "token_type_ids", "global_attention_mask")
    found = zip(
        wordpiece().convert_ids_to_tokens(window["input_ids"]),
        *(window[name].tolist() for name in columns),
        strict=True,
    )
    assert list(found) == pieces
    assert (window["start_positions"], window["end_positions"], window["null_position"]) == (9, 9, 0)
    assert window["offsets"][[1, 2, 7, 9]].tolist() == [[0, 3], [0, 2], [0, 7], [0, 3]]


def test_layouts_of_other_tokenizers():
    for tokenizer, expected in (
        (byte_level, "<s>yesno</s>Who?</s></s>Bridges:Ada built it.</s>Ben did not.</s>"),
        (bare, "<end>yesno<end>Who?<end>Bridges:Ada built it.<end>Ben did not."),
    ):
        (window,) = encode(Question("q", "Who?", TWO), tokenizer=tokenizer)
        assert tokenizer().decode(window["input_ids"]) == expected


@pytest.mark.parametrize(("span", "answer"), [(YES_SPAN, "yes"), (NO_SPAN, "no"), (Span(2, 0, 7), "Bridges")])
@EVERY
def test_yes_no_and_titles_are_answers(kind, span, answer):
    question = Question("q", "Who?", TWO, (answer,), (span,))
    (window,) = encode(question, tokenizer=ALL[kind])
    assert answer_of(question, window) == span
    assert question.answer(answer_of(question, window)) == answer
    assert window["segments"][window["null_position"]] == -1


@given(kind=KINDS, question=asked, limit=st.integers(3, 40), room=st.integers(130, 250))
def test_texts_stand_whole_in_order_and_labels_decode(kind, question, limit, room):
    tokenizer = ALL[kind]()
    config = WindowConfig(max_length=room, max_paragraph_tokens=limit)
    for fit in ("training", "shortened", "windows"):
        windows = paragraph_windows([question], tokenizer, config, fit=fit)
        assert fit == "windows" or len(windows) == 1
        found = [answer_of(question, window) for window in windows]
        assert {span for span in found if span} <= set(question.spans)
        assert [window["answer_lost"] for window in windows] == [bool(question.answers) and not span for span in found]
        if any(not is_text(span.text) for span in question.spans):  # yes, no and titles are never cut off
            assert any(found)
        for window in windows:
            texts = [text for text in window["segments"].tolist() if text >= 2]
            assert texts == sorted(texts)  # the tokens of one text stand together
            assert len(window["input_ids"]) <= room
    read = {
        (text, *offsets)
        for window in windows
        for text, offsets in zip(window["segments"].tolist(), window["offsets"].tolist(), strict=True)
    }
    tokens = paragraph_encoder([question], tokenizer, config).tokens
    for number, text in list(enumerate(question.texts))[2:]:
        at = zip(tokens[text].starts.tolist(), tokens[text].ends.tolist(), strict=True)
        assert {(number, *place) for place in at if place[0] < place[1]} <= read  # nothing is cut in windows


@given(kind=KINDS, question=asked, limit=st.integers(60, 90), room=st.integers(130, 180))
def test_windows_take_every_paragraph_and_as_many_as_fit(kind, question, limit, room):
    config = WindowConfig(max_length=room, max_paragraph_tokens=limit)
    encoder = paragraph_encoder([question], ALL[kind](), config)
    cuts = [(0, len(encoder.tokens[segment.text])) for segment in question.segments]
    assume(all(size <= limit for _, size in cuts))

    def window_of(numbers):
        return paragraph_window(encoder, 0, [(number, cuts[number]) for number in numbers])["input_ids"].tolist()

    groups, numbers = [], list(range(len(question.segments)))
    while numbers:
        count = max(count for count in range(1, len(numbers) + 1) if len(window_of(numbers[:count])) <= room)
        groups.append(numbers[:count])
        numbers = numbers[count:]
    expected = [window_of(group) for group in groups or [[]]]
    windows = paragraph_windows([question], ALL[kind](), config, fit="windows")
    assert [window["input_ids"].tolist() for window in windows] == expected


@given(kind=KINDS, question=asked, room=st.integers(130, 250))
def test_training_keeps_an_answer_wherever_it_can(kind, question, room):
    tokenizer = ALL[kind]()
    config = WindowConfig(max_length=room, max_paragraph_tokens=8)
    encoder = paragraph_encoder([question], tokenizer, config)
    plain = cuts_of(encoder, 0, keep_answer=False)
    moved = cuts_of(encoder, 0, keep_answer=True)
    assert [end - first for first, end in moved] == [end - first for first, end in plain]
    assert all(first == 0 for first, _ in plain)
    (window,) = paragraph_windows([question], tokenizer, config, fit="training")
    (shortened,) = paragraph_windows([question], tokenizer, config, fit="shortened")
    if answer_of(question, shortened):
        assert moved == plain
    else:
        assert sum(first > 0 for first, _ in moved) <= 1
        lengths = [
            (len(range(*encoder.tokens[question.texts[span.text]].reach(span))) + 1, (span.text - 3) // 2)
            for span in question.spans
        ]
        fits = any(length <= plain[segment][1] for length, segment in lengths)
        assert window["answer_lost"] == (bool(question.answers) and not fits)


def test_the_text_around_the_answer_is_read_in_training():
    text = " ".join("abcdefghijklmnopqrst")
    other = Segment("u v w x y z", evidence=False)

    def read(letters, fit="training"):
        span = next(span for span in spans_of(text, 3) if text[span.start : span.end] == letters)
        question = Question("q", "who", (Segment(text), other), (letters,), (span,))
        (window,) = encode(question, fit, max_length=18, max_paragraph_tokens=9)
        segments = window["segments"].tolist()
        pieces = wordpiece().convert_ids_to_tokens(window["input_ids"])
        at = {
            number: [piece for piece, text in zip(pieces, segments, strict=True) if text == number] for number in (3, 5)
        }
        return " ".join(at[3]), " ".join(at[5]), window["answer_lost"]

    # 6 tokens before the texts, one between and one after them leave 10: five each.
    assert read("c d") == ("a b c d e", "u v w x y", False)
    assert read("c d", "shortened") == ("a b c d e", "u v w x y", False)
    assert read("j", "shortened") == ("a b c d e", "u v w x y", True)
    assert read("j") == ("h i j k l", "u v w x y", False)
    assert read("j k") == ("i j k l m", "u v w x y", False)  # one before, two after
    assert read("e f") == ("d e f g h", "u v w x y", False)
    assert read("t") == ("p q r s t", "u v w x y", False)
    assert read("f g h i j") == ("f g h i j", "u v w x y", False)
    assert read("f g h i j k") == ("a b c d e", "u v w x y", True)


def test_windows_take_as_many_whole_paragraphs_as_fit():
    segments = tuple(Segment(" ".join(letters)) for letters in ("abc", "defg", "hi", "jklmnop"))
    question = Question("q", "who", segments, ("h",), (Span(7, 0, 1),))
    windows = encode(question, "windows", max_length=16, max_paragraph_tokens=6)
    read = [
        [text for text in dict.fromkeys(window["segments"].tolist()) if text >= 2] for window in windows
    ]  # room for 9 with separators: 3+1+4 = 8; +1+2 is too much; 2+1+6 = 9
    assert read == [[3, 5], [7, 9], [9]]  # the last text has 7 tokens: 6 of them, and from the fourth to the end
    assert [window["answer_lost"] for window in windows] == [True, False, True]
    assert lost_answers(windows) == set()
    assert [len(window["input_ids"]) for window in windows] == [15, 16, 11]
    assert [window["segments"].tolist().count(9) for window in windows] == [0, 6, 4]
    (_, _, last) = windows
    assert last["offsets"][last["segments"] == 9].tolist() == [[6, 7], [8, 9], [10, 11], [12, 13]]


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(0, 200))
def test_shares_are_fair(wanted, room):
    given = shares(wanted, room)
    assert all(0 <= have <= want for have, want in zip(given, wanted, strict=True))
    assert sum(given) == min(room, sum(wanted))
    short = [have for have, want in zip(given, wanted, strict=True) if have < want]
    assert not short or max(given) - min(short) <= 1


def test_faults_name_question_and_option():
    many = Question("q7", "Who?", (Segment("a"),) * 20, place="dev.json, line 3")
    place = r"^dev.json, line 3 \(id 'q7'\): "
    with pytest.raises(UserError, match=place + "its 20 segments do not fit into 30 tokens; raise --max_length"):
        encode(many, max_length=30)
    assert len(encode(many, "windows", max_length=30)) == 2
    titled = Question("q7", "Who?", (Segment("a"), Segment("a", "b " * 20)), place="dev.json, line 3")
    message = r"question and title leave no room for segments\[1\] in 29 tokens; raise --max_length"
    with pytest.raises(UserError, match=place + message):
        encode(titled, "windows", max_length=29)
    assert len(encode(titled, "windows", max_length=30)) == 2
    unmarked = PreTrainedTokenizerFast(tokenizer_object=bare().backend_tokenizer)
    with pytest.raises(UserError, match="has no separator and no end token; set its sep_token"):
        encode(titled, tokenizer=lambda: unmarked)

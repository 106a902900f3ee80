import pytest

from cmploss.errors import UserError
from cmploss.tasks.qa.question_files import read_segments
from cmploss.tasks.qa.questions import Question, Segment, Span, evidence_flags, targets, with_segments
from tests.tasks.qa.files import SEGMENTS, changed, lines

TEXT = SEGMENTS["segments"][1]["text"]


def read(folder, *objects, **options):
    path = folder / "own.jsonl"
    path.write_text(lines(*objects))
    return read_segments(path, **options)


def test_segments_flags_and_targets(tmp_path):
    (question,) = read(tmp_path, SEGMENTS)
    assert (question.id, question.text, question.answers) == ("s1", "Who built the bridge?", ("Ada Stone",))
    assert question.segments == (Segment("Ben Wood built no bridge.", "Bridges", False), Segment(TEXT, None, True))
    assert question.spans == (Span(5, 13, 22), Span(5, 41, 50))


@pytest.mark.parametrize(
    ("answer", "spans"),
    [
        ({"text": "Ada Stone", "segment": 1, "start": 41}, (Span(5, 41, 50),)),
        ({"text": "Ada Stone", "segment": 1}, (Span(5, 13, 22), Span(5, 41, 50))),
        ({"text": "bridge"}, (Span(5, 28, 34),)),  # not in the text that is no evidence
        ({"text": "Stone."}, (Span(5, 45, 51),)),
        ({"text": "brid"}, ()),
        ({"text": "no"}, (Span(1, 0, 2),)),
        ({"text": "yes"}, (Span(0, 0, 3),)),
    ],
)
def test_where_answers_stand(tmp_path, answer, spans):
    (question,) = read(tmp_path, changed(SEGMENTS, ("answers",), [answer]))
    assert question.spans == spans


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("法国的首都是巴黎。", "巴黎", "巴黎"),
        ("1958年に東京で生まれた。", "1958", "1958"),
        ("กรุงเทพเป็นเมืองหลวง", "กรุงเทพ", "กรุงเทพ"),
        ("파리는 프랑스의 수도이다.", "파리", "파리"),
        ("한국어는 한국 의 말이다", "한국", "한국"),
        ("Der Zug nach Paris11 fährt.", "Paris", None),
        ("Это было в 1958году.", "1958", None),
        ("The U.S.大统领", "us大", "U.S.大"),
    ],
)
def test_words_of_scripts_without_spaces(text, answer, found):
    spans = targets([Segment(text)], [answer])
    assert [text[span.start : span.end] for span in spans] == ([found] if found else [])


def test_many_blanks_after_the_first_word_of_an_answer():
    """A pattern that can divide n blanks in 2ⁿ ways would not end."""
    assert targets([Segment(f"Big{' ' * 5000}house")], ["Big Castle"]) == ()
    assert targets([Segment(f"Big,{' ' * 5000}the, castle")], ["Big Castle"]) == (Span(3, 0, 5015),)


def test_unflagged_segments_may_hold_the_answer(tmp_path):
    data = changed(SEGMENTS, ("segments", 0, "evidence"), ...)
    (question,) = read(tmp_path, changed(data, ("answers",), [{"text": "Ben Wood"}, {"text": "Bridges"}]))
    assert question.spans == (Span(3, 0, 8), Span(5, 0, 8), Span(2, 0, 7))
    with pytest.raises(
        UserError, match=r"line 1 \(id 's1'\): segments\[0\].evidence is missing; to crop or drop segments"
    ):
        evidence_flags(question)


def test_no_answers_mean_unanswerable_and_without_labels_unknown(tmp_path):
    for data, options in ((changed(SEGMENTS, ("answers",), []), {}), (SEGMENTS, {"labelled": False})):
        (question,) = read(tmp_path, data, **options)
        assert (question.answers, question.spans) == ((), ())


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("answers", 0, "start"), 3, r"answers\[0\].start: needs the field segment"),
        (("answers", 0, "segment"), 2, r"answers\[0\].segment: must be from 0 to 1, got 2"),
        (("answers", 0, "segment"), 0, r"answers\[0\].segment: segments\[0\].evidence is false; an answer"),
        (("answers", 0), {"text": "Zoe", "segment": 1}, r"answers\[0\].text: does not occur in segments\[1\]"),
        (("answers", 0), {"text": "Ada", "segment": 1, "start": 12}, r"answers\[0\].start: 12 points to ' Ad', not to"),
        (("answers",), ..., "has no 'answers'; it has 'id', 'question', 'segments'"),
        (("segments",), [], "has no segments; give at least one"),
        (("segments", 1, "text"), ..., r"segments\[1\]: has no 'text'; it has 'evidence'"),
        (("segments", 1, "text"), " ", r"segments\[1\] is empty; give it a text"),
        (("segments", 1, "evidence"), 1, r"segments\[1\].evidence: 1 is not true or false"),
        (("segments", 0, "title"), 3, r"segments\[0\].title: 3 is not a string"),
        (("id",), 3, "id: 3 is not a string"),
    ],
)  # fmt: skip
def test_faults_name_their_place(tmp_path, path, value, message):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, changed(SEGMENTS, path, value))
    assert str(error.value).startswith(f"{tmp_path}/own.jsonl, line 1")
    assert "\n" not in str(error.value)


def test_edges_of_answers_that_are_no_words_need_no_boundary():
    assert targets([Segment("US$5 or 5%of it")], ["$5", "5%"]) == (Span(3, 2, 4), Span(3, 8, 10))


def test_spans_move_with_their_segments_and_go_with_them():
    segments = tuple(Segment(f"text {number}", f"title {number}") for number in range(3))
    spans = (Span(1, 0, 2), *(Span(number, 0, 4) for number in range(2, 8)))
    question = Question("q", "?", segments, ("a",), spans)
    moved = with_segments(question, [2, 0])
    assert [segment.text for segment in moved.segments] == ["text 2", "text 0"]
    assert moved.spans == (Span(1, 0, 2), Span(4, 0, 4), Span(5, 0, 4), Span(2, 0, 4), Span(3, 0, 4))
    assert [moved.texts[span.text] for span in moved.spans] == ["no", "title 0", "text 0", "title 2", "text 2"]

"""MuSiQue: flags of paragraphs, answers with aliases, and questions without an answer."""

import pytest

from cmploss.errors import UserError
from cmploss.tasks.qa import read_questions
from cmploss.tasks.qa.questions import Segment, Span
from tests.tasks.qa.files import changed, lines

MUSIQUE = {
    "id": "2hop__1_2",
    "paragraphs": [
        {"idx": 0, "title": "Mill", "paragraph_text": "A mill of 1402.", "is_supporting": False},
        {"idx": 1, "title": "Castle", "paragraph_text": "The castle was begun in 1402.", "is_supporting": True},
    ],
    "question": "When was the castle begun?",
    "question_decomposition": [{"id": 1, "question": "Castle >> begun", "answer": "1402"}],
    "answer": "1402",
    "answer_aliases": ["the year 1402", "1402"],
    "answerable": True,
}


def read(folder, *objects, **options):
    path = folder / "dev.jsonl"
    path.write_text(lines(*objects))
    return read_questions(path, **options)


def test_flags_become_evidence_and_aliases_are_answers(tmp_path):
    (question,) = read(tmp_path, MUSIQUE)
    assert (question.id, question.text, question.answers) == (
        "2hop__1_2",
        MUSIQUE["question"],
        ("1402", "the year 1402"),
    )
    assert question.segments == (
        Segment("A mill of 1402.", "Mill", evidence=False),
        Segment("The castle was begun in 1402.", "Castle", evidence=True),
    )
    assert question.spans == (Span(5, 24, 28),)  # not in the distractor


def test_aliases_and_the_flag_of_the_question_may_be_missing(tmp_path):
    (question,) = read(tmp_path, changed(changed(MUSIQUE, ("answer_aliases",), ...), ("answerable",), ...))
    assert question.answers == ("1402",)


def test_a_question_that_cannot_be_answered_has_no_answer(tmp_path):
    (question,) = read(tmp_path, changed(MUSIQUE, ("answerable",), False))
    assert (question.answers, question.spans) == ((), ())


def test_answers_and_flags_are_not_read_for_prediction(tmp_path):
    bare = changed(changed(MUSIQUE, ("answer",), ...), ("paragraphs", 0, "is_supporting"), ...)
    (question,) = read(tmp_path, bare, labelled=False)
    assert (question.answers, [segment.evidence for segment in question.segments]) == ((), [None, None])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("answer",), ..., r"dev\.jsonl, line 1: has no 'answer'"),
        (("answer_aliases",), "1402", r"line 1, answer_aliases: '1402' is not a list"),
        (("answerable",), "no", r"line 1, answerable: 'no' is not true or false"),
        (("paragraphs", 1, "is_supporting"), 1, r"paragraphs\[1\]\.is_supporting: 1 is not true or false"),
        (("paragraphs", 0, "paragraph_text"), ..., r"paragraphs\[0\]: has no 'paragraph_text'; it has 'idx', 'title'"),
    ],
)
def test_faults_name_their_place(path, value, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read(tmp_path, changed(MUSIQUE, path, value))

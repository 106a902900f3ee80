import pytest

from cmploss.errors import UserError
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.questions import Segment, Span
from tests.tasks.qa.files import CONTEXTS, HOTPOT, changed, lines


def read(folder, content, **options):
    path = folder / "dev.json"
    path.write_text(content)
    return read_hotpotqa(path, **options)


def test_the_original_form(tmp_path):
    (question,) = read(tmp_path, lines(HOTPOT))
    assert (question.id, question.text, question.answers) == ("h1", HOTPOT["question"], ("1402",))
    assert question.segments == (
        Segment("A mill. It burnt down in 1402.", "Mill of 1402", evidence=False),
        Segment("A castle. Begun in 1402, it is old. Room 14021 is closed.", "Castle of Norland", evidence=True),
        Segment("A builder.", "Ada Stone", evidence=True),
    )
    # Neither the title nor the text of the distractor, nor a part of the number 14021, is a target.
    assert question.spans == (Span(5, 19, 23),)
    assert question.answer(question.spans[0]) == "1402"


def test_answers_stand_in_titles_too_and_in_reading_order(tmp_path):
    facts = [["Mill of 1402", 0], *HOTPOT["supporting_facts"]]
    (question,) = read(tmp_path, lines(changed(HOTPOT, ("supporting_facts",), facts)))
    assert question.spans == (Span(2, 8, 12), Span(3, 25, 29), Span(5, 19, 23))


def test_the_form_with_contexts(tmp_path):
    (question,) = read(tmp_path, lines(CONTEXTS))
    assert (question.id, question.text, question.answers) == ("c1", CONTEXTS["question_text"], ("no",))
    assert [segment.evidence for segment in question.segments] == [True, True, False]
    assert question.segments[1] == Segment("A castle of 1402.", "Castle", evidence=True)
    assert question.spans == (Span(1, 0, 2),)  # the answer no, and not the word in "no more"


def test_the_answer_yes(tmp_path):
    (question,) = read(tmp_path, lines(changed(HOTPOT, ("answer",), "yes")))
    assert question.spans == (Span(0, 0, 3),)
    assert question.answer(question.spans[0]) == "yes"


def test_an_answer_that_stands_nowhere_is_kept_without_target(tmp_path):
    (question,) = read(tmp_path, lines(changed(HOTPOT, ("answer",), "140")))
    assert (question.answers, question.spans) == (("140",), ())


def test_lists_and_lines_and_both_forms_mix(tmp_path):
    listed = read(tmp_path, f"\n [{lines(HOTPOT).strip()},\n {lines(CONTEXTS)}]")
    assert listed == read(tmp_path, lines(HOTPOT, CONTEXTS))
    assert [question.place for question in listed] == [f"{tmp_path}/dev.json, [{number}]" for number in (0, 1)]


def test_without_labels_evidence_is_unknown(tmp_path):
    bare = changed(changed(HOTPOT, ("answer",), ...), ("supporting_facts",), ...)
    other = changed(changed(CONTEXTS, ("answers_objects",), ...), ("contexts", 0, "is_supporting"), ...)
    for question in read(tmp_path, lines(bare, other), labelled=False):
        assert (question.answers, question.spans) == ((), ())
        assert {segment.evidence for segment in question.segments} == {None}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lines(HOTPOT, changed(HOTPOT, ("answer",), ...)), "line 2: has no 'answer'; it has '_id', 'question', 'supp"),
        (lines(HOTPOT, HOTPOT), r"line 2 \(id 'h1'\): .*dev.json, line 1 has the same id; ids must be unique"),
        (lines(changed(HOTPOT, ("supporting_facts", 1, 0), "Ada")), r"line 1, supporting_facts\[1\]\[0\]: 'Ada' is "
         "not the title of a paragraph"),
        (lines(changed(HOTPOT, ("supporting_facts", 1), ["Ada"])), r"supporting_facts\[1\]: has 1 items, expected 2"),
        (lines(changed(HOTPOT, ("context", 2, 1, 0), 5)), r"line 1, context\[2\]\[1\]\[0\]: 5 is not a string"),
        (lines(changed(HOTPOT, ("context", 0), ["", [" "]])), r"line 1 \(id 'h1'\): segments\[0\] is empty; give"),
        (lines(changed(changed(HOTPOT, ("context",), []), ("supporting_facts",), [])), "has no segments; give"),
        (lines(changed(CONTEXTS, ("contexts", 1, "is_supporting"), ...)), r"contexts\[1\]: has no 'is_supporting'"),
        (lines(changed(CONTEXTS, ("answers_objects", 0, "spans"), [])), "line 1, answers_objects: has no spans"),
        (lines(HOTPOT) + '{"_id": \n', r"dev.json, line 2: is not JSON"),
        ("[\n" + lines(HOTPOT) + "}]", r"dev.json, line 3, column 1: is not JSON \(Expecting ',' delimiter\)"),
        ("[]", "dev.json: has no questions"),
        ("[3]", r"dev.json, \[0\]: 3 is not an object"),
    ],
)  # fmt: skip
def test_faults_name_their_place(tmp_path, data, message):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, data)
    assert "\n" not in str(error.value)

import json

import datasets
import pytest
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.qa.questions import Segment, Span
from cmploss.tasks.qa.squad import read_squad, squad_from_hub, squad_rows, with_distractors
from tests.tasks.qa.files import BRIDGE, CASTLE, SQUAD, changed

QA = ("data", 0, "paragraphs", 0, "qas", 0)
PLACE = r"dev.json, data\[0\].paragraphs\[0\].qas\[0\]"
ROWS = [
    {"id": "q1", "title": "Norland", "context": CASTLE, "question": "When was the castle built?"}
    | {"answers": {"text": ["1402", "in 1402", "1402"], "answer_start": [35, 32, 35]}},
    {"id": "q3", "title": "Norland", "context": BRIDGE, "question": "What did the bridge cost?"}
    | {"answers": {"text": [], "answer_start": []}},
]


def read(folder, data, **options):
    path = folder / "dev.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return read_squad(path, **options)


def test_the_original_form(tmp_path):
    first, second, third, fourth = read(tmp_path, SQUAD)
    assert (first.id, first.text, first.group) == ("q1", "When was the castle built?", "Norland")
    assert first.segments == (Segment(CASTLE),)
    assert first.answers == ("1402", "in 1402", "1402")
    assert first.spans == (Span(3, 35, 39), Span(3, 32, 39))
    assert [first.answer(span) for span in first.spans] == ["1402", "in 1402"]
    assert second.answers == ("Ada Stone",)
    assert (third.answers, third.spans) == ((), ())
    assert fourth.group == "Eastland"


def test_the_form_of_the_hub_gives_the_same(tmp_path):
    first, _, third, _ = read(tmp_path, SQUAD)
    assert squad_rows(table_of(Dataset.from_list(ROWS), "hub")) == [first, third]


def test_without_labels_answers_are_not_read(tmp_path):
    bare = changed(SQUAD, (*QA, "answers"), ...)
    assert [(question.answers, question.spans) for question in read(tmp_path, bare, labelled=False)] == [((), ())] * 4
    rows = [{name: value for name, value in row.items() if name != "answers"} for row in ROWS]
    assert [question.answers for question in squad_rows(table_of(rows, "rows"), labelled=False)] == [(), ()]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*QA, "answers", 1, "answer_start"), 31, r".answers\[1\].answer_start: 31 points to ' in 140', not to the "
         "answer 'in 1402'; the answer starts at 32"),
        ((*QA, "answers", 0, "answer_start"), -4, r".answers\[0\].answer_start: -4 points to '', not to the answer"),
        ((*QA, "answers", 0, "text"), "1502", "points to '1402', not to the answer '1502'; the text does not"),
        ((*QA, "answers", 0, "text"), "", r".answers\[0\].text: is empty"),
        ((*QA, "answers", 0, "answer_start"), "35", r".answers\[0\].answer_start: '35' is not a whole number"),
        ((*QA, "answers", 0, "answer_start"), True, r".answers\[0\].answer_start: True is not a whole number"),
        ((*QA, "answers"), ..., ": has no 'answers'; it has 'id', 'question', 'is_impossible'"),
        ((*QA, "answers"), [], r".answers: is empty; give an answer, or set is_impossible to true"),
        ((*QA, "is_impossible"), "no", r".is_impossible: 'no' is not true or false"),
        ((*QA, "question"), "  ", ".question: is empty"),
        ((*QA, "question"), 7, ".question: 7 is not a string"),
        ((*QA, "question"), "half \ud83d", ".question: 'half .*' has half a surrogate pair"),
        (("data", 0, "paragraphs", 1, "qas", 0, "id"), "q1", rf"qas\[0\] \(id 'q1'\): .*{PLACE} has the same id"),
    ],
)  # fmt: skip
def test_faults_name_their_place(tmp_path, path, value, message):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, changed(SQUAD, path, value))
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(f"{tmp_path / 'dev.json'}, data[0].paragraphs[")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(SQUAD, ("data", 0, "paragraphs", 1, "context"), " "), r"data\[0\].paragraphs\[1\].context: is empty"),
        (
            changed(SQUAD, ("data", 1, "paragraphs", 0, "qas", 0, "answers", 0, "answer_start"), -7),
            "-7 points to '', not to the answer 'castle'; the answer starts at 16",  # counted from the end it would fit
        ),
        (changed(SQUAD, ("data", 1, "paragraphs"), ...), r"dev.json, data\[1\]: has no 'paragraphs'; it has 'title'"),
        (changed(SQUAD, ("data", 1, "paragraphs"), {}), r"data\[1\].paragraphs: {} is not a list"),
        (changed(SQUAD, ("data",), []), "dev.json: has no questions"),
        ("[]", r"dev.json: \[\] is not an object"),
        ("{}", "dev.json: has no 'data'; it has nothing"),
        ('{"data":\n [{"title" 3}]}', r"dev.json, line 2, column 12: is not JSON \(Expecting ':' delimiter\)"),
        ("[" * 100_000, "dev.json: is nested too deeply"),
        (" \n", "dev.json: is empty"),
    ],
)
def test_faults_of_the_document(tmp_path, data, message):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"text": ["1402"], "answer_start": []}, r"hub, row 1, answers: has 1 texts but 0 starts"),
        ({"text": ["1402"], "answer_start": [34]}, r"hub, row 1, answers.answer_start\[0\]: 34 points to ' 140'"),
        ({"text": ["1402"]}, "hub, row 1, answers: has no 'answer_start'"),
    ],
)
def test_faults_of_rows(answers, message):
    with pytest.raises(UserError, match=message):
        squad_rows(table_of([ROWS[0] | {"answers": answers}], "hub"))


def test_the_hub_is_asked_for_both_parts(monkeypatch):
    asked = []
    parts = {"train": Dataset.from_list(ROWS[:1]), "validation": Dataset.from_list(ROWS)}
    monkeypatch.setattr(datasets, "load_dataset", lambda *name: asked.append(name) or parts)
    found = squad_from_hub("squad_v2")
    assert asked == [("rajpurkar/squad_v2",)]
    assert {part: [question.id for question in questions] for part, questions in found.items()} == {
        "train": ["q1"],
        "validation": ["q1", "q3"],
    }


def test_a_hub_out_of_reach_is_named(monkeypatch):
    def offline(*_):
        raise ConnectionError("no route\nat all")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    message = r"^--task squad: rajpurkar/squad cannot be loaded \(ConnectionError: no route\); give the original JSON"
    with pytest.raises(UserError, match=message):
        squad_from_hub("squad")


def article(size):
    paragraphs = [
        {
            "context": f"Item {number} is red.",
            "qas": [{"id": f"i{number}", "question": "What?", "answers": [{"text": "red", "answer_start": 10}]}],
        }
        for number in range(size)
    ]  # fmt: skip
    return {"data": [{"title": "Items", "paragraphs": paragraphs}, SQUAD["data"][1]]}


def test_distractors_come_from_the_same_article(tmp_path):
    questions = read(tmp_path, article(8))
    for question, made in zip(questions, with_distractors(questions, 4), strict=True):
        if question.group == "Eastland":
            assert made.segments == (Segment("Eastland has no castle.", evidence=True),)
            continue
        texts = [segment.text for segment in made.segments]
        assert len(set(texts)) == 5
        assert all(text.startswith("Item") for text in texts)
        (own,) = [number for number, segment in enumerate(made.segments) if segment.evidence]
        assert texts[own] == question.segments[0].text
        # Every paragraph holds the string "red"; only the one in the question's own is a target.
        assert made.spans == (Span(2 + 2 * own + 1, len(texts[own]) - 4, len(texts[own]) - 1),)
        assert made.answer(made.spans[0]) == "red"


def test_distractors_depend_on_seed_and_id_alone(tmp_path):
    questions = read(tmp_path, article(8))[:8]
    made = with_distractors(questions, 4)
    assert with_distractors(questions[::-1], 4) == made[::-1]
    assert with_distractors(questions, 4, seed=1) != made
    places = {next(i for i, segment in enumerate(question.segments) if segment.evidence) for question in made}
    assert len(places) > 1
    with pytest.raises(UserError, match="--distractors must be >= 0, got -1"):
        with_distractors(questions, -1)


def test_distractors_need_the_title_of_the_article(tmp_path):
    rows = [{name: value for name, value in row.items() if name != "title"} for row in ROWS]
    with pytest.raises(UserError, match=r"rows, row 1 \(id 'q1'\): has no title; --distractors reads"):
        with_distractors(squad_rows(table_of(rows, "rows")), 1)
    assert [len(each.segments) for each in with_distractors(squad_rows(table_of(rows, "rows")), 0)] == [1, 1]

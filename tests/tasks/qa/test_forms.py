import json
from dataclasses import replace
from unittest.mock import ANY

import pandas as pd
import pytest

from cmploss.errors import UserError
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.question_files import read_questions, read_segments
from cmploss.tasks.qa.questions import Span
from cmploss.tasks.qa.squad import read_squad
from tests.tasks.qa.files import CASTLE, CONTEXTS, HOTPOT, SEGMENTS, SQUAD, changed, lines

FORMS = {
    "squad": (json.dumps(SQUAD), read_squad),
    "squad_over_many_lines": (json.dumps(SQUAD, indent=2), read_squad),
    "hotpotqa_list": (json.dumps([HOTPOT]), read_hotpotqa),
    "hotpotqa_lines": (lines(HOTPOT, changed(HOTPOT, ("_id",), "h2")), read_hotpotqa),
    "contexts": (lines(CONTEXTS), read_hotpotqa),
    "segments_list": (json.dumps([SEGMENTS], indent=2), read_segments),
    "segments_lines": ("\ufeff\n" + lines(SEGMENTS, changed(SEGMENTS, ("id",), "s2")), read_segments),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_known_by_its_content(tmp_path, name):
    path = tmp_path / "questions"  # a suffix says nothing
    text, reader = FORMS[name]
    path.write_text(text)
    found = read_questions(path)
    assert found == reader(path)
    assert any(question.answers for question in found)
    assert not any(question.answers for question in read_questions(path, labelled=False))


def test_unlabelled_files_of_every_form_are_read(tmp_path):
    path = tmp_path / "questions.json"
    bare = [
        changed(changed(HOTPOT, ("answer",), ...), ("supporting_facts",), ...),
        changed(changed(CONTEXTS, ("answers_objects",), ...), ("contexts", 0, "is_supporting"), ...),
        changed(SEGMENTS, ("answers",), ...),
    ]
    for data in bare:
        path.write_text(lines(data))
        (question,) = read_questions(path, labelled=False)
        assert (question.answers, question.spans) == ((), ())
    qa = ("data", 1, "paragraphs", 0, "qas", 0)
    path.write_text(json.dumps(changed(SQUAD, (*qa, "answers"), ...)))
    assert len(read_questions(path, labelled=False)) == 4


def test_tables_and_lines_have_the_form_of_the_hub(tmp_path):
    row = {"id": "q1", "title": "Norland", "context": CASTLE, "question": "When was it built?"}
    answered = row | {"answers": {"text": ["1402"], "answer_start": [35]}}
    for name, data in (("rows.jsonl", lines(answered)), ("rows.json", lines(answered, answered | {"id": "q2"}))):
        (tmp_path / name).write_text(data)
        first, *_ = read_questions(tmp_path / name)
        assert (first.id, first.answers, first.spans) == ("q1", ("1402",), (Span(3, 35, 39),))
    pd.DataFrame([answered]).to_parquet(tmp_path / "rows.parquet")
    pd.DataFrame([row]).to_csv(tmp_path / "rows.csv", index=False)
    assert read_questions(tmp_path / "rows.parquet") == [replace(first, place=ANY)]
    (unlabelled,) = read_questions(tmp_path / "rows.csv", labelled=False)
    assert (unlabelled.text, unlabelled.segments) == (first.text, first.segments)
    with pytest.raises(UserError, match="line 2: has no 'answers'"):
        read_questions(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"text": "a", "label": 1}]', ": its first object has 'text', 'label', but none of 'data', 'segments', 'con"),
        ("{}", ": its first object has nothing, but none of"),
        ("[]", r": \[\] is not an object with questions"),
        ("[[1]]", r": \[1\] is not an object with questions"),
        ("7", ": 7 is not an object with questions"),
        ('{"data":\n [{"title" 3}]}', ", line 2, column 12: is not JSON"),
        ('{"segments": []}\n{"segments"\n', ", line 2: is not JSON"),
        ('{"data": 1, "data": 2}', ": an object has the key 'data' twice; give it once"),
        ("[" * 100_000, ": is nested too deeply"),
        ("", ": is empty"),
        ("text,label\na,b\n", ", line 1, column 1: is not JSON"),
        ('{"segments": [], "id": "a", "question": "b", "answers": []}', r", line 1 \(id 'a'\): has no segments"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "questions.json"
    path.write_text(text)
    with pytest.raises(UserError, match=f"^{path}{message}") as error:
        read_questions(path)
    assert "\n" not in str(error.value)

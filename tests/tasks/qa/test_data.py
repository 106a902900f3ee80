import json

import pytest

from cmploss.errors import UserError
from cmploss.measures.answer_scores import CLOSED_ANSWERS
from cmploss.tasks.qa import QuestionConfig
from cmploss.tasks.qa.question_data import held_out_questions, load_questions
from cmploss.tasks.text import DataConfig
from tests.local_questions import segmented, squad
from tests.tasks.qa.files import CONTEXTS, HOTPOT, SQUAD, changed, lines


@pytest.fixture
def file(tmp_path):
    def write(name, document):
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


def test_squad_is_split_by_article(file):
    data = load_questions(DataConfig(task="squad", train_file=file("d.json", squad(8, 3))))
    assert (data.name, data.layout) == ("squad", "context")
    assert {question.group for question in data.test} == {"article 6", "article 7"}
    assert {question.group for question in data.validation} == {"article 5"}
    assert len(data.train) == 15
    assert all(question.answers for question in data.train)


def test_distractors_make_paragraphs_of_the_same_article(file):
    reading = QuestionConfig(distractors=2)
    data = load_questions(DataConfig(task="squad", train_file=file("d.json", squad(8, 5))), reading)
    assert data.layout == "paragraphs"
    assert {len(question.segments) for question in data.train} == {3}
    assert all(sum(segment.evidence for segment in question.segments) == 1 for question in data.train)


def test_squad_v2_keeps_questions_without_an_answer(file):
    data = load_questions(DataConfig(task="squad_v2", train_file=file("d.json", squad(8, 3, unanswerable=True))))
    assert not all(question.answers for question in data.train)
    with pytest.raises(UserError, match=r"d.json, .*\(id '0-2'\): has no answer; --task squad_v2 is for data with"):
        load_questions(DataConfig(task="squad", train_file=file("d.json", squad(8, 3, unanswerable=True))))


def test_hotpotqa_and_its_closed_answers(file):
    train = lines(*(changed(HOTPOT, ["_id"], f"h{index}") for index in range(4)))
    test = lines(changed(HOTPOT, ["_id"], "h1"), CONTEXTS)
    config = DataConfig(task="hotpotqa", train_file=file("a.jsonl", train), test_file=file("b.jsonl", test))
    data = load_questions(config)
    assert (data.layout, data.closed) == ("paragraphs", CLOSED_ANSWERS)
    assert [question.id for question in data.test] == ["c1"]
    assert (len(data.train), len(data.validation)) == (3, 1)
    assert data.notes[0].startswith("1 question of the test split was left out")


def test_own_segments(file):
    path = file("passages.jsonl", lines(*segmented(12)))
    data = load_questions(DataConfig(task="question_answering", train_file=path, max_eval_samples=1))
    assert (data.name, data.layout) == ("passages", "paragraphs")
    assert [len(questions) for questions in data.splits.values()] == [8, 1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "hotpotqa"}, "--task hotpotqa needs its file; give --train_file"),
        ({"task": "squad", "data_dir": "d"}, "--data_dir does not apply to --task squad; give --train_file"),
        ({"task": "squad", "train_file": "d", "text_column": "t"}, "--text_column does not apply to --task squad"),
        ({"task": "squad", "test_file": "d"}, "--validation_file and --test_file need --train_file"),
    ],
)
def test_settings_that_contradict(settings, message):
    with pytest.raises(UserError, match=message):
        load_questions(DataConfig(**settings))


def test_distractors_are_for_squad(file):
    path = file("h.jsonl", lines(HOTPOT))
    with pytest.raises(UserError, match="--distractors is for squad and squad_v2; --task hotpotqa has its own"):
        load_questions(DataConfig(task="hotpotqa", train_file=path), QuestionConfig(distractors=2))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["data", 0, "paragraphs", 0, "qas", 0, "id"], "other"),
        (["data", 0, "paragraphs", 0, "qas", 0, "question"], "other?"),
        (["data", 0, "paragraphs", 1, "context"], "The bridge has seven arches."),
        (["data", 0, "paragraphs", 0, "qas", 0, "answers", 0], {"text": "Norland", "answer_start": 14}),
    ],
)
def test_fingerprints_tell_changes(file, path, value):
    def fingerprint(document):
        name = file("d.json", document)
        return load_questions(DataConfig(task="squad_v2", train_file=name, validation_file=file("v.json", squad())))

    known = fingerprint(SQUAD).fingerprints()
    other = fingerprint(changed(SQUAD, path, value)).fingerprints()
    assert known["train"] != other["train"]
    assert known["validation"] == other["validation"]
    assert len(known["train"]) == 16


def test_held_out_questions(file):
    path = file("d.json", squad(8, 3))
    assert len(held_out_questions(DataConfig(task="squad", test_file=path), None)[1]) == 24
    name, questions = held_out_questions(DataConfig(task="squad", train_file=path), 1)
    assert name == "squad test"
    assert {len(question.segments) for question in questions} == {2}
    with pytest.raises(UserError, match="the model answers questions; give --task squad, squad_v2"):
        held_out_questions(DataConfig(task="sst2", test_file=path), None)


@pytest.mark.parametrize("text", ["2,x", "0", "2,,4", ""])
def test_context_sizes_are_numbers(text):
    with pytest.raises(UserError, match=r"--context_size must be whole numbers >= 1 joined by commas"):
        assert QuestionConfig(context_size=text).sizes


def test_context_sizes():
    assert QuestionConfig(context_size="6, 2,2").sizes == (2, 6)
    assert QuestionConfig().sizes == ()

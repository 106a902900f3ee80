"""What is read, left out, looked up, shared between splits or refused is so on every route, and said."""

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss import Reader
from cmploss.errors import UserError
from cmploss.inference import TOKENS
from cmploss.measures import exact_match_f1
from cmploss.measures.answer_scores import normalise_answer
from cmploss.tasks.base import Sample
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.qa import Question, QuestionConfig, ReaderConfig, Segment, WindowConfig, read_questions
from cmploss.tasks.qa.hotpotqa import read_hotpotqa
from cmploss.tasks.qa.question_data import held_out_questions, load_questions
from cmploss.tasks.qa.question_task import QuestionTask
from cmploss.tasks.qa.questions import targets
from cmploss.tasks.qa.token_ranges import tokenised
from tests.local_model import save_encoder
from tests.tasks.qa.known_logits import KnownLogits
from tests.tasks.qa.tokenizers import wordpiece


def question(number, answer="Ann", text=None, **segment):
    own = {"text": text or f"{answer} lived here in {number}.", **segment}
    return {"id": f"q{number}", "question": f"Who {number}?", "segments": [own], "answers": [{"text": answer}]}


def written(folder, rows, name="q.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / name


def loaded(folder, rows, task="question_answering", **config):
    return load_questions(DataConfig(task=task, train_file=str(written(folder, rows)), **config))


def test_a_long_paragraph_is_read_to_its_end():
    text = "river " * 900 + "castle"
    asked = [Question("q", "who", (Segment("old", title="hill"), Segment(text), Segment("new")))]
    tokenizer = wordpiece()
    config = ReaderConfig("paragraphs", WindowConfig(128, 16, 160, 40))
    windows = config.windows_of(asked, tokenizer)
    ends = {int(window["offsets"][:, 1][window["segments"] == 5].max(initial=0)) for window in windows}
    assert max(ends) == len(text)
    assert all(len(window["input_ids"]) <= 128 for window in windows)


ANSWERS = [
    ("THE ann lee", "Miss Ann Lee came.", "Ann Lee"),
    (" Ann ", "Ann came.", "Ann"),
    ("us dollars", "In U.S. dollars.", "U.S. dollars"),
    ("20-year plan", "a 20year plan", "20year plan"),
    ("king of spain", "The king of the Spain", "king of the Spain"),
    ("Ann", "Annette came.", None),
    ("...", "a ... b", "..."),
    ("the", "of a kind", None),
]


@pytest.mark.parametrize(("answer", "text", "found"), ANSWERS)
def test_answers_are_looked_up_as_they_are_scored(answer, text, found):
    spans = targets([Segment(text)], [answer])
    assert [text[span.start : span.end] for span in spans] == ([] if found is None else [found])


@given(st.lists(st.sampled_from(["Ann", "U.S.", "the", "of", "Ö-x", "a"]), min_size=1, max_size=5), st.booleans())
def test_what_is_found_has_the_same_normalised_form(words, upper):
    answer = " ".join(words)
    text = f"so {answer.upper() if upper else answer}, then"
    spans = targets([Segment(text)], [answer])
    assert all(normalise_answer(text[span.start : span.end]) == normalise_answer(answer) for span in spans)
    assert bool(spans) == (not upper or bool(normalise_answer(answer)))


def test_yes_and_no_in_any_case():
    assert [span.text for span in targets([Segment("x")], ["Yes", "NO."])] == [0, 1]


def test_what_has_no_place_or_no_window_is_left_out_and_counted(tmp_path):
    """Without evidence flags too, over one text and over several."""
    rows = [question(n) for n in range(20)] + [question(30, answer="Bob", text="Nobody lived here.")]
    late = question(31, answer="Zed", text="far away " * 60 + "Zed")
    model = save_encoder(tmp_path / "model")
    both = {"validation_file": str(written(tmp_path, [question(50)], "v.jsonl")), "max_train_samples": None}
    data = loaded(tmp_path, [*rows, late], **both)
    assert "1 of 22 training questions have an answer that is nowhere in their texts" in " ".join(data.notes)
    task = QuestionTask(data, model, 40, QuestionConfig(stride=4, max_paragraph_tokens=20))
    windows = task.train(Sample())
    assert {data.train[window["question"]].id for window in windows} == {f"q{n}" for n in [*range(20), 31]}
    assert task.sample_notes(Sample()) == (
        "1 of 22 training questions are left out of the loss: no window has their answer.",
        "1 of 22 training questions are read with shortened paragraphs.",
    )
    assert all(not window["answer_lost"] for window in windows)


def test_contexts_are_not_divided_and_what_is_shared_is_noted(tmp_path):
    text = "Ann built it, and Bob paid in {}."
    rows = [
        {
            "id": f"{n}-{who}",
            "context": text.format(n),
            "question": f"Who {who}?",
            "answers": {"text": [who], "answer_start": [at]},
        }
        for n in range(20)
        for who, at in (("Ann", 0), ("Bob", 18))
    ]
    data = loaded(tmp_path, rows, task="squad")
    splits = {split: {question.segments for question in of} for split, of in data.splits.items()}
    assert not splits["train"] & splits["test"]
    assert sum(map(len, splits.values())) == 20
    assert "by context" in " ".join(data.notes)
    renamed = [{**row, "id": f"x{row['id']}"} for row in rows[:6]]
    data = loaded(tmp_path, rows, task="squad", validation_file=str(written(tmp_path, renamed, "v.jsonl")))
    assert "3 contexts of the validation split also occur in the training split." in data.notes
    assert "6 questions of the validation split also occur in the training split." in data.notes


UNKNOWN = [
    (question(1) | {"answer": "Ann"}, "'answer' is unknown; did you mean 'answers'?"),
    (question(1) | {"paragraphs": []}, "'paragraphs' is unknown; did you mean 'segments'?"),
    (question(1, is_supporting=True), "'is_supporting' is unknown; did you mean 'evidence'?"),
    (
        question(1) | {"answers": [{"text": "Ann", "answer_start": 9}]},
        "'answer_start' is unknown; did you mean 'start'?",
    ),
    (question(1) | {"level": 3}, "'level' is unknown; choose from 'id', 'question', 'segments', 'answers'"),
    (question(1) | {"answers": [5]}, 'is neither a string nor an object; write {"text": "France"}'),
]


@pytest.mark.parametrize(("row", "words"), UNKNOWN)
def test_unknown_fields_are_refused_with_the_near_name(row, words, tmp_path):
    with pytest.raises(UserError) as caught:
        read_questions(written(tmp_path, [row]))
    assert words in str(caught.value)
    assert "line 1" in str(caught.value)


def test_the_answers_of_the_hub_are_no_list_of_answers():
    with pytest.raises(UserError, match=r"question 'a': .*; give the list in its 'text'"):
        exact_match_f1({"a": "x"}, {"a": {"text": ["x"], "answer_start": [0]}})


def test_sentences_are_not_glued(tmp_path):
    row = {"_id": "1", "question": "?", "answer": "He", "supporting_facts": [["T", 0]]}
    row["context"] = [["T", ["A man.", "He left.", " So."]]]
    (found,) = read_hotpotqa(written(tmp_path, [row]))
    assert found.segments[0].text == "A man. He left. So."


def test_an_answer_ends_after_its_combining_marks():
    for text in ("cafe\u0301 x", "जाता है"):
        tokens = tokenised([text], wordpiece())[text]
        ends = [int(end) for start, end in zip(tokens.starts, tokens.ends, strict=True) if start < end]
        assert {text[end : end + 1] for end in ends} <= {"", " "} | set(text[:-1].replace("\u0301", ""))
        assert "cafe\u0301" not in text or text[: ends[0]] == "cafe\u0301" or ends[0] < 4


def test_the_threshold_says_what_it_rests_on(tmp_path):
    rows = [question(n) | ({"answers": []} if n % 4 == 0 else {}) for n in range(40)]
    task = QuestionTask(loaded(tmp_path, rows), save_encoder(tmp_path / "model"), 40, QuestionConfig(stride=4))
    (note,) = [note for note in task.notes if "no-answer threshold" in note]
    count = len(task.data.validation)
    without = sum(not each.answers for each in task.data.validation)
    assert f"is chosen on {count} validation questions, {without} of them without an answer" in note


def test_a_limit_of_evaluation_holds_for_a_test_file_alone(tmp_path):
    path = written(tmp_path, [question(n) for n in range(9)])
    config = DataConfig(task="question_answering", test_file=str(path), max_eval_samples=4)
    assert len(held_out_questions(config, None)[1]) == 4


def test_batches_hold_tokens_by_default():
    sizes = []
    asked = [Question(f"q{n}", "who", (Segment("river " * 190),)) for n in range(20)]
    model = KnownLogits()
    forward = model.forward
    model.forward = lambda input_ids, attention_mask: (
        sizes.append(tuple(input_ids.shape)) or forward(input_ids, attention_mask)
    )
    Reader(model, wordpiece(), ReaderConfig(windows=WindowConfig(384, 16))).read(asked)
    assert sum(size for size, _ in sizes) == 20
    assert all(size * length <= TOKENS["cpu"] for size, length in sizes)
    assert max(size for size, _ in sizes) > 4
    assert np.prod(sizes[0]) > TOKENS["cpu"] / 2

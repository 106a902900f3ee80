"""What a classifier does not read, and classes that look wrong, are said in notes."""

import numpy as np
import pytest
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.options import parse_arguments
from cmploss.tasks.text import task_data
from cmploss.tasks.text.encoding import covering_length, notes_of_encoding, notes_on_inputs, token_counts
from cmploss.tasks.text.text_task import TextTask
from tests.local_model import GOOD, reviews, save_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("models") / "encoder")


@pytest.fixture(scope="module")
def tokenizer(encoder):
    return TextTask(task_data(reviews(60)), encoder, 16).tokenizer


WORD = GOOD[0]


def texts(*counts, other=""):
    """Texts of that many words, which are one token each."""
    return Dataset.from_dict({"text": [" ".join([WORD] * count) + other for count in counts]})


def test_lengths_count_special_tokens_and_nothing_is_cut(tokenizer):
    lengths, unknown = token_counts(texts(1, 5, 40), tokenizer)
    assert (lengths.tolist(), unknown) == ([3, 7, 42], 0)


def test_pairs_are_one_input(tokenizer):
    pairs = Dataset.from_dict({"text": [WORD], "text_pair": [f"{WORD} {WORD}"]})
    assert token_counts(pairs, tokenizer)[0].tolist() == [6]


def test_cut_examples_and_lost_tokens_are_counted(tokenizer):
    # 3, 7 and 42 tokens; at 10 one is cut and loses 32 of 52
    counts = {"train": token_counts(texts(1, 5, 40), tokenizer)}
    assert list(notes_of_encoding(counts, 10, limit=42)) == [
        "1 of 3 examples of the train split are cut at 10 tokens and lose 61.5 % of its tokens; --max_length auto "
        "cuts only 1 % of the training texts."
    ]
    assert list(notes_of_encoding(counts, 42, limit=42)) == []


def test_auto_is_proposed_only_where_it_cuts_less(tokenizer):
    """Not where the model reads fewer tokens, nor where the length is that of auto already."""
    counts = {"train": token_counts(texts(1, 5, 40), tokenizer), "test": token_counts(texts(60), tokenizer)}
    for length, limit in ((10, 41), (41, 41), (42, 90)):
        notes = list(notes_of_encoding(counts, length, limit))
        assert f"1 of 1 examples of the test split are cut at {length} tokens" in notes[-1]
        assert "auto" not in "".join(notes)


def test_every_text_of_an_example_counts():
    # 2 + 4 + 5 of 12 + 4 + 14 + 15 + 10 + 10 tokens
    lengths = np.array([[12, 4], [14, 15], [10, 10]])
    assert list(notes_on_inputs(lengths, 0, 10, "the data")) == [
        "2 of 3 examples of the data are cut at 10 tokens and lose 16.9 % of its tokens."
    ]


def test_unknown_tokens_are_counted(tokenizer):
    notes = list(notes_of_encoding({"test": token_counts(texts(1, 2, other=" ∮"), tokenizer)}, 16, limit=16))
    assert notes == ["2 tokens of the test split (22 %) are unknown to the tokenizer."]


def test_auto_reads_99_percent_of_the_training_texts_whole(tokenizer, encoder):
    assert covering_length(token_counts(texts(*[8] * 99, 20), tokenizer)[0]) == 10
    assert covering_length(token_counts(texts(*[8] * 98, 20, 20), tokenizer)[0]) == 22
    longer = [{"text": 9 * f"{row['text']} ", "label": row["label"]} for row in reviews(60)]
    limited = TextTask(task_data(longer), encoder, "auto")
    assert limited.max_length == 40  # the limit of the model
    assert "auto" not in "".join(limited.notes)
    task = TextTask(task_data(reviews(60)), encoder, "auto")
    longest = max(map(len, task.split("train")["input_ids"]))
    assert task.max_length == longest == task.settings["max_length"]
    assert not any("are cut" in note for note in task.notes if "train split" in note)


def test_the_default_is_at_most_the_limit_of_the_model(encoder, tmp_path):
    task = TextTask(task_data(reviews(60)), encoder)
    assert task.max_length == min(128, task.tokenizer.model_max_length)


def test_classes_that_look_wrong():
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate(["Yes", "yes", "no"] * 10)]
    notes = task_data(rows, [{"text": "one", "label": "no"}], [{"text": "two", "label": "yes"}]).notes
    assert "The labels 'Yes', 'yes' differ only in case." in notes
    assert "The validation split has no example of 'Yes', 'yes'." in notes
    assert "The test split has no example of 'Yes', 'no'." in notes
    assert not [note for note in task_data(reviews(60)).notes if "no example" in note or "case" in note]


def test_questions_have_no_automatic_length():
    from cmploss.tasks.qa.qa_config import QuestionConfig
    from cmploss.tasks.qa.question_task import QuestionTask

    data = type("Data", (), {"name": "squad", "measures": (), "sizes": {}, "notes": (), "whole": None})()
    with pytest.raises(UserError, match="--max_length auto is for texts; leave it out for squad"):
        QuestionTask(data, "model", "auto", QuestionConfig())


def test_auto_is_a_word_of_a_number_option():
    options = parse_arguments(["--max_length", "auto"], (ModelConfig,))
    assert options[ModelConfig].max_length == "auto"
    assert parse_arguments(["--max_length", "64"], (ModelConfig,))[ModelConfig].max_length == 64
    with pytest.raises(UserError, match="--max_length must be a whole number or auto, got 'all'"):
        parse_arguments(["--max_length", "all"], (ModelConfig,))

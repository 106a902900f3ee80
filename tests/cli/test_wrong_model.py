"""Models and data that do not fit one another are refused before training, or before anything is written."""

import shutil

from tests.cli.test_commands import TRAIN
from tests.local_model import csv_of, reviews

PAIRS = [{"premise": row["text"], "hypothesis": "so", "label": row["label"]} for row in reviews(20)]


def test_a_tokenizer_that_knows_no_word(refused, workplace):
    (workplace / "train.csv").write_text(csv_of([{**row, "text": f"x{n}"} for n, row in enumerate(reviews(20))]))
    words = ["error: the tokenizer of the model knows no word of the training split", "its own tokenizer"]
    for command in ("train", "compare"):
        assert refused(f"{command} --model models/encoder --train_file train.csv --max_steps 2 --output_dir out", words)


def test_some_words_are_enough(cmploss, workplace):
    rows = [{**row, "text": f"x{n}" if n else row["text"]} for n, row in enumerate(reviews(20))]
    for name in ("train.csv", "validation.csv"):
        (workplace / name).write_text(csv_of(rows))
    assert cmploss(f"{TRAIN} --train_file train.csv --validation_file validation.csv")[0] == 0


def test_a_model_of_pairs_reads_pairs(cmploss, refused, workplace):
    shutil.copy("train.csv", "single.csv")
    (workplace / "train.csv").write_text(csv_of(PAIRS))
    assert cmploss(TRAIN)[0] == 0
    words = ["error: the model was trained on pairs of texts, but these are single texts; give --text_column"]
    for command in ("predict", "evaluate"):
        assert refused(f"{command} --model out --test_file single.csv", words)
        assert cmploss(f"{command} --model out --test_file train.csv")[0] == 0


def test_a_model_of_single_texts_reads_single_texts(cmploss, refused, workplace):
    assert cmploss(TRAIN)[0] == 0
    (workplace / "pairs.csv").write_text(csv_of(PAIRS))
    words = ["error: the model was trained on single texts, but these are pairs of texts; give --text_column"]
    assert refused("predict --model out --test_file pairs.csv", words)
    assert cmploss("predict --model out --test_file pairs.csv --text_column premise")[0] == 0


def test_no_full_batch(refused):
    words = ["error: --dataloader_drop_last true: there is no batch of 64 examples"]
    assert refused(f"{TRAIN} --dataloader_drop_last true --per_device_train_batch_size 64", words)


def test_a_very_long_text(cmploss, workplace):
    rows = reviews(20)
    rows[3]["text"] += " so" * 70_000  # the limit of Python's csv module is 131,072 characters
    (workplace / "train.csv").write_text(csv_of(rows))
    status, _, error = cmploss(TRAIN)
    assert (status, " are cut at " in error) == (0, True)

"""Models and data that do not fit one another are refused before training, or before anything is written."""

import shutil

import pytest
import torch

from cmploss.models import load_tokenizer, longest_input, new_classifier
from tests.cli.test_commands import TRAIN
from tests.local_model import WORDS, csv_of, reviews
from tests.tiny import model_of

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


def test_a_saved_model_reads_as_much_as_in_training(models):
    tokenizer = load_tokenizer(str(models / "encoder"))
    for saved, read in ((16, 16), (1024, 1024), (int(1e30), 512)):
        tokenizer.model_max_length = saved
        assert longest_input(tokenizer) == read


@pytest.mark.parametrize(("kind", "positions", "limit"), [("Bert", 64, 64), ("Roberta", 66, 64)])
def test_a_model_has_no_more_tokens_than_positions(models, tmp_path, kind, positions, limit):
    """A tokenizer without a limit of its own; RoBERTa's first position is that after padding, here 1."""
    model = model_of(kind, max_position_embeddings=positions, vocab_size=len(WORDS), pad_token_id=1)
    model.base_model.save_pretrained(tmp_path)
    tokenizer = load_tokenizer(str(models / "encoder"))
    tokenizer.model_max_length = int(1e30)
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(str(tmp_path)).model_max_length == limit
    ids = torch.full((1, limit), 7)
    assert model(input_ids=ids).logits.shape[0] == 1
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, limit + 1), 7))


@pytest.mark.parametrize("names", [("zz", "Good", "bad"), ("bad", "good", "zz"), ("good", "zz", "bad")])
def test_the_rows_of_a_head_go_to_the_classes_of_their_names(models, tmp_path, names):
    folder = str(models / "encoder")
    model = new_classifier(folder, names, seed=0)
    model.save_pretrained(tmp_path)
    load_tokenizer(folder).save_pretrained(tmp_path)
    rows = dict(zip([name.lower() for name in names], model.classifier.weight.tolist(), strict=True))
    bias = dict(zip([name.lower() for name in names], model.classifier.bias.tolist(), strict=True))
    kept = new_classifier(str(tmp_path), ("bad", "good", "zz"), seed=1)
    assert kept.classifier.weight.tolist() == [rows["bad"], rows["good"], rows["zz"]]
    assert kept.classifier.bias.tolist() == [bias["bad"], bias["good"], bias["zz"]]
    other = new_classifier(str(tmp_path), ("a", "b", "c"), seed=1)
    assert other.classifier.weight.tolist() == model.classifier.weight.tolist()

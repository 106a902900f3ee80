"""Extracts of real files: sizes, labels and faults."""

from collections import Counter
from pathlib import Path

import pytest

from cmploss.errors import UserError
from cmploss.tasks.text import DataConfig, load_data

FOLDER = Path(__file__).parent / "extracts"


@pytest.mark.parametrize(
    ("task", "folder", "sizes"),
    [
        ("stsb", "STS-B", {"train": 12, "validation": 6}),
        ("wnli", "WNLI", {"train": 12, "validation": 6}),
        ("qnli", "QNLI", {"train": 24 - 2 - 5, "validation": 2, "test": 5}),
        ("mnli", "MNLI", {"train": 30 - 3 - 6, "validation": 3, "test": 6}),
    ],
)
def test_original_glue_folders(task, folder, sizes):
    data = load_data(DataConfig(task=task, data_dir=str(FOLDER / folder)))
    assert data.sizes == sizes
    assert data.eval_split == ("test" if "test" in sizes else "validation")


def test_labels_of_two_published_files():
    data = load_data(DataConfig(task="stsb", data_dir=str(FOLDER / "STS-B")))
    assert data.train[0] == {"text": "A plane is taking off.", "text_pair": "An air plane is taking off.", "label": 5.0}
    data = load_data(DataConfig(task="wnli", data_dir=str(FOLDER / "WNLI")))
    first = data.train[0]
    assert (first["text_pair"], data.label_names[first["label"]]) == ("The carrot had a hole.", "entailment")


def test_intents_leave_a_validation_split_with_every_class():
    train, test = (str(FOLDER / f"banking77_{name}.csv") for name in ("train", "test"))
    data = load_data(DataConfig(train_file=train, test_file=test))
    assert data.sizes == {"train": 24 - 3, "validation": 3, "test": 9}
    assert data.label_names == ("card_arrival", "exchange_rate", "lost_or_stolen_card")
    assert Counter(data.validation["label"]) == {0: 1, 1: 1, 2: 1}


def test_latin_1_is_named_with_its_line():
    with pytest.raises(UserError, match=r"imdb_latin_1.tsv, line 3: byte 0x[0-9a-f]{2} is not UTF-8"):
        load_data(DataConfig(train_file=str(FOLDER / "imdb_latin_1.tsv")))

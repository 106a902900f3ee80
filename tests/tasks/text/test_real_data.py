"""The data sets in shared/data, where they are at hand: sizes as their README states them."""

from collections import Counter
from pathlib import Path

import pytest

from cmploss.errors import UserError
from cmploss.tasks.text import DataConfig, load_data

ROOT = Path(__file__).parents[2] / "../shared/data"

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the data folder ../shared/data is not there")


@pytest.mark.parametrize(
    ("task", "folder", "sizes"),
    [
        ("cola", "CoLA", (8551, 1043, None)),
        ("sst2", "SST-2", (67349, 872, 1821)),
        ("mrpc", "MRPC", (3668, 408, 1725)),
        ("stsb", "STS-B", (5749, 1500, None)),
        ("rte", "RTE", (2490, 277, None)),
        ("wnli", "WNLI", (635, 71, None)),
        ("qnli", "QNLI", (5463 - 546 - 1093, 546, 1093)),
        ("mnli", "MNLI", (9815 - 982 - 1963, 982, 1963)),
    ],
)
def test_original_glue_folders(task, folder, sizes):
    data = load_data(DataConfig(task=task, data_dir=str(ROOT / "glue" / folder)))
    parts = (data.train, data.validation, data.test)
    assert tuple(part and len(part) for part in parts) == sizes


def test_sst2_test_part_and_its_shared_texts():
    data = load_data(DataConfig(task="sst2", data_dir=str(ROOT / "glue/SST-2")))
    assert Counter(data.test["label"][:]) == {0: 912, 1: 909}
    assert data.notes == ("2 texts of the test part also stand in the training part.",)


def test_qqp_needs_its_first_line_dropped(tmp_path):
    path = ROOT / "glue/QQP/subset.tsv"
    with pytest.raises(UserError, match=r"subset.tsv, line 1: expected 6 fields .* found 5"):
        load_data(DataConfig(task="qqp", train_file=str(path)))
    mended = tmp_path / "subset.tsv"
    mended.write_bytes(path.read_bytes().partition(b"\n")[2])
    data = load_data(DataConfig(task="qqp", train_file=str(mended)))
    assert len(data.train) + len(data.validation) + len(data.test) == 23497 - 1


def test_reviews_in_quoted_fields_that_span_lines():
    train, dev, test = (str(ROOT / f"sentiment/amazon_electronics/{name}.tsv") for name in ("train", "dev", "test"))
    data = load_data(DataConfig(train_file=train, validation_file=dev, test_file=test))
    assert [Counter(part["label"][:]) for part in (data.train, data.validation, data.test)] == [
        {0: 850, 1: 850},
        {0: 150, 1: 150},
        {0: 1000, 1: 1000},
    ]
    assert any("\n" in text for text in data.train["text"])


def test_intents_leave_a_validation_part_with_every_class():
    folder = ROOT / "intents/banking77"
    data = load_data(DataConfig(train_file=str(folder / "train.csv"), test_file=str(folder / "test.csv")))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [9003, 1000, 3080]
    assert len(data.label_names) == len(set(data.validation["label"])) == 77


def test_quotes_of_glue_break_standard_quoting_loudly():
    with pytest.raises(UserError, match=r"train.tsv, line \d+: the quoting is broken"):
        load_data(DataConfig(train_file=str(ROOT / "glue/MRPC/train.tsv")))


def test_latin_1_is_named_with_its_line(tmp_path):
    path = tmp_path / "imdb.tsv"
    path.write_bytes((ROOT / "sentiment/imdb_labelled.txt").read_bytes())
    with pytest.raises(UserError, match=r"imdb.tsv, line 221: byte 0xe9 is not UTF-8"):
        load_data(DataConfig(train_file=str(path)))

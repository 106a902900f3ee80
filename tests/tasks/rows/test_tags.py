"""Tags: files, the labels of word pieces, entities by hand, and the offsets of predictions."""

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from seqeval.metrics import f1_score, precision_score, recall_score
from transformers import BertTokenizer, CanineTokenizer, RobertaTokenizer

from cmploss.errors import UserError
from cmploss.losses.per_example import IGNORED
from cmploss.models import load_tokenizer
from cmploss.tasks.data_config import DataConfig, check_config
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.rows.row_kind import Found
from cmploss.tasks.tags.tag_kind import TagKind
from cmploss.tasks.tags.tag_rows import TaggedText, open_tags, read_tags, tag_names

CONFIG = DataConfig(task="tags")
CONLL = "-DOCSTART- -X- O\n\nUlla NNP B-PER\nvisits VB O\nNew NNP B-LOC\nUlm NNP I-LOC\n\n\nBye UH O\n"


@pytest.fixture
def examples(tmp_path):
    path = tmp_path / "made_up.conll"
    path.write_text(CONLL)
    return read_tags(open_tags(path), CONFIG, None)


@pytest.fixture
def kind(examples):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ul", "##la", "##m", "visits", "new", "bye"]
    tokenizer = BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)})
    return TagKind(tokenizer, tag_names(examples, "made_up.conll"))


def test_columns_of_conll(examples):
    assert [example.tokens for example in examples] == [("Ulla", "visits", "New", "Ulm"), ("Bye",)]
    assert [example.tags for example in examples] == [("B-PER", "O", "B-LOC", "I-LOC"), ("O",)]
    assert tag_names(examples, "") == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def test_the_first_piece_of_a_token_has_its_tag(kind, examples):
    found = kind.encoded(examples)
    # [CLS] ul ##la visits new ul ##m [SEP]; ids of O, B-LOC, I-LOC, B-PER, I-PER are 0 to 4
    assert found["labels"][0] == [-100, 3, -100, 0, 1, 2, -100, -100]
    assert found["input_ids"][0] == [2, 4, 5, 7, 8, 4, 6, 3]
    assert kind.encoded(examples, truncation=True, max_length=5)["labels"][0] == [-100, 3, -100, 0, -100]


def test_a_token_without_a_piece_keeps_its_place(kind):
    rows = [{"tokens": ["\u200b", "Bye"], "tags": ["O", "B-PER"]}]
    assert kind.encoded(read_tags(table_of(rows, "x"), CONFIG, None))["labels"] == [[-100, 0, 3, -100]]


def test_tokenizers_of_bytes_see_the_start_of_a_word(tmp_path):
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", "a", "b"]
    RobertaTokenizer({piece: number for number, piece in enumerate(pieces)}, []).save_pretrained(tmp_path)
    kind = TagKind(load_tokenizer(str(tmp_path), **TagKind.tokenizer_options), ["O", "B-X"])
    found = kind.encoded(read_tags(table_of([{"tokens": ["ab", "a"], "tags": ["O", "B-X"]}], "x"), CONFIG, None))
    assert (found["input_ids"], found["labels"]) == ([[0, 5, 6, 7, 5, 6, 2]], [[-100, 0, -100, -100, 1, -100, -100]])


def of(kind, tags):
    return np.eye(len(kind.names))[[kind.names.index(tag) for tag in tags]]


def test_entities_are_scored_as_wholes_and_cut_tokens_are_o(kind, examples):
    # right: PER; LOC has the wrong end, as its last token was cut. Found 2, true 2, both 1.
    found = Found([of(kind, ["B-PER", "O", "B-LOC"]), of(kind, ["O"])], np.zeros(2), examples)
    assert kind.scores(found, None) == {"f1": 50.0, "precision": 50.0, "recall": 50.0}
    assert kind.lists(found, None) == {
        "labels": [["PER: Ulla", "LOC: New Ulm"], []],
        "predictions": ["PER: Ulla / LOC: New", ""],
        "score": [50.0, 100.0],
    }
    assert kind.classes(found, None)["PER"] == {"precision": 100.0, "recall": 100.0, "f1": 100.0, "support": 1.0}
    tags = [["B-PER", "O", "B-LOC", "O"], ["O"]]
    assert kind.scores(found, None)["f1"] == 100 * f1_score([list(each.tags) for each in examples], tags)


def test_scores_are_those_of_seqeval_to_all_digits(kind):
    draw, names = np.random.default_rng(0), list(kind.names)
    truth, guesses = ([[str(tag) for tag in draw.choice(names, size=9)] for _ in range(40)] for _ in range(2))
    examples = [TaggedText(tuple("abcdefghi"), tuple(tags), "a b c d e f g h i") for tags in truth]
    guesses = [["O" if other < 4 else tag for other, tag in enumerate(tags)] for tags in guesses]  # fewer are found
    scores = kind.scores(Found([of(kind, tags) for tags in guesses], np.zeros(40), examples), None)
    assert scores == {
        "f1": 100 * f1_score(truth, guesses),
        "precision": 100 * precision_score(truth, guesses),
        "recall": 100 * recall_score(truth, guesses),
    }
    assert scores["precision"] > 1.5 * scores["recall"] > 0


def test_nothing_found_and_nothing_there_is_no_error(kind, examples):
    found = Found([of(kind, ["O"])], np.zeros(1), examples[1:])
    assert kind.scores(found, None) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_predictions_have_offsets_in_the_text(kind):
    rows = [{"text": "Ulla  visits (New Ulm)."}]
    (example,) = read_tags(table_of(rows, "x"), CONFIG, None, labelled=False)
    assert example.tokens == ("Ulla", "visits", "(", "New", "Ulm", ")", ".")
    tags = ["B-PER", "O", "O", "B-LOC", "I-LOC", "O", "O"]
    _, (row,) = kind.written(Found([of(kind, tags)], np.zeros(1), [example]), None)
    ends = [(each["text"], each["start"], each["end"]) for each in row["entities"]]
    assert ends == [("Ulla", 0, 4), ("New Ulm", 14, 21)]
    assert [(each["first_token"], each["last_token"]) for each in row["entities"]] == [(0, 0), (3, 4)]


def test_numbers_have_names():
    names = ["O", "B-PER", "I-PER"]
    rows = {"tokens": [["New", "Ulla", "so"]], "tags": [[0, 1, 2]]}
    kinds = Features({"tokens": List(Value("string")), "tags": List(ClassLabel(names=names))})
    expected = (TaggedText(("New", "Ulla", "so"), ("O", "B-PER", "I-PER"), "New Ulla so"),)
    assert read_tags(table_of(Dataset.from_dict(rows, features=kinds), "x"), CONFIG, None) == expected
    plain = table_of([{"tokens": ["New", "Ulla", "so"], "tags": [0, 1, 2]}], "x")
    assert read_tags(plain, DataConfig(task="tags", tag_names="O, B-PER,I-PER"), None) == expected
    with pytest.raises(UserError, match="the tag 0 is a number; give the names of all in their order, as in"):
        read_tags(plain, CONFIG, None)
    with pytest.raises(UserError, match="the tag 2 is no number from 0 to 1, those of --tag_names"):
        read_tags(plain, DataConfig(task="tags", tag_names="O,B-PER"), None)
    with pytest.raises(UserError, match="--tag_names is for --task tags; leave it out"):
        check_config(DataConfig(task="multi_label", train_file="x.csv", tag_names="O,B-PER"))


def test_a_tagger_without_the_tag_o_and_a_tokenizer_that_is_not_fast(kind):
    other = TagKind(kind.tokenizer, ("NOUN", "VERB"))
    assert set(other.encoded([TaggedText(("lovely", "lamp"), (), "")])["labels"][0]) == {IGNORED, 0}
    with pytest.raises(UserError, match="--task tags needs a model with a fast tokenizer"):
        TagKind(CanineTokenizer(), ("O", "B-X"))
